"""What a screen shows, and what a prompt promises: drawing and deciding meet only here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

# (style, text) pairs, as prompt_toolkit draws them.
Fragments = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a list: its value, what is shown, and why it cannot be taken ("" if it can)."""

    value: str
    title: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """A question with everything that is shown with it.

    With `choices` it is a list to choose from; without, it is answered by typing, and `check`
    returns the answer or raises WorkbenchError. `above` draws what stands over the question, for
    the answer that is highlighted or typed ("" while that is none) and the terminal's columns and
    rows. `panel` returns, for a number of columns, text with SGR codes that may be longer than
    the screen and is scrolled.
    """

    title: str
    above: Callable[[str, int, int], Fragments]
    choices: Sequence[Choice] = ()
    check: Callable[[str], str] = str
    preselected: str = ""
    panel: Callable[[int], str] | None = None


class Prompt(Protocol):
    """Shows screens to the user.

    `show` returns the answer, or None when the user goes one step back. It never returns an
    impossible choice or a text that `check` refuses. It raises KeyboardInterrupt or EOFError when
    the user leaves, and by then the terminal is as it was. `busy` shows `what` while its block runs.
    """

    def show(self, screen: Screen) -> str | None:
        """Return the answer to the question of `screen`, or None to go back."""

    def busy(self, what: str) -> AbstractContextManager[object]:
        """Return a context that shows `what` until it ends."""
