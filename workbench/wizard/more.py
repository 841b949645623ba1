"""The mark beside a list that is longer than its room: how many choices there are above and below."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import UIContent, WindowRenderInfo
from prompt_toolkit.layout.margins import Margin

# Columns of a mark: "↓ 12 more", where the terminal has this many columns, else "↓12". A very narrow one needs its own.
_WIDE, _LONG, _SHORT = 80, 10, 4
_NARROW = 30


def mark_width(columns: int) -> int:
    """Return how many columns the marks take of a terminal with `columns`."""
    return _LONG if columns >= _WIDE else _SHORT if columns >= _NARROW else 0


class MoreMargin(Margin):
    """Marks in the first and the last line of a list that is cut; `lines` returns the choice of each of its lines."""

    def __init__(self, lines: Callable[[], list[int]], columns: Callable[[], int]) -> None:
        self._lines = lines
        self._columns = columns

    def get_width(self, get_ui_content: Callable[[], UIContent]) -> int:
        """Return the columns of the margin."""
        return mark_width(self._columns())

    def create_margin(self, window_render_info: WindowRenderInfo, width: int, height: int) -> StyleAndTextTuples:
        """Return the margin's lines: a choice counts as hidden when its first line is."""
        lines = self._lines()
        first, last = window_render_info.first_visible_line(), window_render_info.last_visible_line()
        begins = [at for at, choice in enumerate(lines) if at == 0 or lines[at - 1] != choice]
        above, below = sum(at < first for at in begins), sum(at > last for at in begins)
        marks = [""] * max(height, 1)
        if first == last:
            marks[0] = self._mark("↕" if above and below else "↑" if above else "↓", above + below)
        else:
            marks[0], marks[last - first] = self._mark("↑", above), self._mark("↓", below)
        return [("class:more", "\n".join(mark.rjust(width) for mark in marks))]

    def _mark(self, sign: str, count: int) -> str:
        if not count:
            return ""
        return f"{sign} {count} more" if self._columns() >= _WIDE else f"{sign}{count}"
