"""`wizard.py update`: a recipe composed again, with what was changed by hand kept."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from workbench.catalog.questions import differences
from workbench.catalog.reader import open_catalogue
from workbench.compose.possible import compose_checked
from workbench.errors import EXIT_OK, EXIT_USER
from workbench.notes import print_note
from workbench.recipes.differences import changed_lines
from workbench.recipes.make import make_recipe
from workbench.recipes.read import read_files, read_manifest
from workbench.recipes.update import RecipeUpdate, plan_update, problems, updated_selection, write_update
from workbench.verbs._answers import answer_flags, given_answers
from workbench.verbs.new import base_look_up, build_command

EXAMPLES = """\
  wizard.py update recipes/TAG                      with the catalogue as it is now
  wizard.py update recipes/TAG --date 20261201      another day: a folder of its own, beside the old one
  wizard.py update recipes/TAG --release 2026b --dry-run    show what would change, write nothing
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `update`."""
    parser.description = (
        "Compose a recipe again and merge what was changed by hand in its folder. What both changed is marked "
        "<<<<<<< … ======= … >>>>>>> in the file, and the exit code is 1. Files of your own stay."
    )
    parser.add_argument("recipe", metavar="RECIPE", help="recipe folder")
    answer_flags(parser.add_argument_group("answers"), about="{} (default: the recipe's)")
    parser.add_argument("--out", metavar="DIR", default="", help="folder that the new one is made in (default: beside)")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    parser.add_argument("--offline", action="store_true", help="do not look the base image up")
    parser.add_argument("--no-lint", dest="lint", action="store_false", help="do not run hadolint")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Compose, merge, show what changes and write it; 1 when something is in conflict."""
    catalogue = open_catalogue(args.catalog)
    folder = os.path.normpath(args.recipe)
    selection = updated_selection(folder, given_answers(args))
    recipe = make_recipe(catalogue, selection, None if args.offline else base_look_up(), print_note, lint=args.lint)
    out = args.out or os.path.dirname(folder) or "."
    update = plan_update(folder, recipe, lambda before: compose_checked(catalogue, before), out)
    if args.json:
        report = {
            "tag": str(recipe.tag),
            "folder": update.folder,
            "selection": {name: {"old": a, "new": b} for name, (a, b) in _answers(update).items()},
            "files": [
                {"path": path, "status": status, "note": update.notes.get(path, "")}
                for path, status in update.statuses.items()
            ],
            "conflicts": update.conflicts,
            "written": update.changes and not args.dry_run,
        }
        print(json.dumps(report, indent=2))
    else:
        _show(update)
    if update.changes and not args.dry_run:
        write_update(update)
    if not args.json:
        _conclude(update, dry_run=args.dry_run)
    return EXIT_USER if update.conflicts else EXIT_OK


def _answers(update: RecipeUpdate) -> dict[str, tuple[str, str]]:
    return differences(read_manifest(update.source).selection, update.recipe.selection)


def _show(update: RecipeUpdate) -> None:
    for name, (old, new) in _answers(update).items():
        print(f"{name}: {old or '-'} -> {new or '-'}")
    before = {path: data for path, data in read_files(update.source).items() if path not in update.kept}
    for line in changed_lines(before, {path: file.data for path, file in update.files.items()}):
        print(line)
    for path, status in update.statuses.items():
        print(f"  {status:<10} {path}")


def _conclude(update: RecipeUpdate, *, dry_run: bool) -> None:
    if not update.changes:
        print(f"{update.folder}: nothing to update")
        return
    where = f"would be written to {update.folder}" if dry_run else update.folder
    print(where)
    faults = problems(update)
    print_problems(update.folder, faults)
    if not dry_run and not faults:
        print(f"build it with: {build_command(update.folder)}")


def print_problems(folder: str, found: Sequence[tuple[str, str]]) -> None:
    """Print what a person must look at in a recipe's folder before it is built."""
    for path, message in found:
        print(f"look at {os.path.join(folder, path)}: {message}", file=sys.stderr)
