"""A prompt that answers from a list, with the checks of a real one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from workbench.wizard.prompt import Screen

BACK = None


class ScriptedPrompt:
    """Gives `replies` one after the other; "" takes what is preselected, BACK goes back.

    `screens` are those that were shown.
    """

    def __init__(self, *replies: str | None) -> None:
        self._replies = list(replies)
        self.screens: list[Screen] = []

    @property
    def titles(self) -> list[str]:
        """The titles of the screens that were shown."""
        return [screen.title for screen in self.screens]

    def show(self, screen: Screen) -> str | None:
        self.screens.append(screen)
        assert self._replies, f"no reply is left for {screen.title!r} {possible(screen)}"
        reply = self._replies.pop(0)
        if reply is BACK:
            return None
        answer = reply or screen.preselected
        if screen.choices:
            assert answer in possible(screen), f"{screen.title}: {answer!r} is not in {possible(screen)}"
            return answer
        return screen.check(answer)

    def busy(self, what: str) -> AbstractContextManager[object]:
        return nullcontext()


def possible(screen: Screen) -> Sequence[str]:
    """Return the values of the choices that can be taken."""
    return [choice.value for choice in screen.choices if not choice.reason]


def reasons(screen: Screen) -> dict[str, str]:
    """Return why the impossible choices are, by value."""
    return {choice.value: choice.reason for choice in screen.choices if choice.reason}
