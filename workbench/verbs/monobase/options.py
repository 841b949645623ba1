"""Flags that several subverbs take."""

from __future__ import annotations

import argparse
import os
import re

from workbench.errors import UsageError
from workbench.monobase.names import PREFIX, generation_id


def data_option(parser: argparse._ActionsContainer) -> None:
    """Add the flag that names the generations' data."""
    from workbench.monobase.generation import DATA

    parser.add_argument(
        "--data", metavar="DIR", default=str(DATA), help="folder of generations/ and requirements/ (default: ours)"
    )


def range_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the active range."""
    parser.add_argument("--min-gen-id", metavar="N", type=generation_argument, help="from this generation on")
    parser.add_argument("--max-gen-id", metavar="N", type=generation_argument, help="up to this generation")


def json_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag for programs."""
    parser.add_argument("--json", action="store_true", help="report as JSON")


def jobs_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag for how much is done at once."""
    parser.add_argument(
        "--jobs", metavar="N", type=_jobs, default=os.cpu_count() or 1, help="how much at once (default: all cores)"
    )


def _jobs(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 1024:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs: write one such as 4")


def mirror_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names a mirror."""
    parser.add_argument(
        "--mirror",
        metavar="LOCATION@sha256:DIGEST",
        action="append",
        default=[],
        help="take packages from this folder or http address, as `publish` prints it, before the index is queried "
        "(may be given again)",
    )


def wait_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag that waits for no other builder."""
    parser.add_argument("--no-wait", action="store_true", help="fail when another builder has the prefix")


def skipped_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag that accepts environments which were skipped."""
    parser.add_argument(
        "--allow-skipped", action="store_true", help="environments that were skipped keep nothing from being ready"
    )


def label_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names the file of the node's label."""
    parser.add_argument(
        "--node-label", metavar="FILE", help="write which generations are ready here, for node-feature-discovery"
    )


def metrics_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names the file of metrics."""
    parser.add_argument(
        "--metrics-file", metavar="FILE", help="write metrics there, for node_exporter's textfile collector"
    )


def grace_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says how long something must have been unused."""
    parser.add_argument(
        "--grace",
        metavar="MINUTES",
        type=_minutes,
        default=60,
        help="remove what was last used so long ago (default: 60)",
    )


def size_option(parser: argparse.ArgumentParser, about: str) -> None:
    """Add the flag that limits what the prefix takes on the disk."""
    parser.add_argument("--max-size", metavar="SIZE", type=size_argument, help=f"{about} (200GiB, 1.5TiB)")


def size_argument(text: str) -> int:
    """Return the bytes of a size that a flag names; raises ArgumentTypeError."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([KMGT])iB?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write one such as 200GiB")
    return int(float(match[1]) * 2 ** (10 * (1 + "KMGT".index(match[2]))))


def _minutes(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 8:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes: write one such as 60")


def prefix_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names the prefix: MONOBASE_PREFIX, or where hosts keep it."""
    usual = os.environ.get("MONOBASE_PREFIX") or PREFIX
    parser.add_argument("--prefix", metavar="DIR", default=usual, help=f"root of the tree (default: {usual})")


def cog_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name the cogs to install."""
    parser.add_argument(
        "--cog-versions",
        metavar="V",
        nargs="+",
        default=[],
        help="cogs to install: 0.23.1, coglet==0.23.1, https://…, file:///…",
    )
    parser.add_argument("--default-cog-version", metavar="V", default="", help="the one that models get who name none")


def generation_argument(text: str) -> int:
    """Return the number of a generation that a flag names; raises ArgumentTypeError."""
    try:
        return generation_id(text)
    except UsageError as error:
        # argparse takes no other exception for a value that it cannot use, and prints its text.
        raise argparse.ArgumentTypeError(f"{error.message}: {error.hint}") from None
