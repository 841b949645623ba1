"""`wizard.py new`: a recipe without questions."""

from __future__ import annotations

import argparse
import datetime
import json
import shlex

from workbench.catalog.reader import open_catalogue
from workbench.commands import here
from workbench.compose.possible import advice
from workbench.compose.recipe import Recipe
from workbench.errors import UsageError
from workbench.notes import print_note
from workbench.recipes.composed import remember
from workbench.recipes.differences import replacing_lines
from workbench.recipes.make import LookUp, make_recipe, select
from workbench.recipes.write import DEFAULT_OUT, Written, compare, folder_of, write
from workbench.verbs._answers import answer_flags, given_answers

EXAMPLES = """\
  wizard.py new --release 2026a --date 20261122 --base standard --os bookworm \\
      --python 3.11 --bundle minimal --ide jupyter --out recipes
  wizard.py new --defaults --bundle datascience     the rest as the release says, dated today
  wizard.py new --answers recipes/TAG/recipe.toml   the same recipe again
  wizard.py new --defaults --dry-run                show it, write nothing
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `new`."""
    answers = parser.add_argument_group("answers")
    answer_flags(answers)
    answers.add_argument(
        "--answers", metavar="FILE", default="", help="answers of an earlier recipe.toml; flags go before them"
    )
    answers.add_argument("--defaults", action="store_true", help="take the release's defaults for the rest")
    making = parser.add_argument_group("making")
    making.add_argument("--out", metavar="DIR", help=f"folder that the recipe's folder is made in ({DEFAULT_OUT})")
    making.add_argument("--dry-run", action="store_true", help="show the Containerfile and the files, write nothing")
    making.add_argument("--diff", action="store_true", help="show how an existing folder would change, write nothing")
    making.add_argument(
        "--force", action="store_true", help="replace an existing recipe that differs; files of your own stay"
    )
    making.add_argument("--clean", action="store_true", help="with --force: delete files of your own too")
    making.add_argument("--offline", action="store_true", help="do not look the base image up")
    making.add_argument("--no-lint", dest="lint", action="store_false", help="do not run hadolint")
    making.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Compose and write the recipe that the flags name."""
    catalogue = open_catalogue(args.catalog)
    date = today() if args.defaults else None
    selection = select(catalogue, given_answers(args), answers_file=args.answers, date=date)
    recipe = make_recipe(catalogue, selection, None if args.offline else base_look_up(), print_note, lint=args.lint)
    out = args.out or recipe.resolved.release.defaults.get("out", DEFAULT_OUT)
    if better := advice(recipe.resolved):
        print_note(better)
    if args.clean and not args.force:
        raise UsageError("--clean goes with --force")
    if args.diff:
        print("\n".join(replacing_lines(recipe, folder_of(recipe, out), clean=args.clean)) or "no difference")
        return 0
    if args.dry_run:
        statuses = compare(recipe, folder_of(recipe, out))
        _show(recipe, statuses, args.json)
        return 0
    written = write(recipe, out, force=args.force, clean=args.clean)
    remember(recipe.files.values())
    if args.json:
        print(json.dumps(report(str(recipe.tag), written), indent=2))
    else:
        print_written(written)
        print(f"open it with: {up_command(written.folder)}")
        print(f"build it with: {build_command(written.folder)}")
    return 0


def today() -> str:
    """Return the date of a recipe that is made now."""
    return f"{datetime.date.today():%Y%m%d}"


def base_look_up() -> LookUp:
    """Return the look-up of base images: in podman's store, the Docker Engine's and the registry."""
    # Only who looks a base image up needs what talks to an engine.
    from workbench.images.base_lookup import look_up

    return look_up


def base_look_up_or_local() -> LookUp:
    """Return the look-up for whoever makes the base if it does not exist: it has this machine's name then."""
    from workbench.images.base_lookup import look_up_or_local

    return look_up_or_local


def report(tag: str, written: Written) -> dict[str, object]:
    """Return what `--json` prints for a written recipe."""
    files = [{"path": path, "status": status} for path, status in written.files.items()]
    return {"tag": tag, "folder": written.folder, "files": files}


def print_written(written: Written) -> None:
    """Print each file with what happened to it, then the folder."""
    for path, status in written.files.items():
        print(f"  {status:<10} {path}")
    print(written.folder)


def build_command(folder: str) -> str:
    """Return the command that builds the recipe in `folder`, quoted for a shell."""
    return here(f"build {shlex.quote(folder)}")


def up_command(folder: str) -> str:
    """Return the command that builds the recipe in `folder` and opens the workbench, quoted for a shell."""
    return here(f"up {shlex.quote(folder)}")


def _show(recipe: Recipe, statuses: dict[str, str], as_json: bool) -> None:
    if as_json:
        files = [{"path": path, "status": status} for path, status in statuses.items()]
        print(json.dumps({"tag": str(recipe.tag), "containerfile": recipe.containerfile, "files": files}, indent=2))
        return
    print(recipe.containerfile)
    for path, status in statuses.items():
        print(f"  {status:<10} {path}")
