"""The answers so far, and what they come to: a selection, and the tag that is being built."""

from __future__ import annotations

from workbench.architecture import this_architecture
from workbench.catalog.bases import find_base, is_foreign
from workbench.catalog.questions import ANSWERS, Answers, Selection
from workbench.catalog.values import Catalogue
from workbench.names import python_folder
from workbench.tag import Tag

# Another image as the base takes two steps of the wizard: "base" is OTHER then, and "image" the image.
OTHER = "other"


def base_of(answers: Answers) -> str:
    """Return the base as flags and selections write it; the empty text when it is not chosen yet."""
    base = answers.get("base", "")
    return answers.get("image", "") if base == OTHER else base


def as_steps(answers: Answers) -> dict[str, str]:
    """Return `answers`, in which a base may be an image, as answers to the wizard's steps."""
    base = answers.get("base", "")
    return {**answers, "base": OTHER, "image": base} if is_foreign(base) else dict(answers)


def selection_of(answers: Answers) -> Selection:
    """Return the selection that the complete answers make."""
    given = {name: answers[name] for name in ANSWERS if name in answers}
    return Selection(**{"architecture": this_architecture(), **given, "base": base_of(answers)})


def tag_so_far(catalogue: Catalogue, answers: Answers) -> str:
    """Return the tag with a placeholder such as ‹ide› for what is not chosen yet."""
    parts = {name: answers.get(name) or f"‹{name}›" for name in ("ide", "bundle", "os", "python", "release", "date")}
    if "python" in answers:
        parts["python"] = python_folder(answers["python"])
    if not (base := base_of(answers)):
        return f"‹cuda?›-{Tag(prefix='', **parts)}"
    return str(Tag(prefix=find_base(catalogue.releases[answers["release"]].bases, base).prefix, **parts))
