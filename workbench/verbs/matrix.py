"""`wizard.py matrix`: every combination, possible or not and why."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator

from workbench.catalog.bases import BASES
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.catalog.views import every_bundle, every_ide
from workbench.compose.possible import attempt, combinations
from workbench.compose.recipe import Recipe
from workbench.compose.selection import ANSWERS, Selection, tag_of
from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.names import LATEST, check_date, pick
from workbench.recipes.lint import lint_recipe
from workbench.recipes.write import write
from workbench.table import columns

EXAMPLES = """\
  wizard.py matrix                               every combination of the catalogue
  wizard.py matrix --ide jupyter --impossible    what does not go with Jupyter, and why
  wizard.py matrix --write /tmp/all              compose all the possible ones, below a folder for each base
  wizard.py matrix --json                        for a program
"""
_FILTERS = ("release", "base", "os", "python", "bundle", "ide")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `matrix`."""
    for name in _FILTERS:
        parser.add_argument(f"--{name}", metavar="NAME", help=f"only combinations with this {name}")
    parser.add_argument("--date", metavar="YYYYMMDD", default=LATEST, help="date of the tags (default: latest)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--possible", action="store_true", help="show the possible ones only")
    which.add_argument("--impossible", action="store_true", help="show the impossible ones only")
    parser.add_argument("--write", metavar="DIR", help="compose every possible one into DIR/BASE/TAG")
    parser.add_argument("--force", action="store_true", help="with --write: replace folders that differ")
    parser.add_argument("--no-lint", dest="lint", action="store_false", help="with --write: do not run hadolint")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print, and with --write compose, every combination that the filters let through."""
    catalogue = read_catalogue(args.catalog)
    check_date(args.date)
    _check_filters(catalogue, args)
    rows, faults = [], []
    written = 0
    wanted = list(_wanted(catalogue, args))
    for number, selection in enumerate(wanted, 1):
        if sys.stderr.isatty() and (number % 100 == 0 or number == len(wanted)):
            print(f"\r{number} of {len(wanted)}", end="" if number < len(wanted) else "\r\033[K", file=sys.stderr)
        recipe, reason = attempt(catalogue, selection)
        if recipe is not None and args.write:
            try:
                _write(catalogue, recipe, args)
                written += 1
            except WorkbenchError as error:
                faults.append((str(recipe.tag), error.message))
        if not ((args.possible and reason) or (args.impossible and not reason)):
            rows.append((selection, reason))
    print(_as_json(rows) if args.json else _as_text(rows))
    if args.write and not args.json:
        print(f"\n{written} recipes in {args.write}")
    if faults:
        raise FaultsError(f"{len(faults)} of {written + len(faults)} recipes could not be written", faults)
    return 0


def _check_filters(catalogue: Catalogue, args: argparse.Namespace) -> None:
    pythons = {p for release in catalogue.releases.values() for pins in release.systems.values() for p in pins.pythons}
    known = (
        catalogue.releases,
        BASES,
        catalogue.systems,
        sorted(pythons),
        every_bundle(catalogue),
        every_ide(catalogue),
    )
    for name, names in zip(_FILTERS, known, strict=True):
        if (wanted := getattr(args, name)) is not None:
            pick(wanted, names, name)
    if args.write == "":
        raise UsageError("--write needs a folder")


def _wanted(catalogue: Catalogue, args: argparse.Namespace) -> Iterator[Selection]:
    filters = [(name, getattr(args, name)) for name in _FILTERS if getattr(args, name) is not None]
    for selection in combinations(catalogue, args.date):
        if all(getattr(selection, name) == wanted for name, wanted in filters):
            yield selection


def _write(catalogue: Catalogue, recipe: Recipe, args: argparse.Namespace) -> None:
    if args.lint:
        lint_recipe(catalogue, recipe)
    # A folder for each base: CUDA runtime and devel share a tag (W6).
    write(recipe, os.path.join(args.write, recipe.selection.base), force=args.force)


def _as_json(rows: list[tuple[Selection, str]]) -> str:
    return json.dumps(
        [
            {
                "selection": {name: getattr(selection, name) for name in ANSWERS},
                "possible": not reason,
                "reason": reason,
                "tag": _tag(selection),
            }
            for selection, reason in rows
        ],
        indent=2,
        ensure_ascii=False,
    )


def _tag(selection: Selection) -> str:
    try:
        return str(tag_of(selection))
    except UsageError:
        return ""  # too long to be a tag: the reason says so


def _as_text(rows: list[tuple[Selection, str]]) -> str:
    header = (*_FILTERS, "possible")
    cells = [(*(getattr(selection, name) for name in _FILTERS), reason or "yes") for selection, reason in rows]
    possible = sum(not reason for _, reason in rows)
    return f"{columns(header, cells)}\n\n{len(rows)} combinations, {possible} possible"
