"""The picture in the README is what the wizard shows today."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pyte

from tests.pictures import PICTURE, TITLE, cells, picture, runs, wizard_screen


def test_the_picture_is_of_the_real_screen() -> None:
    drawn = picture(wizard_screen(), TITLE)
    assert PICTURE.read_text(encoding="utf-8") == drawn, "the wizard's screen has changed: run `make picture`"


def test_colours_and_columns_are_the_screens() -> None:
    screen = pyte.Screen(20, 4)
    pyte.Stream(screen).feed("a \x1b[1;36m<b> c\x1b[0m\r\n\x1b[7m d \x1b[0m  \x1b[38;5;196me\r\n\x1b[4m f")
    first, second, third = ([(run.column, run.text, run.style) for run in runs(line)] for line in cells(screen))
    assert [(column, text, style.bold) for column, text, style in first] == [(0, "a", False), (2, "<b> c", True)]
    # A reversed blank shows, so it stays; so does one that is underlined.
    assert [(column, text) for column, text, _ in second] == [(0, " d "), (5, "e")]
    assert second[1][2].foreground == "#ff0000"
    assert [(column, text) for column, text, _ in third] == [(0, " f")]

    root = ElementTree.fromstring(picture(cells(screen), "a & b"))
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")] == [
        "a & b",
        *("a", "<b> c", " d ", "e", " f"),
    ]
