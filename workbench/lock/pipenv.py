"""One folder's lock: from its Pipfile to Pipfile.lock and the exported requirement lists."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from workbench.errors import WorkbenchError
from workbench.files import has_text, write_whole
from workbench.lock.conflict import explained
from workbench.lock.pipfile import PIPFILE, categories, data_of, merged
from workbench.lock.sources import check_sources, sources_of, with_index_lines
from workbench.packages import normalized_name, pins
from workbench.process import captured

LOCK = "Pipfile.lock"
_EXTRAS = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\[(?P<extras>[^\]]+)\]")
_IS_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?==\S+.*--hash=")


def export_name(category: str) -> str:
    """Return the file that a category is exported to: requirements.txt, requirements-jupyter.txt, …"""
    return "requirements.txt" if category == "packages" else f"requirements-{category}.txt"


def is_current(folder: str, above: Sequence[str] = ()) -> bool:
    """Return whether the lock in `folder` belongs to its Pipfile and its exports to the lock.

    `above` are the folders whose Pipfiles it builds on: a change to one of those counts too. Raises
    WorkbenchError when a Pipfile cannot be read.
    """
    lock_file = os.path.join(folder, LOCK)
    text = merged([*above, folder])
    if not os.path.exists(lock_file):
        return False
    with _beside(text) as beside:
        shutil.copy(lock_file, beside)
        if _pipenv(beside, "verify").returncode != 0:
            return False
        return all(has_text(os.path.join(folder, name), text) for name, text in exports(beside, folder).items())


@contextmanager
def _beside(pipfile: str) -> Iterator[str]:
    """Give a scratch folder with a Pipfile of this text."""
    with tempfile.TemporaryDirectory(prefix="workbench-lock-") as beside:
        with open(os.path.join(beside, PIPFILE), "w", encoding="utf-8") as file:
            file.write(pipfile)
        yield beside


def exports(folder: str, where: str) -> dict[str, str]:
    """Return the requirement lists of the lock in `folder` by file name: pins with hashes, further indexes by variable.

    What pipenv found for no platform or Python like this one has no version in the lock, and is left out. Raises
    WorkbenchError for a package that has no version or no hashes for another reason.
    """
    found = {}
    with open(os.path.join(folder, LOCK), encoding="utf-8") as file:
        data = json.load(file)
    _refuse_unpinned(data, where)
    with open(os.path.join(folder, PIPFILE), encoding="utf-8") as file:
        sources = sources_of(data_of(file.read()))
    for category in categories(folder):
        done = _pipenv(folder, "requirements", "--hash", "--categories", category)
        if done.returncode != 0:
            raise WorkbenchError(f"pipenv cannot export {category}: {_last(done)}", where=os.path.join(folder, LOCK))
        lines = [line for line in done.stdout.splitlines() if _IS_PIN.match(line)]
        if category != "packages":
            lines = [_without_extras_of(data.get("default", {}), line) for line in lines]
        entries = data.get("default" if category == "packages" else category, {})
        found[export_name(category)] = "".join(f"{line}\n" for line in with_index_lines(lines, entries, sources))
    return found


def _without_extras_of(packages: Mapping[str, Any], line: str) -> str:
    """Return the line of a category's list without its extras where `packages` has the package with them too.

    pipenv (2026.10) carries those over from `packages`, but not what they need: that is in the list of `packages`,
    which is installed before. With hashes required, uv refuses a list that needs what it does not have.
    """
    match = _EXTRAS.match(line)
    ours = {normalized_name(name): set(entry.get("extras", ())) for name, entry in packages.items()}
    if match is None or not {*match["extras"].split(",")} <= ours.get(normalized_name(match["name"]), set()):
        return line
    return match["name"] + line[match.end() :]


def left_out(lock_text: str) -> tuple[str, ...]:
    """Return the packages of a lock's text that are for another platform or Python, and in none of its lists."""
    entries = ((name, entry) for _, each in _entries(json.loads(lock_text)) for name, entry in each.items())
    return tuple(dict.fromkeys(sorted(name for name, entry in entries if is_elsewhere(entry))))


def is_elsewhere(entry: Mapping[str, Any]) -> bool:
    """Return whether a lock's entry is for another platform or Python: pipenv found no version of it for this one."""
    return "markers" in entry and entry.get("version", "*") == "*" and not {"git", "file", "path"} & entry.keys()


