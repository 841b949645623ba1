"""One request to a model that is started for it: what `model run` and `model train` do."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.errors import EXIT_OK, WorkbenchError
from workbench.notes import print_note
from workbench.verbs.model.running import (
    building_options,
    container_options,
    made_model,
    setup_option,
    variables,
    what_argument,
)

if TYPE_CHECKING:
    from workbench.models.model import Model


def predicting_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of one request."""
    what_argument(parser)
    parser.add_argument(
        *("-i", "--input"),
        dest="inputs",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="an input; =@FILE takes it from a file, =@- from standard input; repeated, a list",
    )
    parser.add_argument(
        *("-o", "--output"),
        metavar="PATH",
        default="",
        help="file or folder of the output (default: files as output.png in this folder; text is printed)",
    )
    container_options(parser)
    setup_option(parser)
    parser.add_argument("--json", action="store_true", help="print the whole response as JSON, without progress")
    building_options(parser)


def predict(args: argparse.Namespace, *, path: str = "/predictions", kind: str = "") -> int:
    """Send one request to the model, and write what comes out. Raises WorkbenchError when the model fails.

    `kind` stands before the names of the schemas: Training for those of a training, which has a command of its own.
    """
    from workbench.launch.model_container import ModelRun, running_model
    from workbench.launch.prediction import failure, send
    from workbench.models.containerfile import training_command
    from workbench.models.document import schema_of
    from workbench.models.inputs import input_schema, request_inputs
    from workbench.models.outputs import write_output

    inputs: dict[str, object] = {}

    def check(model: Model) -> None:
        if not (model.config.train if kind else model.config.predict):
            raise WorkbenchError(f"{model.name} has no {'train' if kind else 'predict'}: its cog.yaml names none")
        # Before anything is built: a typing error should not take minutes to show.
        document = json.loads(model.schema or "{}")
        inputs.update(request_inputs(input_schema(document, f"{kind}Input"), args.inputs, reader()))

    given = variables(args.env)
    model = made_model(args, check)
    command = training_command(model.config, weightless=bool(model.base.generation)) if kind else ()
    how = ModelRun(given, gpus=args.gpus, setup_seconds=args.setup_timeout, command=command, quiet=args.json)
    with running_model(model, how) as running:
        response = send(running, inputs, path)
    if reason := failure(response):
        if args.json:
            print(json.dumps(response, indent=2, ensure_ascii=False))
        raise WorkbenchError(f"the {'training' if kind else 'prediction'} failed: {reason}")
    output = response.get("output")
    schema = schema_of(json.loads(model.schema or "{}"), f"{kind}Output") or {}
    if args.json and not args.output:
        print(json.dumps(response, indent=2, ensure_ascii=False))
        return EXIT_OK
    done = write_output(output, schema, args.output)
    if args.json:
        print(json.dumps({**response, "output": done.value}, indent=2, ensure_ascii=False))
        return EXIT_OK
    # The paths of an object's files are in its text.
    if text := done.text or "\n".join(done.files):
        print(text)
    else:
        print_note("the model returned nothing")
    if inside := _in_model(args.what, done.files):
        print_note(f"{inside} is in the model's folder, and so in its next image: give -o, or name it in .dockerignore")
    return EXIT_OK


def _in_model(what: str, files: list[str]) -> str:
    """Return the first of the files that the image of the model in the folder `what` would get; "" for none."""
    from workbench.models.config import FILE
    from workbench.models.sources import ignored

    if not os.path.isfile(os.path.join(what, FILE)):
        return ""
    patterns, root = ignored(what), os.path.realpath(what)
    for file in files:
        path = os.path.relpath(os.path.realpath(file), root)
        if not path.startswith("../") and not patterns.match(path):
            return file
    return ""


def reader() -> Callable[[str], bytes]:
    """Return what reads the files of inputs, and standard input once."""
    from workbench.models.inputs import STDIN

    read: list[bytes] = []

    def file(path: str) -> bytes:
        if path == STDIN:
            if read:
                raise ValueError("standard input was read for another input")
            read.append(sys.stdin.buffer.read())
            return read[0]
        try:
            with open(os.path.expanduser(path), "rb") as opened:
                return opened.read()
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None

    return file
