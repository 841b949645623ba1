"""`wizard.py images`: all images of a release's standard set, in the order in which they stand on one another."""

from __future__ import annotations

import argparse
import json
import sys

from workbench.errors import EXIT_OK, EXIT_USER, FaultsError, UsageError
from workbench.recipes.write import DEFAULT_OUT
from workbench.verbs._signing import sign_options, signing_key
from workbench.verbs.build import backend_of, build_options, label_options, print_builder
from workbench.verbs.push import print_step
from workbench.verbs.recipes import catalogue_of, repository_option, set_options

EXAMPLES = """\
  wizard.py images --release 2026a --date 20261122            bases, CUDA, then the recipes in recipes/
  wizard.py images --release 2026a --date 20261122 --jobs 4   four at once, where none stands on another
  wizard.py images --release 2026a --date 20261122 --repo quay.io/team/images --push   and push them there
  make images RELEASE=2026a DATE=20261122                     composes the recipes before
  make images RELEASE=2026a DATE=20261122 REPO=quay.io/team/images BUILDKIT=tcp://HOST:1234   by a buildkitd alone
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `images`."""
    set_options(parser)
    parser.add_argument(
        "--recipes", metavar="DIR", default=DEFAULT_OUT, help=f"where `recipes` put the folders ({DEFAULT_OUT})"
    )
    parser.add_argument("--jobs", metavar="N", type=int, default=2, help="so many are built at once (2)")
    repository_option(parser)
    parser.add_argument(
        "--push", dest="pushes", action="store_true", help="push all of it there, then move its `latest`; see push"
    )
    parser.add_argument("--replace", action="store_true", help="with --push: take the place of other dated images")
    sign_options(parser)
    build_options(parser)
    label_options(parser)


def run(args: argparse.Namespace) -> int:
    """Build what is not up to date, and show what became of each image, its size and its time."""
    from workbench.architecture import this_architecture
    from workbench.catalog.releases import LOCAL_REPOSITORY
    from workbench.images.base import roots_in
    from workbench.images.labels import catalogue_labels
    from workbench.images.push import check_repository
    from workbench.release.make_set import make_set
    from workbench.release.push_set import push_set
    from workbench.release.requests import SetOptions, set_requests
    from workbench.release.standard import images, refuse_architecture
    from workbench.table import columns

    if args.jobs < 1:
        raise UsageError("--jobs needs a number from 1 on")
    key = signing_key(args, pushes=args.pushes)
    catalogue = catalogue_of(args)
    repository = ""
    if args.pushes:
        repository = check_repository(catalogue.release(args.release).repository)
    refuse_architecture(catalogue, args.release, args.date, this_architecture())
    backend = backend_of(args, tuple(args.options), repository)
    found = images(catalogue, args.release, args.date)
    options = SetOptions(
        tuple(args.options),
        args.ca_bundle,
        args.cache,
        labels=catalogue_labels(args.source, args.revision),
        moved=backend.repository,
        roots=roots_in(backend.store, backend.repository, {image.os for image in found.values()}),
    )
    requests = set_requests(catalogue, found, args.release, args.date, args.recipes, options)
    print_builder(backend, quiet=args.json)
    rows = make_set(found, requests, backend, jobs=args.jobs, logs=args.log_dir, quiet=args.json)
    bad = [row.outcome for row in rows if row.outcome.is_bad]
    if repository and not bad:
        kept = backend.repository or LOCAL_REPOSITORY
        push_set(
            found,
            repository,
            args.recipes,
            replace=args.replace,
            report=(lambda step: None) if args.json else print_step,
            store=backend.store,
            kept=kept,
            key=key,
        )
    if args.json:
        print(json.dumps([row.as_data() for row in rows], indent=2))
        return EXIT_USER if bad else EXIT_OK
    print(columns(("image", "status", "size", "time"), [row.cells() for row in rows]))
    print(f"\n{len(rows) - len(bad)} of {len(rows)} images are up to date", file=sys.stderr)
    if bad:
        raise FaultsError(
            f"{len(bad)} of {len(rows)} images are not up to date",
            [(outcome.name, f"{outcome.status}: {outcome.reason}") for outcome in bad],
            hint="correct that and run it again: what is up to date is not built again",
        )
    return EXIT_OK
