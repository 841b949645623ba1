"""Which part of a recipe a step of its build belongs to: the sections of a Containerfile that composition wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workbench.containerfile.parser import instructions
from workbench.errors import WorkbenchError

# As compose/stitch.py writes it: what the section is, and the catalogue file that it is from.
_SECTION = re.compile(r"# === (?P<title>.+) \((?P<origin>[^()]+)\)")


@dataclass(frozen=True, slots=True)
class RecipePart:
    """A section of a Containerfile: what it does, and the catalogue file that it is from."""

    title: str
    origin: str


class PartFinder:
    """Finds the part of each step, by the instruction that builders show; steps mostly come in the file's order."""

    def __init__(self, text: str) -> None:
        self._parts: list[RecipePart] = []
        self._steps: list[tuple[str, str]] = []
        self._places: dict[str, list[int]] = {}
        self._at = -1
        lines = text.splitlines()
        try:
            begins = {item.line - 1: item.body - 1 for item in instructions(text)}
        except WorkbenchError:
            return  # the builder names what is wrong
        for number, line in enumerate(lines):
            if match := _SECTION.fullmatch(line.strip()):
                self._parts.append(RecipePart(match["title"], match["origin"]))
            elif number in begins:
                # A step is known by its words, without the heredocs below them.
                title = _title(lines[number : begins[number]])
                self._steps.append((self._parts[-1].title if self._parts else "", title))
                if self._parts:
                    self._places.setdefault(title, []).append(len(self._parts) - 1)

    def of(self, title: str) -> RecipePart | None:
        """Return the part of the step `title`, the one before where it is no instruction of the file; None without."""
        places = self._places.get(" ".join(title.split()), [])
        if places:
            self._at = next((place for place in places if place >= self._at), places[0])
        return self._parts[self._at] if self._at >= 0 else None

    def steps(self) -> list[tuple[str, str]]:
        """Return every step: the title of its part ("" for none), and its instruction on one line."""
        return list(self._steps)


def _title(lines: list[str]) -> str:
    """Return an instruction on one line, without the comments in it and after it."""
    kept = [line.strip().removesuffix("\\") for line in lines if not line.lstrip().startswith("#")]
    return " ".join(" ".join(kept).split())
