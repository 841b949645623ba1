"""The picture of the wizard in the README, drawn from the real screen: `make picture` writes it.

The wizard runs in a pseudo-terminal and is answered up to its question for the bundle. What the screen then shows,
colours included, becomes an SVG. Nothing in it depends on the day, the machine or its fonts, so a test can compare
bytes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

import pyte
from pyte.screens import Char

from tests.catalogues import REPOSITORY
from tests.wizard.terminal import CTRL_C, CTRL_U, DOWN, ENTER, Terminal

PICTURE = REPOSITORY / "docs" / "wizard.svg"
TITLE = "make wizard"

COLUMNS, ROWS = 92, 24
DATE = "20261122"

# Pixels: a character's cell, the space around the text, and the bar with the title.
CELL_WIDTH, CELL_HEIGHT, FONT_SIZE = 8.4, 19, 14
MARGIN, BAR = 18, 34

# A dark frame of its own, so that the text is legible on a light page and on a dark one.
BACKGROUND, FRAME, FOREGROUND, MUTED = "#1b1f24", "#57606a", "#d8dee4", "#8d96a0"
COLOURS = {
    "black": "#57606a",
    "red": "#ff7b72",
    "green": "#6fdd8b",
    "brown": "#e3b341",
    "blue": "#79b8ff",
    "magenta": "#d2a8ff",
    "cyan": "#56d4dd",
    "white": "#d8dee4",
    "brightblack": MUTED,
    "brightred": "#ffa198",
    "brightgreen": "#8ee5a4",
    "brightbrown": "#f2cc60",
    "brightblue": "#a5d0ff",
    "brightmagenta": "#e2c5ff",
    "brightcyan": "#8be9ef",
    "brightwhite": "#ffffff",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of text looks: colours as `#rrggbb`, no background for the terminal's own."""

    foreground: str
    background: str
    bold: bool
    underlined: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one style that begins at `column` of a line."""

    column: int
    text: str
    style: Style


def wizard_screen() -> list[list[Char]]:
    """Run the real wizard up to its question for the bundle, and return the lines of its screen, cell by cell."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Terminal(Path(folder), "--offline", columns=COLUMNS, rows=ROWS) as terminal,
    ):
        terminal.see("Which release?").press(ENTER)
        terminal.see("Which date?").press(CTRL_U, *DATE).see(f"_{DATE}").press(ENTER)
        terminal.see("Which base?").press(DOWN).see("» cuda ").press(ENTER)
        terminal.see("Which operating system?").press(ENTER)
        terminal.see("Which Python?").press(ENTER)
        terminal.see("Which bundle of libraries?").press(DOWN, DOWN).see("» pytorch", "-pytorch-")
        lines = cells(terminal.screen)
        terminal.press(CTRL_C)
        terminal.end()
    return lines


def cells(screen: pyte.Screen) -> list[list[Char]]:
    """Return the lines of `screen`, cell by cell, without the empty ones at the end."""
    lines = [[screen.buffer[row][column] for column in range(screen.columns)] for row in range(screen.lines)]
    while lines and not "".join(cell.data for cell in lines[-1]).strip():
        lines.pop()
    return lines


def style(cell: Char) -> Style:
    """Return how `cell` looks. Colours that are no names are the six digits of 256-colour terminals."""
    front = FOREGROUND if cell.fg == "default" else COLOURS.get(cell.fg, f"#{cell.fg}")
    back = "" if cell.bg == "default" else COLOURS.get(cell.bg, f"#{cell.bg}")
    if cell.reverse:
        front, back = back or BACKGROUND, front
    return Style(front, back, cell.bold, cell.underscore)


def runs(line: Sequence[Char]) -> Iterator[Run]:
    """Yield the pieces of `line` that have one style, without blanks that show nothing."""
    for look, numbered in groupby(enumerate(line), key=lambda item: style(item[1])):
        piece = list(numbered)
        text = "".join(cell.data for _, cell in piece)
        column = piece[0][0]
        if not look.background and not look.underlined:
            column += len(text) - len(text.lstrip())
            text = text.strip()
        if text:
            yield Run(column, text, look)


def picture(lines: Sequence[Sequence[Char]], title: str) -> str:
    """Return an SVG of a terminal that shows `lines`, with `title` in its bar."""
    width = round(2 * MARGIN + COLUMNS * CELL_WIDTH)
    height = BAR + 2 * MARGIN + len(lines) * CELL_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f" font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\""
        f' font-size="{FONT_SIZE}" role="img" aria-label="The terminal wizard at its question for the bundle">',
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="9"'
        f' fill="{BACKGROUND}" stroke="{FRAME}"/>',
        f'<path d="M1 {BAR}.5H{width - 1}" stroke="{FRAME}"/>',
        *(f'<circle cx="{20 + 20 * dot}" cy="17" r="5.5" fill="{FRAME}"/>' for dot in range(3)),
        f'<text x="{width / 2:g}" y="22" fill="{MUTED}" text-anchor="middle">{escape(title)}</text>',
    ]
    for row, line in enumerate(lines):
        top = BAR + MARGIN + row * CELL_HEIGHT
        for run in runs(line):
            parts.extend(_drawn(run, top))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _drawn(run: Run, top: int) -> Iterator[str]:
    left, length = round(MARGIN + run.column * CELL_WIDTH, 1), round(len(run.text) * CELL_WIDTH, 1)
    if run.style.background:
        yield f'<rect x="{left}" y="{top}" width="{length}" height="{CELL_HEIGHT}" fill="{run.style.background}"/>'
    weight = ' font-weight="bold"' if run.style.bold else ""
    line = ' text-decoration="underline"' if run.style.underlined else ""
    # textLength keeps the columns in line whichever font the reader has.
    yield (
        f'<text x="{left}" y="{top + 14}" textLength="{length}" lengthAdjust="spacingAndGlyphs" xml:space="preserve"'
        f' fill="{run.style.foreground}"{weight}{line}>{escape(run.text, quote=False)}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(wizard_screen(), TITLE), encoding="utf-8")
