"""The record of a frozen release: the digest of every file in its folder, as sha256sum writes and checks it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workbench.errors import WorkbenchError

# A copy of the release file as it was frozen, beside the record.
RELEASE_FILE = "release.toml"
_EXECUTABLE = "# executable "
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


@dataclass(frozen=True, slots=True)
class Record:
    """The sha256 of every file of the folder, by path in it, and which of them may be executed."""

    sums: Mapping[str, str]
    executables: frozenset[str]


def record_text(sums: Mapping[str, str], executables: Collection[str]) -> str:
    """Return the text of the record: what may be executed as comments, which sha256sum passes over."""
    lines = [f"{_EXECUTABLE}{path}\n" for path in sorted(executables)]
    return "".join([*lines, *(f"{digest}  {path}\n" for path, digest in sorted(sums.items()))])


def read_record(text: str, where: str) -> Record:
    """Return the record in `text`, which was read from `where`; raises WorkbenchError with the line that is none."""
    sums, executables = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_EXECUTABLE):
            executables.append(line.removeprefix(_EXECUTABLE))
        elif match := _LINE.fullmatch(line):
            sums[match[2]] = match[1]
        else:
            raise WorkbenchError("is not a line of sha256sum", where=f"{where}:{number}")
    return Record(sums, frozenset(executables))
