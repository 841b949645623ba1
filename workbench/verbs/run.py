"""`wizard.py run`: run an image that was built as a workbench."""

from __future__ import annotations

import argparse
import os

from workbench.commands import here
from workbench.errors import EXIT_OK
from workbench.verbs._workbench import print_report, run_options, running_options, show_opened

EXAMPLES = """\
  wizard.py run jupyter-minimal-bookworm-py311_2026a    a workbench that was stopped, by its name
  wizard.py run recipes/TAG                             the image of a recipe; or its TAG, or an image's name
  wizard.py run TAG --name mine --port 9000             another one beside it, with files of its own
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `run`."""
    parser.add_argument("what", metavar="WHAT", help="name of a workbench, recipe folder, tag or image")
    running_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run it, wait until it responds, and print the address."""
    from workbench.launch.names import check_workbench_name
    from workbench.launch.preflight import check_user
    from workbench.launch.running import run_image

    options = run_options(args)
    name = check_workbench_name(args.name) if args.name else ""
    check_user()
    image, known = _image(args.what)
    started = run_image(image, name or known, options)
    if args.json:
        print_report(started)
    show_opened(started, args)
    return EXIT_OK


def _image(what: str) -> tuple[str, str]:
    """Return the image that `what` means, and the name of the workbench if it is one's."""
    from workbench import podman
    from workbench.catalog.releases import LOCAL_REPOSITORY
    from workbench.compose.recipe import MANIFEST
    from workbench.errors import UsageError
    from workbench.launch.names import PREFIX
    from workbench.launch.running import newest_image
    from workbench.launch.workbenches import find
    from workbench.names import is_image, is_qualified
    from workbench.recipes.read import read_manifest

    if os.path.isfile(os.path.join(what, MANIFEST)):
        return f"{LOCAL_REPOSITORY}:{read_manifest(what).tag}", ""
    name = what.removeprefix(PREFIX)
    if "/" not in what and ":" not in what and (workbench := find(name)):
        return workbench.image, workbench.name
    image = what if is_qualified(what) else f"{LOCAL_REPOSITORY}:{what}"
    if not is_image(image):
        raise UsageError(f"{what!r} is no workbench, recipe, tag or image", hint=f"`{here('ps')}` lists workbenches")
    if podman.exists(image):
        return image, ""
    # The name of a workbench whose container was removed: its files may wait for it.
    return newest_image(name) or image, ""
