"""What can be built: the questions with their choices, and the command that builds what was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Offer:
    """A choice of a question: its value, what is shown, and why it is impossible ("" if it is not)."""

    value: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it stands after the answers before it; `answer` is "" where no choice is possible."""

    name: str
    label: str
    title: str
    answer: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What is built, in one word for lists, and the words of the command that does it: no shell reads them."""

    title: str
    command: tuple[str, ...]


class Recipes(Protocol):
    """What an implementation owes: the questions of the wizard in order, and a command for complete answers.

    The command writes a line `[NUMBER/COUNT] STEP` to stderr before each step, and the name of the image as its last
    line to stdout; it ends at SIGINT, and leaves nothing half made.
    """

    def questions(self, answers: Mapping[str, str]) -> tuple[Question, ...]:
        """Return the questions, with what is answered where `answers` have no possible choice."""

    def plan(self, answers: Mapping[str, str]) -> BuildPlan:
        """Return the command that builds the answers; it runs in a folder of its own, which goes with the build.

        Raises Invalid, with the question as its field, for an answer that is none of its possible choices.
        """
