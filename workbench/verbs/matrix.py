"""`wizard.py matrix`: every combination, possible or not and why."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator

from workbench.architecture import this_architecture
from workbench.catalog.bases import find_base
from workbench.catalog.faults import Faults
from workbench.catalog.questions import ANSWERS, QUESTIONS, Selection
from workbench.catalog.reader import open_catalogue
from workbench.catalog.values import Catalogue
from workbench.catalog.views import every_name
from workbench.commands import here
from workbench.compose.possible import attempt, combinations
from workbench.compose.recipe import Recipe
from workbench.compose.resolve import tag_of
from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.names import LATEST, check_date, pick
from workbench.recipes.lint import lint_recipe
from workbench.recipes.write import write
from workbench.table import columns
from workbench.tag import format_tag
from workbench.verbs._answers import answer_flags, given_answers
from workbench.verbs._matrix import Row, summary_text

EXAMPLES = """\
  wizard.py matrix                               what goes with what, and why the rest does not
  wizard.py matrix --all                         every combination, a line each
  wizard.py matrix --ide jupyter --impossible    what does not go with Jupyter, and why
  wizard.py matrix --write /tmp/all              compose all the possible ones, below a folder for each base
  wizard.py matrix --architecture aarch64        the same for other machines than this one
  wizard.py matrix --json                        for a program
"""
# A combination has one date; in everything else they differ.
_FILTERS = tuple(name for name in ANSWERS if name != "date")
# All that are shown are for one architecture.
_COLUMNS = tuple(name for name in _FILTERS if name != "architecture")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `matrix`."""
    answer_flags(parser, _FILTERS, about="only combinations with this {}")
    parser.add_argument("--date", metavar="YYYYMMDD", default=LATEST, help="date of the tags (default: latest)")
    parser.add_argument("--all", action="store_true", help="list every combination; a filter lists those it leaves")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--possible", action="store_true", help="show the possible ones only")
    which.add_argument("--impossible", action="store_true", help="show the impossible ones only")
    parser.add_argument("--write", metavar="DIR", help="compose every possible one into DIR/BASE/TAG")
    parser.add_argument("--force", action="store_true", help="with --write: replace folders that differ")
    parser.add_argument("--no-lint", dest="lint", action="store_false", help="with --write: do not run hadolint")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print, and with --write compose, every combination that the filters let through."""
    catalogue = open_catalogue(args.catalog)
    check_date(args.date)
    _check_filters(catalogue, args)
    rows: list[Row] = []
    faults = []
    written, unusable = 0, Faults()
    wanted = list(_wanted(catalogue, args, unusable))
    for number, selection in enumerate(wanted, 1):
        if sys.stderr.isatty() and (number % 100 == 0 or number == len(wanted)):
            print(f"\r{number} of {len(wanted)}", end="" if number < len(wanted) else "\r\033[K", file=sys.stderr)
        recipe, reason = attempt(catalogue, selection)
        if recipe is not None and args.write:
            try:
                _write(recipe, args)
                written += 1
            except WorkbenchError as error:
                faults.append((str(recipe.tag), error.message))
        if not ((args.possible and reason) or (args.impossible and not reason)):
            rows.append((selection, reason))
    if args.json:
        print(_as_json(catalogue, rows))
    else:
        listed = args.all or args.possible or args.impossible or given_answers(args, _FILTERS)
        print(_listing(rows) if listed else summary_text(catalogue, rows))
        possible = sum(not reason for _, reason in rows)
        print(f"\n{len(rows)} combination{'' if len(rows) == 1 else 's'}, {possible} possible")
        if not listed and not args.write:
            print(f"each in a line: {here('matrix --all')}; only some: {here('matrix --ide NAME')}", file=sys.stderr)
    if args.write and not args.json:
        print(f"\n{written} recipes in {args.write}")
    unusable.raise_if_any("what is left out here")
    if faults:
        raise FaultsError(f"{len(faults)} of {written + len(faults)} recipes could not be written", faults)
    return 0


def _check_filters(catalogue: Catalogue, args: argparse.Namespace) -> None:
    given = given_answers(args, _FILTERS)
    for question in QUESTIONS:
        if question.name in given:
            pick(given[question.name], every_name(catalogue, question), question.what)
    if args.write == "":
        raise UsageError("--write needs a folder")


def _wanted(catalogue: Catalogue, args: argparse.Namespace, faults: Faults) -> Iterator[Selection]:
    filters = given_answers(args, _FILTERS)
    architecture = filters.pop("architecture", this_architecture())
    for selection in combinations(catalogue, args.date, faults, filters.get("release", ""), architecture):
        if all(getattr(selection, name) == wanted for name, wanted in filters.items()):
            yield selection


def _write(recipe: Recipe, args: argparse.Namespace) -> None:
    if args.lint:
        lint_recipe(recipe)
    # A folder for each base: CUDA runtime and devel share a tag (W6).
    write(recipe, os.path.join(args.write, recipe.selection.base), force=args.force)


def _as_json(catalogue: Catalogue, rows: list[Row]) -> str:
    return json.dumps(
        [
            {
                "selection": selection.as_recorded(),
                "possible": not reason,
                "reason": reason,
                "tag": _tag(catalogue, selection),
            }
            for selection, reason in rows
        ],
        indent=2,
        ensure_ascii=False,
    )


def _tag(catalogue: Catalogue, selection: Selection) -> str:
    try:
        return format_tag(tag_of(find_base(catalogue.releases[selection.release].bases, selection.base), selection))
    except UsageError:
        return ""  # too long to be a tag: the reason says so


def _listing(rows: list[Row]) -> str:
    cells = [(*(getattr(selection, name) for name in _COLUMNS), reason or "yes") for selection, reason in rows]
    return columns((*_COLUMNS, "possible"), cells)
