"""The questions, in their order: one table, and all that differs from one to the next."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from workbench.catalog.bases import check_base
from workbench.catalog.values import Catalogue
from workbench.errors import UsageError
from workbench.names import check_date, is_qualified
from workbench.wizard import choices
from workbench.wizard.answers import OTHER, Answers
from workbench.wizard.question import Choice


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
        raise UsageError("name a folder", hint="it is made when it is not there")
    if not folder.isprintable():
        raise UsageError("a folder's name cannot hold control characters")
    at = folder
    while not os.path.lexists(at) and os.path.dirname(at) != at:
        at = os.path.dirname(at)
    if at and not os.path.isdir(at):
        raise UsageError(f"{at} is not a folder", hint="name another one")
    return folder


@dataclass(frozen=True, slots=True)
class Step:
    """A question of the wizard.

    `label` is its answer's in the summary. `choices` lists what there is, for the answers of the
    steps before; without it the answer is typed, and `check` is the flag's own validation. `only`
    says whether it is asked at all. `settles` names the step whose answer it may change.
    """

    name: str
    label: str
    title: str
    choices: Callable[[Catalogue, Answers], list[Choice]] | None = None
    check: Callable[[str], str] = str
    only: Callable[[Catalogue, Answers], bool] | None = None
    settles: str = ""

    def is_asked(self, catalogue: Catalogue, answers: Answers) -> bool:
        """Return whether the step is asked after `answers`."""
        return self.only is None or self.only(catalogue, answers)


def _is_other(catalogue: Catalogue, answers: Answers) -> bool:
    return answers.get("base") == OTHER


STEPS = (
    Step("release", "Release", "Which release?", choices.releases),
    Step("date", "Date", "Which date? (YYYYMMDD, or latest)", check=lambda text: check_date(text.strip())),
    Step("base", "Base", "Which base?", choices.bases),
    Step("image", "Image", "Which image? (with its registry)", check=check_image, only=_is_other),
    Step("os", "System", "Which operating system?", choices.systems),
    Step("python", "Python", "Which Python?", choices.pythons),
    Step("bundle", "Bundle", "Which bundle of libraries?", choices.bundles),
    Step(
        *("thin", "Base", "The bundle's wheels bring a CUDA of their own. Which base?", choices.thin_or_not),
        only=choices.holds_two,
        settles="base",
    ),
    Step("ide", "IDE", "Which IDE?", choices.ides),
    Step("out", "Folder", "Which output folder?", check=check_out),
)
