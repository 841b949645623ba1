"""Plain columns for a terminal or a pipe: no colours, no library to import."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from typing import TextIO

_GAP = "  "


def columns(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return `rows` below `header` as text, each column as wide as its widest cell.

    Where that is wider than `width`, cells go on below between words; where even the longest words do not fit,
    each row is a block of lines, one for each column. The default width is that of the terminal; without one, what is
    printed goes to a program, and nothing is broken.
    """
    width = terminal_width() if width is None else width
    lines = [header, *rows]
    wide = [max(len(line[index]) for line in lines) for index in range(len(header))]
    gaps = len(_GAP) * (len(header) - 1)
    if width and sum(wide) + gaps > width:
        least = [max(_longest_word(line[index]) for line in lines) for index in range(len(header))]
        if sum(least) + gaps > width:
            return _blocks(header, rows, width)
        wide = _narrowed(wide, least, width - gaps)
    return "\n".join(text for line in lines for text in _wrapped(line, wide))


def natural_width(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how wide `columns` would be where nothing is broken."""
    widest = (max(len(line[index]) for line in (header, *rows)) for index in range(len(header)))
    return sum(widest) + len(_GAP) * (len(header) - 1)


def folded(text: str, width: int | None = None) -> str:
    """Return one line of text on as many lines as `width` asks for, broken between words; 0 breaks nothing."""
    width = terminal_width() if width is None else width
    return "\n".join(_words(text, width)) if width else text


def terminal_width(stream: TextIO | None = None) -> int:
    """Return how wide the terminal is that `stream` (standard output) is, 0 where it is none."""
    stream = sys.stdout if stream is None else stream
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return 0


def _longest_word(cell: str) -> int:
    return max(map(len, cell.split()), default=0)


def _narrowed(wide: list[int], least: list[int], room: int) -> list[int]:
    """Return the widths of columns that fit into `room`: the widest give way, none below its longest word."""
    widths = list(wide)
    while sum(widths) > room:
        at = max((index for index in range(len(widths)) if widths[index] > least[index]), key=widths.__getitem__)
        widths[at] -= 1
    return widths


def _wrapped(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [_words(cell, width) for cell, width in zip(line, widths, strict=True)]
    return [
        _GAP.join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()
        for parts in zip_longest(*cells, fillvalue="")
    ]


def _blocks(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """Return each row as lines of a column's name and its cell, with an empty line between rows."""
    named = max(map(len, header))
    blocks = []
    for row in rows:
        lines: list[str] = []
        for name, cell in zip(header, row, strict=True):
            first, *more = _words(cell, max(width - named - len(_GAP), 20))
            lines += [f"{name:<{named}}{_GAP}{first}".rstrip(), *(" " * (named + len(_GAP)) + each for each in more)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _words(cell: str, width: int) -> list[str]:
    if len(cell) <= width:
        return [cell]
    return textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False) or [""]
