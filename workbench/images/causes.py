"""Why a build failed, read from its output by the table causes.toml, and the place that must be changed."""

from __future__ import annotations

import functools
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.locations import ROOT
from workbench.packages import normalized_name
from workbench.recipes.read import read_manifest

_TABLE = Path(__file__).with_name("causes.toml")


@dataclass(frozen=True, slots=True)
class FailureCause:
    """Why a step failed, what to do about it, and the file and line that name what is missing ("" for none)."""

    says: str
    hint: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    pattern: re.Pattern[str]
    says: str
    hint: str
    list: str


class CauseFinder:
    """Reads the output of a build, line by line, and keeps what explains most."""

    def __init__(self) -> None:
        self._rank = len(_rows())
        self._match: re.Match[str] | None = None

    def read(self, line: str) -> None:
        """Read one line."""
        if line.startswith("Error: "):
            line = line.rpartition('": ')[2]  # podman repeats the instruction, which failed for none of its words
        for rank, row in enumerate(_rows()[: self._rank]):
            if match := row.pattern.search(line):
                self._rank, self._match = rank, match
                return

    def forget(self) -> None:
        """Forget what was read: another step begins, so what went before was no failure."""
        self._rank, self._match = len(_rows()), None

    def cause(self, folder: str, catalogue: str = str(ROOT)) -> FailureCause | None:
        """Return why the build in `folder` failed, None where no row of the table knows.

        A package is looked up in the lists that the recipe was made from, in `catalogue`, else in `folder` itself.
        """
        if self._match is None:
            return None
        row, groups = _rows()[self._rank], {name: text or "" for name, text in self._match.groupdict().items()}
        wanted = (groups.get("package", ""), groups.get("version", "").removeprefix("=="))
        where = place_of(*wanted, row.list, folder, catalogue) if row.list else ""
        return FailureCause(
            row.says.format_map(groups),
            row.hint.format_map({**groups, "lock": here("lock"), "base": here("base --help")}),
            where,
        )


def place_of(package: str, version: str, kind: str, folder: str, catalogue: str) -> str:
    """Return the file and line that request a package, "" where no list does.

    `kind` is os-packages or requirements; a Pipfile counts before the lists that were made from it, and a line with
    the `version` before one without.
    """
    try:
        inputs = [os.path.join(catalogue, path) for path in read_manifest(folder).inputs]
    except WorkbenchError:
        inputs = []  # a base, or a folder of the user's own
    pipfiles = [os.path.join(os.path.dirname(path), "Pipfile") for path in inputs if kind in os.path.basename(path)]
    own = [os.path.join(base, name) for base, _, names in os.walk(folder) for name in sorted(names)]
    paths = dict.fromkeys([*(pipfiles if kind == "requirements" else ()), *inputs, *own])
    lists = [path for path in paths if re.fullmatch(rf"Pipfile|{kind}.*\.txt", os.path.basename(path))]
    for demanded in (version, "") if version else ("",):
        for path in lists:
            if line := _line(path, package, "" if path.endswith("Pipfile") else demanded):
                return f"{os.path.relpath(path) if path.startswith(os.getcwd() + os.sep) else path}:{line}"
    return ""


def _line(path: str, package: str, version: str) -> int:
    """Return the line of a list or a Pipfile that names a package, with this version in it; 0 for none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return 0
    for number, line in enumerate(lines, 1):
        named = re.match(r"\s*\"?([A-Za-z0-9][A-Za-z0-9._+:-]*)", line)
        if named and normalized_name(named[1]) == normalized_name(package) and version in line[named.end() :]:
            return number
    return 0


@functools.cache
def _rows() -> tuple[_Row, ...]:
    rows = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["causes"]
    return tuple(_Row(re.compile(row["pattern"]), row["says"], row["hint"], row.get("list", "")) for row in rows)
