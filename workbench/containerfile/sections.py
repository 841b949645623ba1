"""The sections of a composed Containerfile, and which of them are independent of each other."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from functools import cache
from importlib import resources

# As compose writes them: `# === title (catalogue file)`.
_HEADING = re.compile(r"# === .+ \((?P<origin>[^()\s]+)\)")


class Sections:
    """Which section each line of a Containerfile is in."""

    def __init__(self, text: str) -> None:
        self._lines: list[int] = []
        self._origins: list[str] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if match := _HEADING.fullmatch(line):
                self._lines.append(number)
                self._origins.append(match["origin"])

    def at(self, line: int) -> str:
        """Return the catalogue file of the section that `line` (from 1) is in, "" outside of any."""
        place = bisect_right(self._lines, line)
        return self._origins[place - 1] if place else ""


def are_independent(one: str, other: str) -> bool:
    """Return whether the sections of these catalogue files, `one` before `other`, need nothing of each other."""
    return (_stem(one), _stem(other)) in _pairs()


def _stem(origin: str) -> str:
    """Return the path of a catalogue file without what says for which system and in which form it is."""
    folder, slash, name = origin.rpartition("/")
    return folder + slash + name.partition(".")[0]


@cache
def _pairs() -> frozenset[tuple[str, str]]:
    text = resources.files(__package__).joinpath("sections.toml").read_text(encoding="utf-8")
    return frozenset((pair["before"], pair["after"]) for pair in tomllib.loads(text)["beside"])
