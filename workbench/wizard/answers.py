"""The answers so far, and what they come to: a selection, and the tag that is being built."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.catalog.bases import BASES, has_cuda
from workbench.compose.selection import Selection
from workbench.names import python_folder
from workbench.tag import Tag

# By the name of the step. "base" is one of ours or OTHER, and then "image" holds the other image.
Answers = Mapping[str, str]

OTHER = "other"


def base_of(answers: Answers) -> str:
    """Return the base as flags and selections write it; the empty text when it is not chosen yet."""
    base = answers.get("base", "")
    return answers.get("image", "") if base == OTHER else base


def as_answers(words: Answers) -> dict[str, str]:
    """Return `words`, in which a base may be an image, as the wizard's answers."""
    base = words.get("base", "")
    return {**words, "base": OTHER, "image": base} if base and base not in BASES else dict(words)


def selection_of(answers: Answers) -> Selection:
    """Return the selection that the complete answers make."""
    names = ("release", "date", "os", "python", "bundle", "ide")
    return Selection(base=base_of(answers), **{name: answers[name] for name in names})


def tag_so_far(answers: Answers) -> str:
    """Return the tag with a placeholder such as ‹ide› for what is not chosen yet."""

    def shown(name: str) -> str:
        return answers.get(name) or f"‹{name}›"

    base = base_of(answers)
    tag = Tag(
        cuda=has_cuda(base),
        ide=shown("ide"),
        bundle=shown("bundle"),
        os=shown("os"),
        python=python_folder(answers["python"]) if "python" in answers else shown("python"),
        release=shown("release"),
        date=shown("date"),
    )
    return str(tag) if base else f"‹cuda?›-{tag}"
