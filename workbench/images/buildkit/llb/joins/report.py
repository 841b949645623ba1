"""The report of a join: paths that two branches change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

FILE = "/conflicts"
_LINE = re.compile(r"([0-9]+),([0-9]+) (/.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class JoinConflict:
    """A path that two branches change; what the second made of it is in the tree.

    Branches are numbers from 0, in the list of those that change anything (`joins.join.changing`).
    """

    first: int
    second: int
    path: str

    def sentence(self, names: Sequence[str] = ()) -> str:
        """Return it for the log, with the branches' names where they have some."""
        first, second = (
            names[number] if number < len(names) else f"branch {number + 1}" for number in (self.first, self.second)
        )
        return f"{first} and {second} both change {self.path!r}: it is as {second} made it"


def read(data: bytes) -> tuple[int, list[JoinConflict]]:
    """Return how many conflicts there are and the first of them (a thousand at most) of a report."""
    count, *lines = data.decode(errors="surrogateescape").split("\n")
    found = [match for line in lines if (match := _LINE.fullmatch(line))]
    listed = [JoinConflict(int(match[1]), int(match[2]), _ESCAPED.sub(_plain, match[3])) for match in found]
    return int(count), listed


def _plain(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
