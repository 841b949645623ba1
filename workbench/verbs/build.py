"""`wizard.py build`: images from recipe folders."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from workbench.errors import UsageError
from workbench.notes import print_note
from workbench.verbs._signing import sign, sign_options, signing_key

if TYPE_CHECKING:
    from workbench.images.backend import Backend

EXAMPLES = """\
  wizard.py build recipes/TAG                            build it as localhost/workbench-images:TAG
  wizard.py build recipes/* --push quay.io/team/images   build all and push each, with its `latest`
  wizard.py build recipes/TAG --push quay.io/team/images --sign-key cosign.key   and sign it
  wizard.py build recipes/TAG --engine-option=--jobs=2   pass an option to podman build
  wizard.py build recipes/TAG --ca-bundle ca.pem         on a network that inspects TLS
  wizard.py build recipes/TAG --backend buildkit         with the BuildKit of this machine's Docker Engine
  wizard.py build recipes/TAG --buildkit team --push quay.io/team/images   the least busy BuildKit of those named team
  wizard.py build recipes/TAG --secret key=key.txt --ssh default   for steps that mount them
  wizard.py build recipes/TAG --cache-from quay.io/team/steps --cache-to quay.io/team/steps   share steps
"""


def backend_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose the builder, and so the store of its images."""
    parser.add_argument(
        "--backend",
        metavar="NAME",
        default="",
        help="podman or buildkit; default: what WORKBENCH_BUILDER names, else podman where it is installed",
    )
    parser.add_argument(
        "--buildkit",
        metavar="ADDRESS",
        default="",
        help="unix:///PATH or tcp://HOST:PORT of a Docker Engine or a buildkitd, or a buildkitd by ssh://HOST, "
        "docker-container://NAME, podman-container://NAME or kube-pod://NAME, or the name of a builder in "
        "~/.config/workbench-images/builders.toml; default: BUILDKIT_HOST, DOCKER_HOST, or the usual socket",
    )
    parser.add_argument(
        "--buildkit-certs",
        metavar="DIR",
        default="",
        help="speak TLS with it: ca.pem, and cert.pem with key.pem where it requires a client certificate",
    )


def backend_of(args: argparse.Namespace, options: tuple[str, ...] = (), push: str = "") -> Backend:
    """Return the backend that the flags choose; one without a store pushes to `push`.

    Raises what `images.backend.select` raises.
    """
    from workbench.images.backend import select
    from workbench.images.shared_cache import SharedCache

    return select(
        args.backend,
        args.buildkit,
        args.buildkit_certs,
        options=options,
        shared=SharedCache(tuple(getattr(args, "cache_from", ())), getattr(args, "cache_to", "")),
        cache=getattr(args, "cache", True),
        push=push,
    )


def print_builder(backend: Backend, *, quiet: bool) -> None:
    """Print which builder builds and why, unless `quiet`: the same command may choose another on another machine."""
    if not quiet:
        print(f"builder: {backend.choice}", file=sys.stderr, flush=True)


def build_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every verb takes that builds."""
    backend_options(parser)
    step_options(parser)
    parser.add_argument("--json", action="store_true", help="report as JSON, without progress")


def step_options(parser: argparse._ActionsContainer) -> None:
    """Add the flags that say how steps are built, whoever builds them."""
    parser.add_argument(
        "--engine-option",
        dest="options",
        metavar="OPTION",
        action="append",
        default=[],
        help="pass OPTION to podman build; repeatable, written with =: --engine-option=--jobs=2",
    )
    parser.add_argument(
        "--ca-bundle",
        metavar="FILE",
        default="",
        help="certificates (PEM) to trust while building; default: what WORKBENCH_CA_BUNDLE names",
    )
    parser.add_argument("--no-cache", dest="cache", action="store_false", help="build every step again")
    parser.add_argument(
        "--cache-from",
        metavar="REPO",
        action="append",
        default=[],
        help="take steps that another machine has built from this repository of a registry; repeatable",
    )
    parser.add_argument(
        "--cache-to",
        metavar="REPO",
        default="",
        help="keep the steps there for others; `inline`: in the image, for when it is pushed (BuildKit)",
    )
    parser.add_argument("--log-dir", metavar="DIR", default="logs", help="folder for the log (logs)")


def label_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where a recipe's catalogue is kept."""
    parser.add_argument("--source", metavar="URL", default="", help="label: where the catalogue is kept")
    parser.add_argument("--revision", metavar="TEXT", default="", help="label: which commit of it this is")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `build`."""
    parser.add_argument("folders", metavar="FOLDER", nargs="+", help="recipe folder, as `new` writes it")
    build_options(parser)
    label_options(parser)
    parser.add_argument(
        "--secret",
        dest="secrets",
        metavar="ID=FILE",
        action="append",
        default=[],
        help="a file for steps with --mount=type=secret,id=ID, and for those alone; repeatable",
    )
    parser.add_argument(
        "--ssh",
        dest="agents",
        metavar="ID[=SOCKET]",
        action="append",
        default=[],
        help="an ssh agent (default: the one of SSH_AUTH_SOCK) for steps with --mount=type=ssh,id=ID; repeatable",
    )
    parser.add_argument(
        "--push", metavar="REPO", default="", help="push the dated tag to REPO, then move its `latest` there"
    )
    sign_options(parser)


def run(args: argparse.Namespace) -> int:
    """Build each folder in order; the first that fails ends it."""
    from workbench.attest.attach import attach_to_pushed
    from workbench.attest.records import keep_records
    from workbench.images.backend import PODMAN_BACKEND
    from workbench.images.given import agents_of, secrets_of
    from workbench.images.labels import SOURCE_LABEL, catalogue_labels
    from workbench.images.push import check_repository, push
    from workbench.images.recipe_request import recipe_request
    from workbench.images.run_build import run_build
    from workbench.launch.next_commands import next_commands
    from workbench.recipes.changes import changes_by_hand, digests
    from workbench.recipes.read import read_manifest

    if args.push:
        check_repository(args.push)
    key = signing_key(args, pushes=bool(args.push))
    backend = backend_of(args, tuple(args.options), args.push)
    labels = catalogue_labels(args.source, args.revision)
    if len(set(args.folders)) != len(args.folders):
        raise UsageError("a folder is given twice")
    # All folders are read before the first is built: a typing error in the last should not take an hour to show.
    given = {"secrets": secrets_of(args.secrets), "agents": agents_of(args.agents)}
    requests = [
        recipe_request(
            folder, labels=labels, options=tuple(args.options), ca_bundle=args.ca_bundle, cache=args.cache, **given
        )
        for folder in args.folders
    ]
    for request in requests:
        request.check_indexes()
    print_builder(backend, quiet=args.json)
    reports = []
    for request in requests:
        changed = changes_by_hand(read_manifest(request.folder), digests(request.folder))
        if changed and not args.json:
            print_note(_changed_note(request.folder, changed))
        finished = run_build(
            request, logs=args.log_dir, quiet=args.json, builder=backend.builder, catalogue=args.catalog
        )
        report = {"tag": request.tag, **finished.as_data(), "changed": changed}
        missing = keep_records(request.folder, finished, request.labels[SOURCE_LABEL], backend.store)
        if missing and args.json:
            report["note"] = missing
        elif missing:
            print_note(missing)
        if args.push:
            identity = finished.built.id
            signing = partial(sign, args.push, identity, key)
            pushed = push(finished.built.image, args.push, backend.store, signing).images
            report["pushed"] = list(pushed)
            attached = attach_to_pushed(args.push, finished.built.image, identity, request.folder, key)
            report["signed"] = key is not None
            report["attached"] = [record for record, reason in attached if not reason]
            if not args.json:
                print("\n".join(f"pushed {image}" for image in pushed))
                if key is not None:
                    print(f"signed with {key.public.name}", file=sys.stderr)
                for record, reason in attached:
                    print(f"{record} is {f'not attached: {reason}' if reason else 'attached'}", file=sys.stderr)
        elif not args.json:
            print(finished.built.image)
        commands = next_commands(
            finished.built.image,
            request.tag,
            backend.store.inspect(finished.built.image),
            engine=PODMAN_BACKEND if backend.choice.name == PODMAN_BACKEND else "docker",
        )
        report["commands"] = commands.as_data()
        if not args.json:
            print("\n".join(commands.lines()), file=sys.stderr)
        reports.append(report)
    if args.json:
        print(json.dumps(reports, indent=2))
    return 0


def _changed_note(folder: str, changed: Mapping[str, str]) -> str:
    """Return what to print about a recipe that was changed by hand."""
    named = ", ".join(f"{path} ({what})" for path, what in changed.items())
    return f"{folder} was changed by hand since it was composed: {named}. It is built as it is, and its labels say so"
