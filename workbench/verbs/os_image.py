"""`wizard.py os-image`: an operating system's root image, from its packages."""

from __future__ import annotations

import argparse
import json
import sys

from workbench.catalog.reader import open_catalogue

EXAMPLES = """\
  sudo python wizard.py os-image --os bookworm      debootstrap, then import with podman
  make os-image OS=bookworm                         the same
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `os-image`."""
    parser.add_argument("--os", metavar="NAME", required=True, help="operating system, such as bookworm")
    parser.add_argument("--json", action="store_true", help="report as JSON, without progress")


def run(args: argparse.Namespace) -> int:
    """Make the root image; what its script says goes to standard error."""
    from workbench.images.os_image import make_os_image

    def show(line: str) -> None:
        if not args.json:
            print(line, file=sys.stderr)

    name = make_os_image(open_catalogue(args.catalog), args.os, show)
    print(json.dumps({"image": name}) if args.json else name)
    return 0
