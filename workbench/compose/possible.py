"""Is a combination possible? The rules of the catalogue first, then the recipe itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

from workbench.catalog.faults import Faults
from workbench.catalog.own_cuda import thin_advice
from workbench.catalog.questions import QUESTIONS, Answers, Question, Selection
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.checks import check_recipe, problems
from workbench.compose.recipe import Recipe
from workbench.compose.resolve import ResolvedSelection, resolve
from workbench.compose.stitch import compose
from workbench.errors import WorkbenchError


def compose_checked(catalogue: Catalogue, selection: Selection) -> Recipe:
    """Return the recipe for `selection`, free of problems.

    Raises WorkbenchError when it cannot be resolved or composed, and FaultsError with what keeps it from being built.
    """
    recipe = compose(resolve(catalogue, selection))
    check_recipe(recipe)
    return recipe


def advice(resolved: ResolvedSelection) -> str:
    """Return what would suit better though all is possible as it is, or the empty text."""
    chosen = resolved.selection
    return thin_advice(resolved.catalogue, resolved.release, resolved.base, chosen.os, chosen.python, chosen.bundle)


def attempt(catalogue: Catalogue, selection: Selection) -> tuple[Recipe | None, str]:
    """Return the recipe and no reason, or no recipe and the reason why there is none."""
    try:
        recipe = compose(resolve(catalogue, selection))
    except WorkbenchError as error:
        return None, f"{error.where}: {error.message}" if error.where else error.message
    if found := problems(recipe):
        return None, "; ".join(f"{where}: {message}" for where, message in found)
    return recipe, ""


def combinations(
    catalogue: Catalogue, date: str, faults: Faults | None = None, release: str = "", architecture: str = ""
) -> Iterator[Selection]:
    """Yield every selection that the catalogue has names for, in menu order, dated `date`.

    With `release`, of that one only; all are for `architecture`, "" for any. What keeps a release from being used is
    added to `faults`, and the others go on; without `faults` it is raised.
    """
    for name in [release] if release else catalogue.releases:
        given = {"release": name, "date": date, "architecture": architecture}
        rest = tuple(question for question in QUESTIONS if question.name not in given)
        with faults or nullcontext():
            yield from _combinations(at_release(catalogue, name), rest, given)


def _combinations(view: Catalogue, questions: tuple[Question, ...], given: Answers) -> Iterator[Selection]:
    if not questions:
        yield Selection(**given)
        return
    question, *rest = questions
    for name in question.offered(view, given) if question.offered else (question.usual,):
        yield from _combinations(view, tuple(rest), {**given, question.name: name})
