"""`wizard.py os-image`: an operating system's root image, from its packages."""

from __future__ import annotations

import argparse
import json
import sys

from workbench.catalog.reader import open_catalogue
from workbench.errors import UsageError, WorkbenchError
from workbench.verbs._signing import sign, sign_options, signing_key
from workbench.verbs.build import backend_of, backend_options

EXAMPLES = """\
  sudo python wizard.py os-image --os bookworm      debootstrap, then import with podman
  make os-image OS=bookworm                         the same
  sudo python wizard.py os-image --os bookworm --push quay.io/team/images --buildkit tcp://HOST:1234
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `os-image`."""
    parser.add_argument("--os", metavar="NAME", required=True, help="operating system, such as bookworm")
    parser.add_argument("--push", metavar="REPO", default="", help="push it to this repository, as os-NAME")
    sign_options(parser)
    backend_options(parser)
    parser.add_argument("--log-dir", metavar="DIR", default="logs", help="folder for the log of a BuildKit (logs)")
    parser.add_argument("--json", action="store_true", help="report as JSON, without progress")


def run(args: argparse.Namespace) -> int:
    """Make the root image; what its script says goes to standard error."""
    from workbench.images.base import root_in
    from workbench.images.os_image import make_os_image, pushed
    from workbench.images.podman.store import PODMAN
    from workbench.images.push import check_repository
    from workbench.images.store import required
    from workbench.names import split_reference

    def show(line: str) -> None:
        if not args.json:
            print(line, file=sys.stderr)

    key = signing_key(args, pushes=bool(args.push))
    keep = backend = None
    if args.push:
        backend = backend_of(args, push=check_repository(args.push))
        if backend.repository:
            keep = pushed(backend, args.push, args.os, args.log_dir, quiet=args.json)
    elif args.buildkit or args.backend not in ("", "podman"):
        raise UsageError("a BuildKit makes a root image for a registry", hint="name it with --push REPO")
    name = made = make_os_image(open_catalogue(args.catalog), args.os, show, keep)
    if backend is not None and keep is None:
        target = root_in(args.push, args.os)
        done = PODMAN.push(name, target)
        if done.code != 0:
            raise WorkbenchError(f"pushing {target} failed: {done.reason}", hint=f"{name} is here: push it again")
        name = target
    if backend is not None and key is not None:
        kept = required(PODMAN if keep is None else backend.store, made)
        sign(args.push, kept.id, key, [split_reference(name)[1]])
    print(json.dumps({"image": name}) if args.json else name)
    return 0
