"""`wizard.py new`: a recipe without questions."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass

from workbench.catalog.bases import BASES
from workbench.catalog.own_cuda import THIN, holds_cuda_twice
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.commands import runnable
from workbench.compose.possible import advice, compose_checked, refuse_impossible
from workbench.compose.recipe import Recipe
from workbench.compose.selection import ANSWERS, Selection, check_selection
from workbench.errors import UsageError
from workbench.names import check_release, pick
from workbench.recipes.write import Written, compare, folder_of, write

DEFAULT_OUT = "recipes"

EXAMPLES = """\
  wizard.py new --release 2026a --date 20261122 --base standard --os bookworm \\
      --python 3.11 --bundle minimal --ide jupyter --out recipes
  wizard.py new --defaults --bundle datascience     the rest as the release says, dated today
  wizard.py new --answers recipes/TAG/recipe.toml   the same recipe again
  wizard.py new --defaults --dry-run                show it, write nothing
"""


@dataclass(frozen=True, slots=True)
class Options:
    """How a recipe is made, beside what is in it."""

    out: str
    offline: bool = False
    force: bool = False
    lint: bool = True


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `new`."""
    answers = parser.add_argument_group("answers")
    answers.add_argument("--release", metavar="NAME", help="release, such as 2026a")
    answers.add_argument("--date", metavar="YYYYMMDD", help="day of the build, or latest")
    answers.add_argument("--base", metavar="BASE", help=f"{', '.join(BASES)}, or an image")
    answers.add_argument("--os", metavar="NAME", help="operating system, such as bookworm")
    answers.add_argument("--python", metavar="X.Y", help="Python, such as 3.11")
    answers.add_argument("--bundle", metavar="NAME", help="bundle of libraries, such as minimal")
    answers.add_argument("--ide", metavar="NAME", help="IDE, such as jupyter")
    answers.add_argument("--answers", metavar="FILE", help="answers of an earlier recipe.toml; flags go before them")
    answers.add_argument("--defaults", action="store_true", help="take the release's defaults for the rest")
    making = parser.add_argument_group("making")
    making.add_argument("--out", metavar="DIR", help=f"folder that the recipe's folder is made in ({DEFAULT_OUT})")
    making.add_argument("--dry-run", action="store_true", help="show the Containerfile and the files, write nothing")
    making.add_argument("--force", action="store_true", help="replace a folder that is there and differs")
    making.add_argument("--offline", action="store_true", help="do not look the base image up")
    making.add_argument("--no-lint", dest="lint", action="store_false", help="do not run hadolint")
    making.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Compose and write the recipe that the flags name."""
    catalogue = read_catalogue(args.catalog)
    selection = chosen(catalogue, args)
    out = args.out or catalogue.releases[selection.release].defaults.get("out", DEFAULT_OUT)
    options = Options(out, args.offline, args.force, args.lint)
    recipe = composed(catalogue, selection, options)
    if better := advice(catalogue, selection):
        print(f"note: {better}", file=sys.stderr)
    if args.dry_run:
        statuses = compare(recipe, folder_of(recipe, out))
        _show(recipe, statuses, args.json)
        return 0
    written = write(recipe, out, force=args.force)
    if args.json:
        import json

        print(json.dumps(report(str(recipe.tag), written), indent=2))
    else:
        print_written(written)
        print(f"build it with: {build_command(written.folder)}")
    return 0


def chosen(catalogue: Catalogue, args: argparse.Namespace) -> Selection:
    """Return the selection of the flags, then the answers file, then (when asked) the release's defaults.

    Raises UsageError that names every answer still missing.
    """
    given: dict[str, str] = {}
    if args.answers:
        from workbench.recipes.read import read_manifest

        given = asdict(read_manifest(args.answers).selection)
    flags = {name: value for name in ANSWERS if (value := getattr(args, name)) is not None}
    if any(flags[name] != given.get(name) for name in flags):
        # Another base, system or date has another base image: what was found then does not count.
        given.pop("image", None)
    given |= flags
    if args.defaults:
        given = defaults(catalogue, given) | given
    missing = [f"--{name}" for name in ANSWERS if name not in given]
    if missing:
        raise UsageError(
            f"no answer for {', '.join(missing)}",
            hint="give them, or take the release's defaults with --defaults",
        )
    return check_selection(catalogue, Selection(**given))


def defaults(catalogue: Catalogue, given: dict[str, str]) -> dict[str, str]:
    """Return the default answers: of the release given, else of the newest open one; dated today.

    Where the release names no Python for the system that is given, that system's first counts; where
    it names the base cuda and the bundle brings a CUDA of its own, cuda-thin does.
    """
    import datetime

    open_ones = [name for name, release in catalogue.releases.items() if release.state != "retired"]
    name = check_release(given.get("release") or (open_ones or list(catalogue.releases))[0])
    pick(name, catalogue.releases, "release")
    release = catalogue.releases[name]
    answers = {"base": "standard", **release.defaults, "release": name, "date": f"{datetime.date.today():%Y%m%d}"}
    answers.pop("out", None)
    system = release.systems.get(given.get("os", answers.get("os", "")))
    if system is not None and answers.get("python") not in system.pythons:
        answers["python"] = system.pythons[0]
    named = {**answers, **given}
    seen = at_release(catalogue, name) if answers["base"] == "cuda" else catalogue
    known = "python" in named and named.get("bundle") in seen.bundles
    if answers["base"] == "cuda" and known and holds_cuda_twice(seen, "cuda", named["python"], named["bundle"]):
        answers["base"] = THIN
    return answers


def composed(catalogue: Catalogue, selection: Selection, options: Options) -> Recipe:
    """Return the recipe, checked in every way there is: rules, base image, sources, hadolint.

    Raises WorkbenchError for whatever would keep it from being built; nothing is written here.
    """
    refuse_impossible(catalogue, selection)
    until = catalogue.releases[selection.release].until
    if until and selection.date.isdigit() and selection.date > until.replace("-", ""):
        print(f"note: support for release {selection.release} ends on {until}", file=sys.stderr)
    if not options.offline and not selection.image:
        from workbench.images.base_image import look_up

        found = look_up(catalogue, selection)
        if found.note:
            print(f"note: {found.note}", file=sys.stderr)
        selection = found.selection
    recipe = compose_checked(catalogue, selection)
    if options.lint:
        from workbench.recipes.lint import lint_recipe

        lint_recipe(catalogue, recipe)
    return recipe


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
    import shlex

    return runnable(f"python wizard.py build {shlex.quote(folder)}")


def _show(recipe: Recipe, statuses: dict[str, str], as_json: bool) -> None:
    if as_json:
        import json

        files = [{"path": path, "status": status} for path, status in statuses.items()]
        print(json.dumps({"tag": str(recipe.tag), "containerfile": recipe.containerfile, "files": files}, indent=2))
        return
    print(recipe.containerfile)
    for path, status in statuses.items():
        print(f"  {status:<10} {path}")
