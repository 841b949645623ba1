"""From answers to a checked recipe: what `new` and the wizard have in common."""

from __future__ import annotations

from collections.abc import Callable

from workbench.architecture import this_architecture
from workbench.catalog.questions import REQUIRED, Answers, Selection
from workbench.catalog.values import Catalogue
from workbench.compose.checks import check_recipe
from workbench.compose.defaults import defaults
from workbench.compose.recipe import CONTAINERFILE, Recipe
from workbench.compose.resolve import ResolvedSelection, resolve
from workbench.compose.stitch import compose
from workbench.containerfile.unknown import beyond_podman_4
from workbench.errors import UsageError
from workbench.recipes.lint import lint_recipe
from workbench.recipes.read import answers_from

# Looks the base image up: returns what was resolved on the image that exists, and a note ("" for none).
LookUp = Callable[[ResolvedSelection], tuple[ResolvedSelection, str]]


def select(catalogue: Catalogue, flags: Answers, *, answers_file: str, date: str | None) -> Selection:
    """Return the selection of the flags, then of an earlier recipe.toml, then of the release's defaults.

    It is for this machine's architecture where none of them names one.

    `answers_file` is empty for none. The defaults count when there is a `date` to date them. Raises UsageError
    that names every answer still missing, and WorkbenchError for a file that cannot be read.
    """
    given = answers_from(answers_file, flags) if answers_file else {**flags}
    if date is not None:
        given = defaults(catalogue, given, date) | given
    given.setdefault("architecture", this_architecture())
    missing = [f"--{name}" for name in REQUIRED if name not in given]
    if missing:
        raise UsageError(
            f"no answer for {', '.join(missing)}",
            hint="give them, or take the release's defaults with --defaults",
        )
    return Selection(**given)


def make_recipe(
    catalogue: Catalogue, selection: Selection, look_up: LookUp | None, note: Callable[[str], None], *, lint: bool
) -> Recipe:
    """Return the recipe for `selection`, checked in every way there is: rules, base image, sources, hadolint.

    Without `look_up` the base image has the name that the release gives it. `note` takes what the user should
    know. Raises WorkbenchError for whatever would keep the recipe from being built; nothing is written here.
    """
    resolved = resolve(catalogue, selection)
    until = resolved.release.until
    if until and selection.date.isdigit() and selection.date > until.replace("-", ""):
        note(f"support for release {selection.release} ends on {until}")
    if look_up and not selection.image:
        resolved, text = look_up(resolved)
        if text:
            note(text)
    recipe = compose(resolved)
    check_recipe(recipe)
    for line, text in beyond_podman_4(recipe.containerfile):
        note(f"{CONTAINERFILE}:{line}: {text}")
    if lint:
        lint_recipe(recipe)
    return recipe
