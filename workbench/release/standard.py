"""The standard set of a release: the recipes that it publishes, and the images that those stand on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from workbench.catalog.bases import BaseDefinition, find_base
from workbench.catalog.cuda_layers import LAYERS, layer_tags, standard_tag, with_those_below
from workbench.catalog.questions import Selection
from workbench.catalog.reasons import architecture_reasons
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.possible import compose_checked
from workbench.compose.recipe import Recipe
from workbench.compose.resolve import tag_of
from workbench.errors import FaultsError, WorkbenchError
from workbench.names import check_date, check_release


@dataclass(frozen=True, slots=True)
class SetImage:
    """An image of the set: the tag it is known by, other tags it has, and the tag of the one it stands on.

    `layer` is the CUDA layer that it is, "" for the standard base; a recipe has its `selection` instead.
    """

    tag: str
    below: str
    os: str
    python: str
    also: tuple[str, ...] = ()
    layer: str = ""
    selection: Selection | None = None

    @property
    def tags(self) -> tuple[str, ...]:
        """All its tags, the one it is known by first."""
        return (self.tag, *self.also)


def selections(catalogue: Catalogue, release: str, date: str) -> list[Selection]:
    """Return the recipes that `release` publishes, dated `date`.

    Raises WorkbenchError when it publishes none, and FaultsError for two of one tag: CUDA bases
    share theirs, and one image would take the other's place.
    """
    check_release(release)
    check_date(date)
    catalogue.release(release)
    pins = at_release(catalogue, release).releases[release]
    if not pins.recipes:
        raise WorkbenchError("lists no [[recipes]], so it has no standard set", where=pins.path)
    found = [Selection(release=release, date=date, **answers) for answers in pins.recipes]
    tags: dict[str, Selection] = {}
    faults = []
    for selection in found:
        tag = str(tag_of(find_base(pins.bases, selection.base), selection))
        if tag in tags:
            bases = f"{tags[tag].base} and {selection.base}"
            faults.append((pins.path, f"{tag} is published twice, on {bases}"))
        tags[tag] = selection
    if faults:
        raise FaultsError(f"the standard set of release {release}", faults, hint="publish one of them")
    return found


def composed_set(catalogue: Catalogue, release: str, date: str, architecture: str = "") -> list[Recipe]:
    """Return the recipes of the standard set, composed and checked: also that they are for `architecture`, "" for any.

    No base image is looked up, so that the set is the same wherever it is composed. Raises
    FaultsError with what is wrong with each that cannot be made.
    """
    recipes, faults = [], []
    for selection in selections(catalogue, release, date):
        try:
            recipes.append(compose_checked(catalogue, replace(selection, architecture=architecture)))
        except FaultsError as error:
            faults += [(_tag(catalogue, selection), f"{where}: {what}") for where, what in error.faults]
        except WorkbenchError as error:
            faults.append((_tag(catalogue, selection), error.message))
    if faults:
        hint = f"see {catalogue.releases[release].path}"
        if _not_for(catalogue, release, date, architecture):
            hint += "; recipes are the same for all: --architecture names another machine's"
        raise FaultsError(f"{len(faults)} faults in the standard set of release {release}", faults, hint=hint)
    return recipes


def refuse_architecture(catalogue: Catalogue, release: str, date: str, architecture: str) -> None:
    """Raise FaultsError with what of the standard set cannot be built for `architecture`, and why."""
    if faults := _not_for(catalogue, release, date, architecture):
        raise FaultsError(
            f"the standard set of release {release} cannot be built for {architecture}",
            faults,
            hint=f"build it on another machine, or take that out of [[recipes]] in {catalogue.releases[release].path}",
        )


def _not_for(catalogue: Catalogue, release: str, date: str, architecture: str) -> list[tuple[str, str]]:
    """Return the tags of the standard set that are not for an architecture ("": any), each with its reason."""
    return [
        (_tag(catalogue, selection), why)
        for selection in selections(catalogue, release, date)
        for why in architecture_reasons(
            at_release(catalogue, release), {**selection.as_answers(), "architecture": architecture}
        )
    ]


def images(catalogue: Catalogue, release: str, date: str) -> dict[str, SetImage]:
    """Return the images of the standard set by tag, each after the one that it stands on."""
    found: dict[str, SetImage] = {}
    for selection in selections(catalogue, release, date):
        below, base = selection.base, find_base(catalogue.releases[release].bases, selection.base)
        if not base.is_foreign:
            below = base.image_tag(selection.os, selection.python, release, date)
            for image in _below(selection, base):
                found.setdefault(image.tag, image)
        tag = str(tag_of(base, selection))
        found[tag] = SetImage(tag, below, selection.os, selection.python, selection=selection)
    kinds = {tag: (image.selection is not None, bool(image.layer)) for tag, image in found.items()}
    return {tag: found[tag] for tag in sorted(found, key=lambda tag: kinds[tag])}


def graph(found: Mapping[str, SetImage]) -> dict[str, str]:
    """Return for each tag the one that it stands on, as `run_graph` reads it."""
    return {tag: image.below for tag, image in found.items()}


def _tag(catalogue: Catalogue, selection: Selection) -> str:
    return str(tag_of(find_base(catalogue.releases[selection.release].bases, selection.base), selection))


def _below(selection: Selection, base: BaseDefinition) -> Iterator[SetImage]:
    """Yield the images that this project builds for a recipe on `base` to stand on, the one at the bottom first."""
    os, python, release, date = selection.os, selection.python, selection.release, selection.date
    standard = standard_tag(os, python, release, date)
    if base.layer or base.image_tag(os, python, release, date) == standard:
        yield SetImage(standard, "", os, python)
    for name in with_those_below([base.layer] if base.layer else []):
        tag, *also = layer_tags(name, os, python, release, date)
        below = layer_tags(LAYERS[name], os, python, release, date)[0] if LAYERS[name] else standard
        yield SetImage(tag, below, os, python, tuple(also), name)
