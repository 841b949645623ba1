"""`monobase metrics`: what a prefix holds and whether it is whole, for Prometheus."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from workbench.errors import EXIT_OK, UsageError
from workbench.verbs.monobase.options import data_option, json_option, prefix_option, range_options, skipped_option

EXAMPLES = """\
  wizard.py monobase metrics                                    print them
  wizard.py monobase metrics --file /var/lib/node_exporter/monobase.prom
  wizard.py monobase metrics --listen :9464                     answer at http://…:9464/metrics until it is ended
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `metrics`."""
    prefix_option(parser)
    data_option(parser)
    range_options(parser)
    skipped_option(parser)
    parser.add_argument("--file", metavar="FILE", help="write them there, for node_exporter's textfile collector")
    parser.add_argument("--listen", metavar="[ADDRESS]:PORT", help="serve them by HTTP, at /metrics")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print them, write them, or serve them until SIGTERM."""
    from workbench.monobase.metrics import metrics_text, write_metrics
    from workbench.monobase.metrics_server import LiveSizes, listening
    from workbench.monobase.prefix import Prefix
    from workbench.monobase.select import active
    from workbench.monobase.sizes import PrefixSizes, current_sizes

    if args.file and args.listen:
        raise UsageError("--file and --listen exclude each other", hint="run it twice")
    prefix, generations = Prefix.at(args.prefix), active(Path(args.data), args.min_gen_id, args.max_gen_id)

    def text(sizes: PrefixSizes | None) -> str:
        return metrics_text(prefix, generations, allow_skipped=args.allow_skipped, sizes=sizes)

    if args.listen:
        live = LiveSizes(prefix)
        with listening(args.listen, lambda: text(live.get())) as server:
            live.get()
            address = f"http://{server.server_address[0]!s}:{server.server_port}/metrics"
            print(json.dumps({"address": address}) if args.json else address, flush=True)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_OK))
            server.serve_forever()
    made = text(current_sizes(prefix))
    if args.file:
        write_metrics(args.file, made)
    if args.json:
        print(json.dumps({"file": args.file, "metrics": made.splitlines()}, indent=2))
    elif not args.file:
        sys.stdout.write(made)
    return EXIT_OK
