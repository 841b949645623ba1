"""A prompt that answers from a list, held to what a real one promises."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from workbench.wizard.question import Question

BACK = None


class ScriptedPrompt:
    """Gives `replies` one after the other; "" takes what is preselected, BACK goes back.

    `asked` are the questions that were put.
    """

    def __init__(self, *replies: str | None) -> None:
        self._replies = list(replies)
        self.asked: list[Question] = []

    @property
    def titles(self) -> list[str]:
        """The titles of the questions that were put."""
        return [question.title for question in self.asked]

    def ask(self, question: Question) -> str | None:
        self.asked.append(question)
        assert self._replies, f"nobody has an answer to {question.title!r} {possible(question)}"
        reply = self._replies.pop(0)
        if reply is BACK:
            return None
        answer = reply or question.preselected
        if question.choices:
            assert answer in possible(question), f"{question.title}: {answer!r} is not in {possible(question)}"
            return answer
        return question.check(answer)

    def busy(self, what: str) -> AbstractContextManager[object]:
        return nullcontext()


def possible(question: Question) -> Sequence[str]:
    """Return the values of the choices that can be taken."""
    return [choice.value for choice in question.choices if not choice.reason]


def reasons(question: Question) -> dict[str, str]:
    """Return why the impossible choices are, by value."""
    return {choice.value: choice.reason for choice in question.choices if choice.reason}
