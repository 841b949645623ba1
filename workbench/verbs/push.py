"""`wizard.py push`: the images of a release's standard set to a registry."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from workbench.catalog.reader import open_catalogue
from workbench.images.store import COMPRESSIONS
from workbench.recipes.write import DEFAULT_OUT
from workbench.verbs._signing import sign_options, signing_key
from workbench.verbs.build import backend_of, backend_options
from workbench.verbs.recipes import set_options

if TYPE_CHECKING:
    from workbench.release.push_set import PushedTag

EXAMPLES = """\
  wizard.py push quay.io/team/workbench-images --release 2026a --date 20261122
  make push REPO=quay.io/team/workbench-images RELEASE=2026a DATE=20261122
  wizard.py push quay.io/team/workbench-images --release 2026a --date 20261122 --compression zstd:chunked
  wizard.py push quay.io/team/workbench-images --release 2026a --date 20261122 --sign-key cosign.key
Every dated tag is pushed first, with SBOM and provenance; `latest` moves when all have arrived. After a failure
the same command resumes. `wizard.py keys new` makes a key, and `wizard.py verify` checks what it signed.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `push`."""
    parser.add_argument("repository", metavar="REPO", help="registry and name, without a tag")
    set_options(parser)
    parser.add_argument(
        "--recipes", metavar="DIR", default=DEFAULT_OUT, help=f"recipe folders, for the records in them ({DEFAULT_OUT})"
    )
    parser.add_argument("--replace", action="store_true", help="take the place of another image under a dated tag")
    parser.add_argument(
        "--compression",
        metavar="NAME",
        default="",
        choices=COMPRESSIONS,
        help=f"of layers that the registry lacks: {', '.join(COMPRESSIONS)} (gzip)",
    )
    sign_options(parser)
    backend_options(parser)
    parser.add_argument("--json", action="store_true", help="report as JSON, without progress")


def print_step(step: PushedTag) -> None:
    """Print what was done with a tag."""
    print(f"{step.what:<8} {step.tag}", file=sys.stderr, flush=True)


def run(args: argparse.Namespace) -> int:
    """Push the set, and print each step as it is done."""
    from workbench.release.push_set import push_set
    from workbench.release.standard import images

    # Before anything is pushed: a password that is mistyped should not be found out half way.
    key = signing_key(args)
    found = images(open_catalogue(args.catalog), args.release, args.date)
    store = backend_of(args).store
    steps: list[PushedTag] = []

    def report(step: PushedTag) -> None:
        steps.append(step)
        if not args.json:
            print_step(step)

    push_set(
        found,
        args.repository,
        args.recipes,
        replace=args.replace,
        report=report,
        store=store,
        compression=args.compression,
        key=key,
    )
    if args.json:
        print(json.dumps([{"tag": s.tag, "status": s.what, "digest": s.digest} for s in steps], indent=2))
    else:
        print(f"{len(found)} images are at {args.repository}{', signed' if key else ''}, and `latest` names them")
    return 0