def _entries(data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for category, entries in data.items():
        if category not in ("_meta", "develop") and isinstance(entries, dict):
            yield category, entries


def _refuse_unpinned(data: Mapping[str, Any], where: str) -> None:
    """Raise WorkbenchError for what cannot be installed with hashes required."""
    for category, entries in _entries(data):
        for name, entry in entries.items():
            lacks = [key for key in ("version", "hashes") if not entry.get(key)]
            if lacks and not is_elsewhere(entry):
                raise WorkbenchError(
                    f"{name} in [{'packages' if category == 'default' else category}] is locked without "
                    f"{' and '.join(lacks)}, and images install with hashes only",
                    where=where,
                    hint="take it from a package index: no folder, file or repository has both",
                )


def lock(folder: str, interpreter: str, above: Sequence[str] = ()) -> tuple[str, ...]:
    """Lock the Pipfile in `folder` for `interpreter`: all categories at once, so they fit together.

    What is locked is that Pipfile over those in the folders `above`, so the lock and its exports are whole.

    Everything is made beside, then put in place by renames, the lock last: whatever interrupts
    it, a half lock is never taken for a whole one. Returns the packages that are left out: they are for another
    platform or Python. Raises WorkbenchError with the requirements in conflict, or pipenv's own words.
    """
    files = locked(merged([*above, folder]), interpreter, os.path.join(folder, PIPFILE))
    for name, text in files.items():
        write_whole(os.path.join(folder, name), text)
    return left_out(files[LOCK])


def locked(pipfile: str, interpreter: str, where: str, *, one_pin: bool = True) -> dict[str, str]:
    """Return the requirement lists and, last, the lock of a Pipfile's text, by file name; nothing is written.

    Raises WorkbenchError with pipenv's own words about the Pipfile at `where`, for an index that is not named by a
    variable or whose variable is not set, and, but for `one_pin`, when two categories have a package in two versions.
    """
    check_sources(data_of(pipfile), where)
    with _beside(pipfile) as beside:
        done = _pipenv(beside, "lock", "--python", interpreter, "--categories", " ".join(categories(beside)))
        if done.returncode != 0:
            why = explained(pipfile, interpreter)
            raise WorkbenchError(f"pipenv cannot lock it: {why or _last(done)}", where=where)
        files = exports(beside, where)
        if one_pin:
            _refuse_two_pins(files, where)
        with open(os.path.join(beside, LOCK), encoding="utf-8") as file:
            return {**files, LOCK: file.read()}


def exported(pipfile: str, lock_text: str, where: str) -> dict[str, str]:
    """Return the requirement lists of a lock's text, which belongs to a Pipfile's text, by file name.

    Raises WorkbenchError when pipenv cannot make them, or a package has two versions.
    """
    with _beside(pipfile) as beside:
        with open(os.path.join(beside, LOCK), "w", encoding="utf-8") as file:
            file.write(lock_text)
        files = exports(beside, where)
    _refuse_two_pins(files, where)
    return files


def _refuse_two_pins(files: Mapping[str, str], where: str) -> None:
    """Raise WorkbenchError when a category has a package in another version than `packages`.

    An image installs those two. Two other categories, each for an IDE of its own, are never installed together.
    """
    ours = dict(pins(files.get(export_name("packages"), "")))
    two = [
        f"{name} ({ours[name]}, and {version} in {list_name})"
        for list_name, text in files.items()
        for name, version in pins(text)
        if ours.get(name, version) != version
    ]
    if two:
        raise WorkbenchError(
            f"the categories want different versions of {', '.join(sorted(two))}",
            where=where,
            hint="name one version of each in the Pipfile",
        )


def _pipenv(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PIPENV_PIPFILE": os.path.join(os.path.abspath(folder), PIPFILE),
        # The lock is for another interpreter than ours, and its scratch environment goes with the folder.
        "PIPENV_IGNORE_VIRTUALENVS": "1",
        "PIPENV_VENV_IN_PROJECT": "1",
        "PIPENV_NOSPIN": "1",
        "PIPENV_VERBOSITY": "-1",
    }
    command = [sys.executable, "-m", "pipenv", *arguments]
    # pipenv leaves its requests behind in the folder for temporary files: give it one that goes.
    with tempfile.TemporaryDirectory(prefix="workbench-pipenv-") as scratch:
        environment["TMPDIR"] = scratch
        return captured(command, cwd=folder, env=environment)


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return " | ".join(lines[-6:])
