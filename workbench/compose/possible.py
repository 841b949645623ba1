"""Is a combination possible? The rules of the catalogue first, then the recipe itself."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.catalog.bases import BASES
from workbench.catalog.compat import reasons
from workbench.catalog.own_cuda import thin_advice
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.checks import check_recipe, problems
from workbench.compose.recipe import Recipe
from workbench.compose.selection import Selection, check_selection
from workbench.compose.stitch import compose
from workbench.errors import WorkbenchError


def compose_checked(catalogue: Catalogue, selection: Selection) -> Recipe:
    """Return the recipe for `selection`, sure to go together and free of problems.

    Raises WorkbenchError with the reason why the choices are impossible, or FaultsError with
    what keeps the recipe from being built.
    """
    refuse_impossible(catalogue, selection)
    recipe = compose(catalogue, selection)
    check_recipe(recipe)
    return recipe


def refuse_impossible(catalogue: Catalogue, selection: Selection) -> None:
    """Raise WorkbenchError when a name of `selection` is unknown or the rules refuse it, with the reason."""
    check_selection(catalogue, selection)
    if why := rule_reason(catalogue, selection):
        raise WorkbenchError(why, hint="`wizard.py matrix` shows what goes together, and why the rest does not")


def rule_reason(catalogue: Catalogue, selection: Selection) -> str:
    """Return why the catalogue's rules refuse `selection`, or the empty text."""
    return "; ".join(
        reasons(
            catalogue,
            release=selection.release,
            base=selection.base,
            os=selection.os,
            python=selection.python,
            bundle=selection.bundle,
            ide=selection.ide,
        )
    )


def advice(catalogue: Catalogue, selection: Selection) -> str:
    """Return what would suit `selection` better though it is possible as it is, or the empty text."""
    return thin_advice(catalogue, selection.release, selection.base, selection.os, selection.python, selection.bundle)


def attempt(catalogue: Catalogue, selection: Selection) -> tuple[Recipe | None, str]:
    """Return the recipe and no reason, or no recipe and the reason why there is none."""
    if why := rule_reason(catalogue, selection):
        return None, why
    try:
        recipe = compose(catalogue, selection)
    except WorkbenchError as error:
        return None, f"{error.where}: {error.message}" if error.where else error.message
    if found := problems(recipe):
        return None, "; ".join(f"{where}: {message}" for where, message in found)
    return recipe, ""


def combinations(catalogue: Catalogue, date: str) -> Iterator[Selection]:
    """Yield every selection that the catalogue has names for, in menu order, dated `date`."""
    for release in catalogue.releases.values():
        seen = at_release(catalogue, release.name)
        for base in BASES:
            for os, pins in release.systems.items():
                for python in pins.pythons:
                    for bundle in seen.bundles:
                        for ide in seen.ides:
                            yield Selection(release.name, date, base, os, python, bundle, ide)
