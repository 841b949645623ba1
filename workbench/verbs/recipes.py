"""`wizard.py recipes`: the recipes of a release's standard set, composed in one go."""

from __future__ import annotations

import argparse
import json
import sys

from workbench.architecture import this_architecture
from workbench.catalog.reader import open_catalogue
from workbench.catalog.values import Catalogue
from workbench.catalog.views import in_repository
from workbench.compose.recipe import CONTAINERFILE, Recipe
from workbench.errors import FaultsError, WorkbenchError
from workbench.recipes.lint import lint
from workbench.recipes.write import DEFAULT_OUT, IDENTICAL, KEEP, write
from workbench.release.standard import composed_set, images
from workbench.table import columns
from workbench.verbs._answers import answer_flags

EXAMPLES = """\
  wizard.py recipes --release 2026a --date 20261122           into recipes/
  wizard.py recipes --release 2026a --date 20261122 --list    show the set, write nothing
  wizard.py recipes --release 2026a --date 20261122 --repo quay.io/team/images   on the images there
  make recipes RELEASE=2026a DATE=20261122
"""


def set_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name a standard set."""
    answer_flags(parser, ("release", "date"), required=True)


def repository_option(parser: argparse._ActionsContainer) -> None:
    """Add the flag that names another repository than the release's."""
    parser.add_argument(
        "--repo",
        metavar="REPO",
        default="",
        help="where base images are (and go), in place of the release's repository",
    )


def catalogue_of(args: argparse.Namespace) -> Catalogue:
    """Return the catalogue, its release in the repository that `--repo` names; raises UsageError for none."""
    catalogue = open_catalogue(args.catalog)
    if not args.repo:
        return catalogue
    # Only who names one needs the rule.
    from workbench.images.push import check_repository

    return in_repository(catalogue, args.release, check_repository(args.repo))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `recipes`."""
    set_options(parser)
    answer_flags(parser, ("architecture",))
    repository_option(parser)
    parser.add_argument("--out", metavar="DIR", default=DEFAULT_OUT, help=f"where the folders go ({DEFAULT_OUT})")
    parser.add_argument("--list", action="store_true", help="show the tags of the set and what each stands on")
    parser.add_argument("--force", action="store_true", help="replace existing folders that differ")
    parser.add_argument("--no-lint", dest="lint", action="store_false", help="do not run hadolint")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Compose all before the first is written, then write each folder whole."""
    catalogue = catalogue_of(args)
    if args.list:
        _show_set(catalogue, args)
        return 0
    recipes = composed_set(catalogue, args.release, args.date, args.architecture or this_architecture())
    if args.lint:
        _lint(recipes)
    _write(recipes, args)
    return 0


def _lint(recipes: list[Recipe]) -> None:
    found = [
        (f"{recipe.tag}/{CONTAINERFILE}:{line}", message)
        for recipe in recipes
        for line, message in lint(recipe.resolved.catalogue, recipe.containerfile)
    ]
    if found:
        raise FaultsError("hadolint refuses recipes of the standard set; nothing was written", found)


def _write(recipes: list[Recipe], args: argparse.Namespace) -> None:
    rows: list[tuple[str, str]] = []
    faults: list[tuple[str, str]] = []
    for recipe in recipes:
        try:
            written = write(recipe, args.out, force=args.force)
        except WorkbenchError as error:
            faults.append((error.where or str(recipe.tag), error.message))
            continue
        same = all(status in (IDENTICAL, KEEP) for status in written.files.values())
        rows.append((written.folder, IDENTICAL if same else "written"))
    if args.json:
        print(json.dumps([{"folder": folder, "status": status} for folder, status in rows], indent=2))
    else:
        print("\n".join(f"{status:<10} {folder}" for folder, status in rows))
    if faults:
        raise FaultsError(f"{len(faults)} of {len(recipes)} recipes were not written", faults, hint="see --force")


def _show_set(catalogue: Catalogue, args: argparse.Namespace) -> None:
    found = images(catalogue, args.release, args.date)
    if args.json:
        print(json.dumps([{"tag": tag, "below": image.below} for tag, image in found.items()], indent=2))
        return
    print(columns(("image", "stands on"), [(tag, image.below or "the root image") for tag, image in found.items()]))
    print(f"\n{len(found)} images", file=sys.stderr)
