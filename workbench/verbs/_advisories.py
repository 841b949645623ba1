"""Where `audit` and `release check` take advisories from: their flags, and what they give."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.release.advisories import Advisories

VARIABLE = "WORKBENCH_ADVISORIES"
NOT_CHECKED = f"name a source of advisories: --online, --advisories PATH, or {VARIABLE}"


def advisory_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name a source of advisories."""
    parser.add_argument(
        "--advisories",
        metavar="PATH",
        default="",
        help=f"a folder or archive of advisories in OSV's format (default: {VARIABLE})",
    )
    parser.add_argument("--online", action="store_true", help="query OSV's public API: names and versions go there")


def advisories_for(
    args: argparse.Namespace, pinned: Callable[[], Mapping[str, frozenset[tuple[str, str]]]]
) -> Advisories | None:
    """Return the advisories of the source that the flags or the environment name, None where none is named.

    `pinned` returns the packages that the API is queried for. Raises WorkbenchError when the source cannot be read
    or does not answer.
    """
    from workbench.release.advisories import local, public

    if args.online:
        return public({each for packages in pinned().values() for each in packages})
    path = args.advisories or os.environ.get(VARIABLE, "")
    return local(path) if path else None
