"""`wizard.py diff`: how two recipes differ."""

from __future__ import annotations

import argparse
import dataclasses
import json

from workbench.catalog.questions import differences
from workbench.compose.diff import RecipeChange, RecipeDifference, diff
from workbench.recipes.differences import change_line
from workbench.recipes.read import read_files, read_manifest

EXAMPLES = """\
  wizard.py diff recipes/OLD recipes/NEW             packages, files, Containerfile
  wizard.py diff recipes/OLD recipes/NEW --summary   counts only
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `diff`."""
    parser.add_argument("old", help="recipe folder")
    parser.add_argument("new", help="recipe folder")
    parser.add_argument("--summary", action="store_true", help="print counts only")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print how the recipe in the folder `new` differs from the one in `old`."""
    theirs, ours = read_manifest(args.old).selection, read_manifest(args.new).selection
    answers = differences(theirs, ours)
    difference = diff(read_files(args.old), read_files(args.new))
    if args.json:
        changed = {name: {"old": old, "new": new} for name, (old, new) in answers.items()}
        print(json.dumps({"selection": changed, **dataclasses.asdict(difference)}, indent=2))
    elif not difference and not answers:
        print("no difference")
    elif args.summary:
        print(_summary(difference))
    else:
        _print(answers, difference)
    return 0


def _print(answers: dict[str, tuple[str, str]], difference: RecipeDifference) -> None:
    for name, (old, new) in answers.items():
        print(f"{name}: {old or '-'} -> {new or '-'}")
    for path, changes in difference.packages.items():
        print(f"\n{path}")
        for change in changes:
            print(f"  {change_line(change)}")
    if difference.files:
        print("\nfiles")
        for change in difference.files:
            print(f"  {change_line(change)}")
    if difference.containerfile:
        print("\nContainerfile")
        print("\n".join(f"  {line}" for line in difference.containerfile))


def _summary(difference: RecipeDifference) -> str:
    rows = [*difference.packages.items(), ("files", difference.files)]
    counted = [f"{path}: {_counts(changes)}" for path, changes in rows if changes]
    lines = [line for line in difference.containerfile if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return "\n".join([*counted, f"Containerfile: {len(lines)} lines"])


def _counts(changes: list[RecipeChange]) -> str:
    kinds = [change.kind for change in changes]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
