"""What was chosen. The wizard, the flags and the answers file all end in one of these."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.catalog.bases import BASES, base_tag, check_base, has_cuda
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.errors import UsageError
from workbench.names import check_date, check_release, is_qualified, pick, python_folder
from workbench.tag import Tag, format_tag


@dataclass(frozen=True, slots=True)
class Selection:
    """The answers to the wizard's questions.

    `base` is standard, cuda, cuda-devel or an image; `python` is written 3.11; `image` is the
    base image that a look-up found, empty for the name that the release gives it.
    """

    release: str
    date: str
    base: str
    os: str
    python: str
    bundle: str
    ide: str
    image: str = ""


ANSWERS = ("release", "date", "base", "os", "python", "bundle", "ide")


def check_selection(catalogue: Catalogue, selection: Selection) -> Selection:
    """Return `selection` when every name in it exists; whether they go together is another question.

    Raises UsageError for a malformed value and WorkbenchError, with a suggestion, for an unknown name.
    """
    check_release(selection.release)
    check_date(selection.date)
    check_base(selection.base)
    python_folder(selection.python)
    pick(selection.release, catalogue.releases, "release")
    pick(selection.os, catalogue.systems, "operating system")
    seen = at_release(catalogue, selection.release)
    of_release = f" of release {selection.release}" if seen is not catalogue else ""
    pick(selection.bundle, seen.bundles, f"bundle{of_release}")
    pick(selection.ide, seen.ides, f"IDE{of_release}")
    if selection.image and not is_qualified(selection.image):
        raise UsageError(f"the base image {selection.image!r} does not name its registry")
    return selection


def tag_of(selection: Selection) -> Tag:
    """Return the tag of the image that the selection makes; raises UsageError when it is too long."""
    tag = Tag(
        cuda=has_cuda(selection.base),
        ide=selection.ide,
        bundle=selection.bundle,
        os=selection.os,
        python=python_folder(selection.python),
        release=selection.release,
        date=selection.date,
    )
    format_tag(tag)
    return tag


def base_image(catalogue: Catalogue, selection: Selection) -> str:
    """Return the image that FROM names, always with its registry (fault W1).

    Raises UsageError for a foreign image that names none: which registry is meant would then
    depend on the machine that builds.
    """
    if selection.image:
        return selection.image
    if selection.base in BASES:
        repository = catalogue.releases[selection.release].repository
        tag = base_tag(selection.base, selection.os, selection.python, selection.release, selection.date)
        return f"{repository}:{tag}"
    if not is_qualified(selection.base):
        raise UsageError(
            f"the base image {selection.base!r} does not name its registry",
            hint=f"write docker.io/library/{selection.base}, localhost/{selection.base} or wherever it lives",
        )
    return selection.base
