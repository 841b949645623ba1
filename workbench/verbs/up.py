"""`wizard.py up`: from nothing to an open workbench."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from typing import TYPE_CHECKING

from workbench.catalog.reader import open_catalogue
from workbench.catalog.values import Catalogue
from workbench.commands import here
from workbench.errors import EXIT_INTERRUPTED, EXIT_OK, UsageError, WorkbenchError
from workbench.notes import print_note
from workbench.recipes.make import make_recipe, select
from workbench.recipes.write import DEFAULT_OUT, write
from workbench.verbs._answers import answer_flags, given_answers
from workbench.verbs._workbench import (
    plan_text,
    report_of,
    run_options,
    running_options,
    runs_commands,
    show_opened,
)
from workbench.verbs.new import print_written, today

if TYPE_CHECKING:
    from workbench.launch.machine import Target

EXAMPLES = """\
  wizard.py up                                  JupyterLab with the bundle minimal, or what the release has as defaults
  make workbench                                the same
  wizard.py up --ide vscode --bundle pytorch --base cuda
  wizard.py up recipes/TAG                      a recipe that is written, as it is
  wizard.py up --answers recipe.toml --yes      without a question, for scripts
  wizard.py up --dry-run                        show what it would do
  wizard.py up --no-start                       make its image, and no workbench of it
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `up`."""
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", default="", help="recipe folder, or its tag")
    answers = parser.add_argument_group("answers", "what is not answered is as the release's defaults say")
    answer_flags(answers)
    answers.add_argument(
        "--answers", metavar="FILE", default="", help="answers of an earlier recipe.toml; flags go before them"
    )
    making = parser.add_argument_group("making")
    making.add_argument("--out", metavar="DIR", help=f"folder that the recipe's folder is made in ({DEFAULT_OUT})")
    making.add_argument("--force", action="store_true", help="replace an existing recipe folder that differs")
    making.add_argument("--no-lint", dest="lint", action="store_false", help="do not run hadolint")
    making.add_argument("--yes", action="store_true", help="do it without asking")
    making.add_argument("--no-start", dest="start", action="store_false", help="make the image, start no workbench")
    making.add_argument("--dry-run", action="store_true", help="show the plan, do nothing")
    making.add_argument(
        "--engine-option", dest="options", metavar="OPTION", action="append", default=[], help="as `build` takes it"
    )
    making.add_argument("--ca-bundle", metavar="FILE", default="", help="as `build` takes it")
    making.add_argument("--log-dir", metavar="DIR", default="logs", help="folder for the logs (logs)")
    running_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show the plan, ask once, do it, and print the address."""
    from workbench import podman
    from workbench.launch.machine import plan
    from workbench.launch.make import Making, do_steps
    from workbench.launch.names import check_workbench_name
    from workbench.launch.plan import WORKBENCH, needs_consent
    from workbench.launch.preflight import check_steps, check_user, storage_note

    options = run_options(args)
    name = check_workbench_name(args.name) if args.name else ""
    catalogue = open_catalogue(args.catalog)
    if not podman.is_installed():
        return _only_write(args, catalogue)
    check_user()
    target = _target(args, catalogue)
    steps = plan(target, catalogue, name=name, force=args.force)
    if not args.start:
        steps = [step for step in steps if step.kind != WORKBENCH]
    check_steps(steps, options.port)
    if args.dry_run:
        print(json.dumps([step.as_data() for step in steps], indent=2) if args.json else plan_text(target.tag, steps))
        return EXIT_OK
    if not args.json:
        print(plan_text(target.tag, steps), file=sys.stderr, flush=True)
    if needs_consent(steps) and (note := storage_note()):
        print_note(note)
    if needs_consent(steps) and not args.yes and (refused := _refused()) is not None:
        print("nothing was done", file=sys.stderr)
        return refused
    making = Making(
        out=os.path.dirname(target.folder) or ".",
        force=args.force,
        logs=args.log_dir,
        options=tuple(args.options),
        ca_bundle=args.ca_bundle,
        quiet=args.json,
    )
    done = do_steps(steps, target, catalogue, making, options)
    for note in done.notes:
        print_note(note)
    if args.json:
        print(json.dumps(report_of(target, done), indent=2))
    elif not args.start:
        print(target.image)
    elif done.started is None:
        print(runs_commands(target.image))
    if done.started is not None:
        show_opened(done.started, args)
    return EXIT_OK


def _target(args: argparse.Namespace, catalogue: Catalogue) -> Target:
    """Return the recipe that is there, or compose the one that the flags name."""
    from workbench.images.base_lookup import look_up_or_local
    from workbench.launch.machine import newest_recipe, target_of_folder, target_of_recipe

    given = given_answers(args)
    if args.recipe:
        if given or args.answers:
            raise UsageError("a recipe has its answers already", hint="give the recipe, or the answers")
        return target_of_folder(_folder(args.recipe, args.out), catalogue)
    selection = select(catalogue, given, answers_file=args.answers, date=today())
    out = args.out or catalogue.releases[selection.release].defaults.get("out", DEFAULT_OUT)
    if "date" not in given and not args.answers and (folder := newest_recipe(out, selection.as_answers())):
        target = target_of_folder(folder, catalogue)
        if target.selection.date != selection.date:
            print_note(f"this recipe is there already; --date {selection.date} composes one of today")
        return target
    recipe = make_recipe(catalogue, selection, look_up_or_local, print_note, lint=args.lint)
    return target_of_recipe(recipe, out)


def _folder(text: str, out: str | None) -> str:
    """Return the recipe folder that `text` is, or is the tag of."""
    folders = [text, os.path.join(out or DEFAULT_OUT, text)]
    for folder in folders:
        if os.path.isdir(folder):
            return folder.rstrip("/")
    raise WorkbenchError(
        f"there is no recipe {text}",
        hint=f"`{here('up')}` makes one and opens it; `{here('run IMAGE')}` runs an image",
    )


def _only_write(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Write the recipe where nothing can be run; raises WorkbenchError that says what to install."""
    from workbench.images.base_lookup import look_up
    from workbench.launch.preflight import INSTALL

    where = args.recipe
    if not args.recipe:
        selection = select(catalogue, given_answers(args), answers_file=args.answers, date=today())
        recipe = make_recipe(catalogue, selection, look_up, lambda _: None, lint=args.lint)
        out = args.out or recipe.resolved.release.defaults.get("out", DEFAULT_OUT)
        where = str(recipe.tag) if args.dry_run else ""
        if not args.dry_run:
            written = write(recipe, out, force=args.force)
            where = written.folder
            if not args.json:
                print_written(written)
    opened, built = here(f"up {shlex.quote(where)}"), here(f"build {shlex.quote(where)}")
    raise WorkbenchError(
        "podman is not installed, and a workbench runs in it",
        hint=f"{INSTALL}; then `{opened}` goes on. A Docker Engine builds it: `{built}`",
    )


def _refused() -> int | None:
    """Ask for the user's consent: None is a yes, else the exit code. The end of input is no answer, and ends it."""
    import termios

    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", hint="give --yes to do it without a question")
    # What was typed before the question stood there is no answer to it.
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    while True:
        print("Do it? [Y/n] ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            return EXIT_INTERRUPTED
        if (word := line.strip().lower()) in _ANSWERS:
            return None if _ANSWERS[word] else EXIT_OK
        print("type y or n, and Enter; Enter alone is a yes", file=sys.stderr)


_ANSWERS = {"": True, "y": True, "yes": True, "n": False, "no": False}
