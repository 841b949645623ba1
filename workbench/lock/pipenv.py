"""One folder's lock: from its Pipfile to Pipfile.lock and the exported requirement lists."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from workbench.errors import WorkbenchError
from workbench.files import has_text, write_whole
from workbench.lock.pipfile import PIPFILE, categories, merged
from workbench.packages import pins
from workbench.process import captured

LOCK = "Pipfile.lock"


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
        return all(has_text(os.path.join(folder, name), text) for name, text in exports(beside).items())


@contextmanager
def _beside(pipfile: str) -> Iterator[str]:
    """Give a scratch folder with a Pipfile of this text."""
    with tempfile.TemporaryDirectory(prefix="workbench-lock-") as beside:
        with open(os.path.join(beside, PIPFILE), "w", encoding="utf-8") as file:
            file.write(pipfile)
        yield beside


def exports(folder: str) -> dict[str, str]:
    """Return the requirement lists of the lock in `folder` by file name: pins with hashes, no index."""
    found = {}
    for category in categories(folder):
        done = _pipenv(folder, "requirements", "--hash", "--categories", category)
        if done.returncode != 0:
            raise WorkbenchError(f"pipenv cannot export {category}: {_last(done)}", where=os.path.join(folder, LOCK))
        lines = [line for line in done.stdout.splitlines() if line and not line.startswith("-")]
        found[export_name(category)] = "".join(f"{line}\n" for line in lines)
    return found


def lock(folder: str, interpreter: str, above: Sequence[str] = ()) -> None:
    """Lock the Pipfile in `folder` for `interpreter`: all categories at once, so they fit together.

    What is locked is that Pipfile over those in the folders `above`, so the lock and its exports are whole.

    Everything is made beside, then put in place by renames, the lock last: whatever interrupts
    it, a half lock is never taken for a whole one. Raises WorkbenchError with pipenv's own words.
    """
    files = locked(merged([*above, folder]), interpreter, os.path.join(folder, PIPFILE))
    for name, text in files.items():
        write_whole(os.path.join(folder, name), text)


def locked(pipfile: str, interpreter: str, where: str, *, one_pin: bool = True) -> dict[str, str]:
    """Return the requirement lists and, last, the lock of a Pipfile's text, by file name; nothing is written.

    Raises WorkbenchError with pipenv's own words about the Pipfile at `where`, and, but for
    `one_pin`, when two categories have a package in two versions.
    """
    with _beside(pipfile) as beside:
        done = _pipenv(beside, "lock", "--python", interpreter, "--categories", " ".join(categories(beside)))
        if done.returncode != 0:
            raise WorkbenchError(f"pipenv cannot lock it: {_last(done)}", where=where)
        files = exports(beside)
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
        files = exports(beside)
    _refuse_two_pins(files, where)
    return files


def _refuse_two_pins(files: Mapping[str, str], where: str) -> None:
    """Raise WorkbenchError when a package has two versions: pipenv fits each category to `packages` only."""
    found: dict[str, set[str]] = {}
    for text in files.values():
        for name, version in pins(text):
            found.setdefault(name, set()).add(version)
    if two := [f"{name} ({', '.join(sorted(versions))})" for name, versions in found.items() if len(versions) > 1]:
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
