"""Why the categories of a Pipfile cannot be locked together: pipenv names one side of a conflict, uv knows both."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.files import cache_folder
from workbench.indexes import MAIN
from workbench.lock.pipfile import data_of, tables_of
from workbench.lock.sources import addresses_of
from workbench.packages import normalized_name
from workbench.process import captured

# uv 0.9, --annotation-style=line: `name==version  # via one, other`; `-r` or `-` stands for the list itself.
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)[^#]*(?:#\s*via\s+(?P<via>.*))?$")
_LONGEST = 700


@dataclass(frozen=True, slots=True)
class _Resolved:
    """What uv found: each package's version, the packages that brought it, and its message when it failed."""

    versions: dict[str, str] = field(default_factory=dict)
    via: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failure: str = ""


def explained(pipfile: str, interpreter: str) -> str:
    """Return why the Pipfile of this text cannot be locked: the requirements in conflict, and their categories.

    "" when uv, which explains it, is not installed or finds no conflict.
    """
    program = uv_program()
    if program is None:
        return ""
    data = data_of(pipfile)
    tables = {name: dict(_requirements(lines)) for name, lines in tables_of(data)}
    first, *further = addresses_of(data) or [os.environ.get(MAIN, "")]
    indexes = {"UV_DEFAULT_INDEX": first, "UV_INDEX": " ".join(further)}
    ours = tables.pop("packages", {})
    below = _resolve(program, interpreter, list(ours.values()), {}, indexes)
    if below.failure:
        return f"[packages]: {below.failure}"
    for category, lines in tables.items():
        found = _resolve(program, interpreter, list(lines.values()), below.versions, indexes)
        if found.failure:
            return "; ".join([*_sides(category, lines, ours, below, found.failure), found.failure])
    return ""


def uv_program() -> str | None:
    """Return the path of uv, beside this Python or on the PATH; None where it is not installed."""
    return shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")


def _sides(
    category: str, lines: Mapping[str, str], ours: Mapping[str, str], below: _Resolved, failure: str
) -> Iterator[str]:
    """Yield, for each package that the message of uv is about, what both sides of the conflict require."""
    words = {normalized_name(word) for word in re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]", failure)}
    named = {word.partition("==")[0] for word in words}
    for name in sorted(named & below.versions.keys()):
        roots = [ours[root] for root in _roots(name, below, set()) if root in ours]
        theirs = f"[{category}] requires {lines[name]}" if name in lines else f"[{category}] needs another {name}"
        brought = f", by {', '.join(roots)}" if roots else ""
        yield f"{theirs}, and [packages] has {name} {below.versions[name]}{brought}"


def _roots(name: str, below: _Resolved, seen: set[str]) -> list[str]:
    """Return the requirements of the list that bring a package, by name; a circle ends where it began."""
    seen.add(name)
    above = below.via.get(name, ())
    found = [name] if any(each.startswith("-") for each in above) or not above else []
    for each in above:
        if not each.startswith("-") and each not in seen:
            found += _roots(each, below, seen)
    return list(dict.fromkeys(found))


def _requirements(lines: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the lines of a category as requirements, by normalised name; what is no version is left out."""
    for name, value in lines.items():
        entry = value if isinstance(value, dict) else {"version": value}
        version = entry.get("version", "")
        if version:
            extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
            marker = f" ; {entry['markers']}" if entry.get("markers") else ""
            yield normalized_name(name), f"{name}{extras}{'' if version == '*' else version}{marker}"


def _resolve(
    program: str, interpreter: str, lines: Sequence[str], pins: Mapping[str, str], indexes: Mapping[str, str]
) -> _Resolved:
    with tempfile.TemporaryDirectory(prefix="workbench-conflict-") as folder:
        paths = [os.path.join(folder, name) for name in ("requirements.in", "constraints.txt")]
        texts = ["\n".join(lines), "\n".join(f"{name}=={version}" for name, version in pins.items())]
        for path, text in zip(paths, texts, strict=True):
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
        command = [program, "pip", "compile", paths[0], "--constraint", paths[1], "--python", interpreter]
        command += ["--no-header", "--quiet", "--annotation-style=line", "--no-config", "--no-python-downloads"]
        # As pipenv: what is in a further index only is taken from there, and the best version of any index.
        command += ["--index-strategy=unsafe-best-match"]
        settings = {**indexes, "UV_CACHE_DIR": cache_folder("uv")}
        environment = {**os.environ, **{name: value for name, value in settings.items() if value}}
        done = captured(command, cwd=folder, env=environment)
    if done.returncode != 0:
        text = " ".join(re.sub(r"[×╰─▶│]", " ", done.stderr).split())
        return _Resolved(failure=text[:_LONGEST])
    found = _Resolved()
    for line in done.stdout.splitlines():
        if match := _PINNED.match(line):
            name = normalized_name(match["name"])
            found.versions[name] = match["version"]
            via = [each.strip() for each in (match["via"] or "").split(",") if each.strip()]
            # A constraint brings nothing.
            found.via[name] = tuple(
                each if each.startswith("-") else normalized_name(each) for each in via if not each.startswith("-c ")
            )
    return found
