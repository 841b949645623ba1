"""`wizard.py` alone: a recipe by answering questions."""

from __future__ import annotations

import argparse
import os
import sys

from workbench.catalog.questions import Answers, Selection
from workbench.catalog.reader import read_catalogue
from workbench.compose.defaults import defaults
from workbench.compose.recipe import Recipe
from workbench.errors import EXIT_INTERRUPTED, EXIT_OK, UsageError
from workbench.recipes.make import make_recipe
from workbench.recipes.write import DEFAULT_OUT
from workbench.verbs.new import base_look_up, build_command, print_note, print_written, today

EXAMPLES = """\
  wizard.py                        prompts, then writes a recipe and offers to build it
  wizard.py --offline              the same, without looking the base image up
  wizard.py --out my-recipes       another output folder to begin with
"""

_FLAGS = (
    "give the answers as flags: wizard.py new --release … --date … --base … --os … --python … "
    "--bundle … --ide … --out …, or wizard.py new --defaults"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `wizard`."""
    parser.add_argument("--out", metavar="DIR", help=f"output folder to propose ({DEFAULT_OUT}, or the release's)")
    parser.add_argument("--offline", action="store_true", help="do not look the base image up")


def run(args: argparse.Namespace) -> int:
    """Prompt, write what was agreed on, print the command that builds it, and build it on request."""
    _check_terminal()
    from workbench.wizard.session import Quit, converse
    from workbench.wizard.terminal import TerminalPrompt, quiet_terminal

    catalogue = read_catalogue(args.catalog)

    def wanted(given: Answers) -> Answers:
        answers = defaults(catalogue, given, today())
        release = catalogue.releases[answers["release"]]
        return {**answers, "out": args.out or release.defaults.get("out", DEFAULT_OUT)}

    def compose(selection: Selection, look_up: bool) -> Recipe:
        return make_recipe(catalogue, selection, base_look_up() if look_up else None, print_note, lint=True)

    try:
        with quiet_terminal():
            done = converse(catalogue, wanted, compose, TerminalPrompt(), look_up=not args.offline)
    except Quit:
        print("nothing was written")
        return EXIT_OK
    except (KeyboardInterrupt, EOFError):
        print("nothing was written", file=sys.stderr)
        return EXIT_INTERRUPTED
    print_written(done.written)
    print(f"build it with: {build_command(done.written.folder)}", flush=True)
    if not done.build:
        return EXIT_OK
    from workbench.cli import main

    return main(["build", done.written.folder])


def _check_terminal() -> None:
    """Raise UsageError without a terminal to prompt on; nothing of the prompts is imported by then."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise UsageError("there is no terminal for the prompts", hint=_FLAGS)
    if os.environ.get("TERM") in ("dumb", "unknown"):
        raise UsageError(f"this terminal (TERM={os.environ['TERM']}) cannot redraw a prompt", hint=_FLAGS)
