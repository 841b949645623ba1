"""Whatever the wizard draws in colour can be read on a white terminal and on a dark one."""

from __future__ import annotations

from collections.abc import Iterator

import pyte
import pytest

from workbench.errors import WorkbenchError
from workbench.wizard.review import _STATUS_STYLE, difference_text, trouble_text
from workbench.wizard.terminal import STYLE

# White, black, and the backgrounds of Solarized and of a well-known editor's dark terminal.
BACKGROUNDS = ("ffffff", "fdf6e3", "000000", "1e1e1e", "002b36")
# What WCAG 2.2 asks of large text and of the parts of an interface (1.4.3 and 1.4.11).
LEAST = 3.0
# The sixteen of xterm: what a name stands for where the user chose no theme.
NAMED = {"red": "cd0000", "green": "00cd00", "brown": "cdcd00", "blue": "0000ee", "magenta": "cd00cd", "cyan": "00cdcd"}


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, `rrggbb`, from 1 to 21 (WCAG 2.2, "relative luminance")."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def drawn(text: str) -> Iterator[str]:
    """Yield the colours that a terminal shows of text with SGR codes."""
    screen = pyte.Screen(80, 24)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    for line in screen.buffer.values():
        for cell in line.values():
            if cell.data.strip() and cell.fg != "default":
                yield NAMED.get(cell.fg, cell.fg)


def prompt() -> Iterator[str]:
    for _, words in STYLE.style_rules:
        yield from (word.lstrip("#") for word in words.split() if word not in ("bold",))


def review() -> Iterator[str]:
    yield from (style.rpartition("#")[2] for style in _STATUS_STYLE.values())
    yield from drawn(difference_text(["+ new", "- old", "@@ 1 @@"], 80))
    yield from drawn(trouble_text(WorkbenchError("is odd", hint="mend it"), 80))


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_colour_can_be_read(background: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    colours = {*prompt(), *review()}
    assert len(colours) >= 4
    assert {colour: contrast(colour, background) for colour in colours if contrast(colour, background) < LEAST} == {}
