"""`monobase ready`: check whether the active generations are ready (a readiness probe)."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from workbench.commands import here
from workbench.errors import EXIT_OK, EXIT_USER, FaultsError
from workbench.verbs.monobase.options import (
    data_option,
    json_option,
    label_option,
    metrics_option,
    prefix_option,
    range_options,
    skipped_option,
)

EXAMPLES = """\
  wizard.py monobase ready                    exit code 0 when all generations are there, 1 with the reasons
  wizard.py monobase ready --min-gen-id 2 --allow-skipped
  wizard.py monobase ready --node-label /features.d/monobase     and label the node, or take its label away
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `ready`."""
    prefix_option(parser)
    data_option(parser)
    range_options(parser)
    skipped_option(parser)
    label_option(parser)
    metrics_option(parser)
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print that they are ready, or raise FaultsError with every reason why they are not."""
    from workbench.monobase.label import label_text, write_label
    from workbench.monobase.leases import uses
    from workbench.monobase.metrics import metrics_text, write_metrics
    from workbench.monobase.prefix import Prefix
    from workbench.monobase.select import active
    from workbench.monobase.sizes import current_sizes
    from workbench.monobase.status import unready

    generations = active(Path(args.data), args.min_gen_id, args.max_gen_id)
    prefix = Prefix.at(args.prefix)
    if args.node_label or args.metrics_file:
        # Whoever runs this again and again sees how long a generation is used.
        uses(prefix)
    if args.node_label:
        text = label_text(prefix, generations, allow_skipped=args.allow_skipped)
        write_label(args.node_label, text, expires=True)
    if args.metrics_file:
        text = metrics_text(prefix, generations, allow_skipped=args.allow_skipped, sizes=current_sizes(prefix))
        write_metrics(args.metrics_file, text)
    reasons = unready(prefix, generations, allow_skipped=args.allow_skipped)
    if args.json:
        listed = [{"where": where, "error": reason} for where, reason in reasons]
        names = [generation.name for generation in generations]
        print(json.dumps({"ready": not reasons, "generations": names, "faults": listed}, indent=2))
        return EXIT_USER if reasons else EXIT_OK
    if reasons:
        raise FaultsError(
            f"{prefix.root} is not ready", reasons, hint=f"`{here('monobase build')}` makes what is missing"
        )
    print(f"ready: {', '.join(generation.name for generation in generations)}")
    return EXIT_OK
