"""The steps of the wizard: one for each question of the table, and those that only a conversation has."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workbench.catalog.bases import check_base
from workbench.catalog.questions import QUESTIONS, Answers, Question
from workbench.catalog.values import Catalogue
from workbench.errors import UsageError
from workbench.names import is_qualified
from workbench.wizard.answers import OTHER
from workbench.wizard.choices import choices_of, holds_two, thin_or_not
from workbench.wizard.prompt import Choice


def check_image(text: str) -> str:
    """Return `text` when it is an image reference that names its registry; raises UsageError otherwise."""
    if not is_qualified(text.strip()):
        raise UsageError(
            f"{text.strip()!r} is no image with its registry", hint="write it as registry.example.com/team/image:tag"
        )
    return check_base(text.strip())


def check_out(text: str) -> str:
    """Return the output folder that `text` means, ~ included; raises UsageError when it cannot be one."""
    folder = os.path.expanduser(text.strip())
    if not folder:
        raise UsageError("name a folder", hint="it is made when it does not exist")
    if not folder.isprintable():
        raise UsageError("a folder's name cannot hold control characters")
    parts = (Path(folder), *Path(folder).parents)
    nearest = next((part for part in parts if os.path.lexists(part)), Path())
    if not nearest.is_dir():
        raise UsageError(f"{nearest} is not a folder", hint="name another one")
    return folder


@dataclass(frozen=True, slots=True)
class WizardStep:
    """A step of the wizard.

    `label` stands before its answer in the summary. `choices` lists what there is, after the answers of the
    steps before; without it the answer is typed, and `check` validates it. `only` says whether the step
    is taken at all. `settles` names the step whose answer it may change.
    """

    name: str
    label: str
    title: str
    choices: Callable[[Catalogue, Answers], list[Choice]] | None = None
    check: Callable[[str], str] = str
    only: Callable[[Catalogue, Answers], bool] | None = None
    settles: str = ""

    def is_taken(self, catalogue: Catalogue, answers: Answers) -> bool:
        """Return whether the step is taken after `answers`."""
        return self.only is None or self.only(catalogue, answers)


def _step(question: Question) -> WizardStep:
    return WizardStep(
        question.name,
        question.label,
        question.title,
        choices=partial(choices_of, question.name) if question.offered else None,
        check=lambda text: question.check(text.strip()),
    )


# The steps that come after a question where its answer calls for them.
_FOLLOWING = {
    "base": WizardStep(
        "image",
        "Image",
        "Which image? (with its registry)",
        check=check_image,
        only=lambda _, answers: answers.get("base") == OTHER,
    ),
    "bundle": WizardStep(
        "thin",
        "Base",
        "The bundle's wheels bring a CUDA of their own. Which base?",
        choices=thin_or_not,
        only=holds_two,
        settles="base",
    ),
}
STEPS = (
    *(
        step
        for question in QUESTIONS
        if question.prompted
        for step in (_step(question), _FOLLOWING.get(question.name))
        if step is not None
    ),
    WizardStep("out", "Folder", "Which output folder?", check=check_out),
)
