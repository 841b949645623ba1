"""What the subverbs share that build a model: the values of their flags, and what they print before it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.catalog.values import Catalogue
from workbench.errors import UsageError
from workbench.notes import print_note
from workbench.verbs.build import print_builder
from workbench.verbs.model.options import options_of

if TYPE_CHECKING:
    from workbench.images.backend import Backend
    from workbench.models.making import BuildOptions
    from workbench.models.model import Model
    from workbench.models.prepare import Prepared


def secret_option(parser: argparse._ActionsContainer) -> None:
    """Add the flag of secrets."""
    parser.add_argument("--secret", metavar="ID=FILE", action="append", default=[], help="a secret of run's steps")


def build_values(args: argparse.Namespace, *, again: bool = True) -> BuildOptions:
    """Return how the flags want the image built; raises UsageError for a secret that is not valid."""
    from workbench.models.making import BuildOptions

    secrets: dict[str, str] = {}
    for text in args.secret:
        name, equals, path = text.partition("=")
        if not (name and equals and path) or name in secrets:
            raise UsageError(f"--secret {text!r} is not valid", hint="write each once, as --secret token=FILE")
        secrets[name] = path
    return BuildOptions(
        options=tuple(args.options),
        secrets=secrets,
        ca_bundle=args.ca_bundle,
        cache=args.cache,
        logs=args.log_dir,
        again=again,
        quiet=args.json,
    )


def prepared_model(
    args: argparse.Namespace,
    folder: str,
    catalogue: Catalogue,
    backend: Backend,
    *,
    quiet: bool,
    check: Callable[[Model], object] = lambda _: None,
) -> Prepared:
    """Return the model in `folder` with its base; print the builder, the base and notes unless `quiet`.

    `check` is given the model before anything is looked for that it stands on.
    """
    from workbench.models.prepare import resolve_model, with_base
    from workbench.models.show import base_line

    chosen = options_of(args, catalogue)
    resolved = resolve_model(catalogue, folder, chosen)
    check(resolved.model)
    prepared = with_base(catalogue, resolved, chosen, backend.store)
    print_builder(backend, quiet=quiet)
    if not quiet:
        print(base_line(prepared.model), file=sys.stderr)
        for note in prepared.model.resolved.notes:
            print_note(note)
    return prepared
