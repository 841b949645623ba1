"""Merging what two people changed in one text: line by line, with what both changed shown as a conflict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_MINE, _BETWEEN, _NEW = "<<<<<<< changed by hand\n", "=======\n", ">>>>>>> composed anew\n"


@dataclass(frozen=True, slots=True)
class Merged:
    """A text that was merged, and how many conflicts are marked in it."""

    text: str
    conflicts: int


def merge(mine: str, base: str | None, new: str) -> Merged:
    """Return what `mine` and `new` made of `base`, where both changed the same lines with both between marks.

    Without the `base` every difference of the two is a conflict: which of them changed it is not known.
    """
    left, right = mine.splitlines(keepends=True), new.splitlines(keepends=True)
    parts = _two_way(left, right) if base is None else _three_way(left, base.splitlines(keepends=True), right)
    text, conflicts = "", 0
    for ours, common, theirs in parts:
        if ours == theirs or theirs == common:
            text += "".join(ours)
        elif ours == common:
            text += "".join(theirs)
        else:
            text += f"{_MINE}{_ended(ours)}{_BETWEEN}{_ended(theirs)}{_NEW}"
            conflicts += 1
    return Merged(text, conflicts)


# Lines of one text, of the base (None where it is not known) and of the other.
_Part = tuple[Sequence[str], Sequence[str] | None, Sequence[str]]


def _two_way(left: list[str], right: list[str]) -> Iterator[_Part]:
    for _, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        yield left[a:b], None, right[c:d]


def _three_way(left: list[str], base: list[str], right: list[str]) -> Iterator[_Part]:
    """Yield the parts between the lines that all three have, and those lines (Khanna, Kunal, Pierce: diff3, 2007)."""
    in_left, in_right = _matches(base, left), _matches(base, right)
    a = o = b = 0
    for at in range(len(base)):
        if at in in_left and at in in_right and at >= o:
            if (in_left[at], at, in_right[at]) != (a, o, b):
                yield left[a : in_left[at]], base[o:at], right[b : in_right[at]]
            a, o, b = in_left[at] + 1, at + 1, in_right[at] + 1
            yield base[at:o], base[at:o], base[at:o]
    yield left[a:], base[o:], right[b:]


def _matches(base: list[str], text: list[str]) -> dict[int, int]:
    """Return which line of `text` each line of `base` became, for those that are still there; both ascend."""
    blocks = SequenceMatcher(None, base, text, autojunk=False).get_matching_blocks()
    return {block.a + at: block.b + at for block in blocks for at in range(block.size)}


def _ended(lines: Sequence[str]) -> str:
    text = "".join(lines)
    return text if not text or text.endswith("\n") else f"{text}\n"
