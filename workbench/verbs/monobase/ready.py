"""`monobase ready`: check whether the active generations are ready (a readiness probe)."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.commands import here
from workbench.errors import EXIT_OK, FaultsError
from workbench.verbs.monobase.options import data_option, prefix_option, range_options

EXAMPLES = """\
  wizard.py monobase ready                    exit code 0 when all generations are there, 1 with the reasons
  wizard.py monobase ready --min-gen-id 2
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `ready`."""
    prefix_option(parser)
    data_option(parser)
    range_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print that they are ready, or raise FaultsError with every reason why they are not."""
    from workbench.monobase.prefix import Prefix
    from workbench.monobase.select import active
    from workbench.monobase.status import unready

    generations = active(Path(args.data), args.min_gen_id, args.max_gen_id)
    prefix = Prefix.at(args.prefix)
    if reasons := unready(prefix, generations):
        raise FaultsError(
            f"{prefix.root} is not ready", reasons, hint=f"`{here('monobase build')}` makes what is missing"
        )
    print(f"ready: {', '.join(generation.name for generation in generations)}")
    return EXIT_OK
