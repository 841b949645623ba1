"""The door of composing: a selection is resolved here once, and what comes after takes what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.catalog.bases import BaseDefinition, find_base
from workbench.catalog.questions import QUESTIONS, Selection
from workbench.catalog.reasons import reasons
from workbench.catalog.values import Bundle, Catalogue, Ide, Release, System
from workbench.catalog.views import at_release
from workbench.commands import here
from workbench.errors import UsageError, WorkbenchError
from workbench.extensions import ExtensionArchive, archives
from workbench.names import is_qualified, list_folder, pick, python_folder
from workbench.tag import Tag, format_tag


@dataclass(frozen=True, slots=True)
class ResolvedSelection:
    """A selection with everything that its answers name, all of it checked.

    `catalogue` is as the release sees it. `image` is what FROM names, always with its registry (fault W1);
    it is empty for an image of somebody else's whose registry only a look-up can find. `extensions` are those of the
    IDE, as the release pins them.
    """

    selection: Selection
    catalogue: Catalogue
    release: Release
    base: BaseDefinition
    system: System
    bundle: Bundle
    ide: Ide
    tag: Tag
    image: str
    extensions: tuple[ExtensionArchive, ...] = ()

    @property
    def lists(self) -> str:
        """The folder of the bundle's package lists for its Python and base: py311, or py311-cpu."""
        return list_folder(self.selection.python, self.base.lists)

    def on(self, image: str) -> ResolvedSelection:
        """Return the same on the base image that a look-up found."""
        return replace(self, selection=replace(self.selection, image=image), image=image)


def resolve(catalogue: Catalogue, selection: Selection, *, rules: bool = True) -> ResolvedSelection:
    """Return what `selection` means in `catalogue`; without `rules` also where they refuse it today.

    Raises UsageError for a malformed answer and a tag that is too long, and WorkbenchError for an unknown
    name, with a suggestion, and for answers that do not go together, with the reason.
    """
    answers = selection.as_answers()
    for question in QUESTIONS:
        question.check(getattr(selection, question.name))
    catalogue.release(selection.release)
    view = at_release(catalogue, selection.release)
    release = view.releases[selection.release]
    base = find_base(release.bases, selection.base)
    for question in QUESTIONS:
        if question.offered and not question.open:
            own = f" of release {release.name}" if question.per_release and view is not catalogue else ""
            pick(getattr(selection, question.name), question.known(view, answers), f"{question.what}{own}")
    if selection.image and not is_qualified(selection.image):
        raise UsageError(f"the base image {selection.image!r} does not name its registry")
    for kind in ("os", "bundle", "ide"):
        view.refuse_broken(kind, answers[kind])
    if rules and (why := "; ".join(reasons(view, answers))):
        raise WorkbenchError(why, hint=f"`{here('matrix')}` shows what goes together, and why the rest does not")
    tag = tag_of(base, selection)
    format_tag(tag)
    return ResolvedSelection(
        selection=selection,
        catalogue=view,
        release=release,
        base=base,
        system=view.systems[selection.os],
        bundle=view.bundles[selection.bundle],
        ide=view.ides[selection.ide],
        tag=tag,
        image=_image(release, base, selection),
        extensions=_extensions(release, view.ides[selection.ide], rules),
    )


def tag_of(base: BaseDefinition, selection: Selection) -> Tag:
    """Return the tag of the image that a selection on `base` makes; whether it is too long is not checked."""
    return Tag(
        prefix=base.prefix,
        ide=selection.ide,
        bundle=selection.bundle,
        os=selection.os,
        python=python_folder(selection.python),
        release=selection.release,
        date=selection.date,
    )


def _extensions(release: Release, ide: Ide, rules: bool) -> tuple[ExtensionArchive, ...]:
    """Return the archives of the IDE's extensions; by the `rules` the release pins them all, else WorkbenchError."""
    missing = [name for name in ide.extensions if name not in release.extensions]
    if missing and rules:
        raise WorkbenchError(
            f"pins no extension {', '.join(missing)}, which {ide.folder}/ide.toml names",
            where=release.path,
            hint=f'add [extensions."{missing[0]}"] with its version and sha256, or take it out of ide.toml',
        )
    return tuple(each for name in ide.extensions for each in archives(name, release.extensions.get(name, {})))


def _image(release: Release, base: BaseDefinition, selection: Selection) -> str:
    if selection.image:
        return selection.image
    if base.is_foreign:
        return base.name if is_qualified(base.name) else ""
    tag = base.image_tag(selection.os, selection.python, selection.release, selection.date)
    return f"{release.repository}:{tag}"
