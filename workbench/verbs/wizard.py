"""`wizard.py` alone: a recipe by answering questions."""

from __future__ import annotations

import argparse
import os
import sys

from workbench.catalog.questions import REQUIRED, Answers, Selection
from workbench.catalog.reader import open_catalogue
from workbench.catalog.values import Catalogue
from workbench.commands import here
from workbench.compose.defaults import defaults
from workbench.compose.recipe import Recipe
from workbench.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USER, UsageError, WorkbenchError
from workbench.notes import print_note
from workbench.recipes.make import make_recipe
from workbench.recipes.write import DEFAULT_OUT
from workbench.verbs.new import base_look_up_or_local, build_command, print_written, today, up_command
from workbench.verbs.update import print_problems

EXAMPLES = """\
  wizard.py                        prompts, then writes a recipe, builds it and opens the workbench
  wizard.py --offline              the same, without looking the base image up
  wizard.py --out my-recipes       another output folder to begin with
"""

# How long the first screen waits for podman.
_NOTE_SECONDS = 3.0


def _flags() -> str:
    new = here("new")
    flags = "--release … --date … --base … --os … --python … --bundle … --ide … --out …"
    return f"give the answers as flags: `{new} {flags}`, or `{new} --defaults`"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `wizard`."""
    parser.add_argument("--out", metavar="DIR", help=f"output folder to propose ({DEFAULT_OUT}, or the release's)")
    parser.add_argument("--offline", action="store_true", help="do not look the base image up")


def run(args: argparse.Namespace) -> int:
    """Prompt, write what was agreed on, print the command that builds it, and build it on request."""
    _check_terminal()
    from workbench.wizard.session import Quit, converse
    from workbench.wizard.terminal import TerminalPrompt, quiet_terminal

    catalogue = open_catalogue(args.catalog)

    def wanted(given: Answers) -> Answers:
        answers = defaults(catalogue, given, today())
        release = catalogue.releases[answers["release"]]
        return {**answers, "out": args.out or release.defaults.get("out", DEFAULT_OUT)}

    machine = None if args.offline else _Machine(catalogue)
    if machine is not None and (first := machine.note(wanted({}))):
        print_note(first)

    def compose(selection: Selection, look_up: bool) -> Recipe:
        return make_recipe(catalogue, selection, base_look_up_or_local() if look_up else None, print_note, lint=True)

    try:
        with quiet_terminal():
            done = converse(
                catalogue,
                wanted,
                compose,
                TerminalPrompt(),
                look_up=not args.offline,
                remark=machine.remark if machine else lambda recipe: "",
                can_open=machine is not None and machine.can_open,
            )
    except Quit:
        print("nothing was written")
        return EXIT_OK
    except (KeyboardInterrupt, EOFError):
        print("nothing was written", file=sys.stderr)
        return EXIT_INTERRUPTED
    print_written(done.written)
    folder = done.written.folder
    if done.problems:
        print_problems(folder, done.problems)
        return EXIT_USER
    from workbench.cli import main

    if done.opened:
        return main(["up", folder, "--yes", "--catalog", args.catalog])
    print(f"open it with: {up_command(folder)}\nbuild it with: {build_command(folder)}", flush=True)
    return main(["build", folder, "--catalog", args.catalog]) if done.build else EXIT_OK


class _Machine:
    """What this machine has of what recipes stand on, as the wizard shows it."""

    def __init__(self, catalogue: Catalogue) -> None:
        from workbench import podman

        self.can_open = podman.is_installed()
        self._catalogue = catalogue

    def note(self, answers: Answers) -> str:
        """Return what stands before the first screen: what a recipe of these answers still needs; "" for nothing.

        No registry is queried for it, and a podman that does not respond is not waited for.
        """
        from workbench.images.background import in_background
        from workbench.launch.machine import LocalLook, remark
        from workbench.launch.preflight import INSTALL

        if not self.can_open:
            return f"podman is not installed: recipes are written and not built; {INSTALL}"
        chosen = Selection(**{name: answers[name] for name in REQUIRED if name in answers})

        def look() -> str:
            return remark(
                make_recipe(self._catalogue, chosen, None, lambda _: None, lint=False), self._catalogue, LocalLook()
            )

        try:
            return in_background(look).result(_NOTE_SECONDS)
        except (WorkbenchError, TimeoutError):
            return ""  # the questions lead to it, with a better reason

    def remark(self, recipe: Recipe) -> str:
        """Return what is made before the image of a recipe, or why that cannot be."""
        from workbench.launch.machine import remark

        if not self.can_open:
            return ""
        try:
            return remark(recipe, self._catalogue)
        except WorkbenchError as error:
            return error.message


def _check_terminal() -> None:
    """Raise UsageError without a terminal to prompt on; nothing of the prompts is imported by then."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise UsageError("there is no terminal for the prompts", hint=_flags())
    if os.environ.get("TERM") in ("dumb", "unknown"):
        raise UsageError(f"this terminal (TERM={os.environ['TERM']}) cannot redraw a prompt", hint=_flags())
