"""`model serve`: predictions over HTTP, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from workbench.errors import EXIT_OK, WorkbenchError
from workbench.verbs.model.running import (
    building_options,
    container_options,
    made_model,
    setup_option,
    variables,
    what_argument,
)

if TYPE_CHECKING:
    from workbench.launch.model_container import RunningModel
    from workbench.models.model import Model

EXAMPLES = """\
  wizard.py model serve                          the model in this folder, on http://127.0.0.1:8393 where that is free
  wizard.py model serve mymodel --port 5000
  wizard.py model serve localhost/models/mymodel:latest --env TOKEN
"""
_POLL_SECONDS = 1.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `serve`."""
    what_argument(parser)
    parser.add_argument(
        *("-p", "--port"), metavar="N", default="", help="port on 127.0.0.1 (default: a free one, 8393 first)"
    )
    container_options(parser)
    setup_option(parser)
    parser.add_argument("--json", action="store_true", help="print the address as JSON, and no log")
    building_options(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or a signal; raises WorkbenchError when the model ends by itself."""
    from workbench.launch.model_container import ModelRun, running_model
    from workbench.launch.ports import port_number

    port = port_number(args.port) if args.port else 0
    given = variables(args.env)
    model = made_model(args)
    how = ModelRun(given, port, args.gpus, args.setup_timeout, quiet=args.json, server=True)
    is_ready = False
    try:
        with running_model(model, how) as running:
            is_ready = True
            _print(args, model, running)
            while not running.log.wait(_POLL_SECONDS):
                pass
            raise WorkbenchError(f"the model does not serve any more: {running.ended() or 'its log has ended'}")
    except KeyboardInterrupt:
        if not is_ready:
            raise
    return EXIT_OK


def _print(args: argparse.Namespace, model: Model, running: RunningModel) -> None:
    from workbench.models.inputs import input_schema

    # An image of a model that only trains starts the server of its trainings.
    path, inputs = ("predictions", "Input") if model.config.predict else ("trainings", "TrainingInput")
    address = f"{running.address}/{path}"
    if args.json:
        print(json.dumps({"image": model.name, "address": address, "container": running.container}), flush=True)
        return
    example = input_schema(json.loads(model.schema or "{}"), inputs).example()
    body = json.dumps({"input": example}, ensure_ascii=False)
    print(address, flush=True)
    print(
        f"{model.name} is ready, until Ctrl-C:\n  curl -H 'Content-Type: application/json' -d '{body}' {address}",
        file=sys.stderr,
        flush=True,
    )
