"""The flags of all subverbs that resolve a model."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.catalog.values import Catalogue
from workbench.compose.defaults import defaults
from workbench.errors import UsageError
from workbench.models.base import BaseSelection
from workbench.models.prepare import ModelOptions
from workbench.monobase.names import generation_id
from workbench.names import LATEST
from workbench.verbs.monobase.options import data_option


def model_options(parser: argparse.ArgumentParser) -> None:
    """Add the folder and the flags."""
    parser.add_argument("folder", metavar="DIR", help="folder with a cog.yaml")
    resolving_options(parser)


def resolving_options(parser: argparse._ActionsContainer) -> None:
    """Add the flags."""
    parser.add_argument("--image", metavar="NAME", default="", help="the image's name (default: cog.yaml's, or DIR's)")
    parser.add_argument("--release", metavar="NAME", default="", help="release of the base (default: the newest)")
    parser.add_argument(
        "--os", metavar="NAME", default="", help="operating system (default: the release's, or one like it)"
    )
    parser.add_argument("--date", metavar="YYYYMMDD", default=LATEST, help="day of the base (default: latest)")
    parser.add_argument("--on", metavar="IMAGE", default="", help="use this image as the base")
    parser.add_argument("--locked", action="store_true", help="fail when model.lock is not of this cog.yaml")
    parser.add_argument("--weightless", action="store_true", help="on monobase: variables, and no package")
    parser.add_argument("--generation", metavar="N", default="", help="monobase's generation (default: the newest)")
    data_option(parser)


def options_of(args: argparse.Namespace, catalogue: Catalogue) -> ModelOptions:
    """Return the options of the flags; raises UsageError for flags that do not go together."""
    if args.generation and not args.weightless:
        raise UsageError("--generation is for weightless models", hint="give --weightless too")
    given = {key: value for key in ("release", "os") if (value := getattr(args, key))}
    chosen = {**defaults(catalogue, given), **given}
    if missing := [key for key in ("os", "python") if key not in chosen]:
        raise UsageError(
            f"release {chosen['release']} has no default {missing[0]}", hint="give --os and python_version"
        )
    return ModelOptions(
        selection=BaseSelection(chosen["release"], chosen["os"], args.date),
        default_python=chosen["python"],
        data=Path(args.data),
        name=args.image,
        on=args.on,
        weightless=args.weightless,
        generation=generation_id(args.generation) if args.generation else None,
        locked=args.locked,
        is_os_named=bool(args.os),
    )
