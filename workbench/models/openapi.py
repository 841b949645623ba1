"""The OpenAPI document of a model's predictions and trainings, read from its code without running it.

The cog server takes it from `.cog/openapi_schema.json` and validates requests with it: `Input` and `TrainingInput`.
It strips inputs that are not in there. What only running the code would show is left out: a type, a bound, a
description. Where the whole function comes from elsewhere there is no document; the server then accepts any input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import WorkbenchError
from workbench.models.reading.inputs import Inputs
from workbench.models.reading.literals import Literals, UnreadableError
from workbench.models.reading.names import Found, Names
from workbench.models.reading.predictors import Called, called
from workbench.models.reading.scope import Function
from workbench.models.reading.sources import NewerPythonError, Sources
from workbench.models.reading.types import Types

_STATUS = ("starting", "processing", "succeeded", "canceled", "failed")


@dataclass(frozen=True, slots=True)
class _Side:
    """Predictions or trainings, as the document names them."""

    what: str
    inputs: str
    path: str
    input: str
    output: str
    request: str
    response: str


_PREDICTION = _Side(
    "predict", "the inputs", "/predictions", "Input", "Output", "PredictionRequest", "PredictionResponse"
)
_TRAINING = _Side(
    "train",
    "the inputs of training",
    "/trainings",
    "TrainingInput",
    "TrainingOutput",
    "TrainingRequest",
    "TrainingResponse",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a model's code: the document (empty without one), notes, faults, and what is called.

    `faults` are reasons why the server would not start, with file and line; `predict` and `train` are None where
    cog.yaml names none, or where it cannot be read.
    """

    document: dict[str, Any]
    notes: tuple[str, ...] = ()
    faults: tuple[tuple[str, str], ...] = ()
    predict: Called | None = None
    train: Called | None = None


NOTHING_READ = Reading({})


def read_code(folder: str, predict: str, train: str = "", roots: Sequence[str] = (), python: str = "") -> Reading:
    """Return what the code in `folder` says of what `predict` and `train` ("predict.py:Predictor") point at.

    `roots` are further folders of its modules, `python` is the model's ("3.12"). A file that does not exist, is not
    Python, or has nothing of that name is a fault.
    """
    names = Names(Sources(folder, roots, python))
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    notes: list[str] = []
    faults: list[tuple[str, str]] = []
    found: dict[str, Called] = {}
    for side, reference in ((_PREDICTION, predict), (_TRAINING, train)):
        if not reference:
            continue
        try:
            read = found[side.what] = called(names, reference, training=side is _TRAINING)
        except NewerPythonError as error:
            notes.append(f"{side.inputs} are not checked by the server: {error.where} {error.message}")
            continue
        except WorkbenchError as error:
            faults.append(("", f"{side.what}: {error.where}: {error.message}"))
            continue
        faults += read.faults
        if read.function is None:
            notes += [] if read.faults else [f"{side.inputs} are not checked by the server: {read.reason}"]
            continue
        try:
            made, wrong = _read(names, read.function, read.is_method, side, notes)
            schemas |= made
            # A server of predictions starts without what trains.
            if side is _PREDICTION:
                faults += wrong
            else:
                notes += [f"no training starts: {where}: {message}" for where, message in wrong]
            paths[side.path] = {"post": _post(side)}
        except UnreadableError as error:
            notes.append(f"{side.inputs} are not checked by the server: {error}")
    document = _document(paths, schemas) if schemas else {}
    return Reading(document, tuple(notes), tuple(faults), found.get("predict"), found.get("train"))


def _read(
    names: Names, function: Found, is_method: bool, side: _Side, notes: list[str]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the schemas of a side, and why its file would fail when it is imported; what is not read is noted."""
    literals = Literals(names)
    types = Types(names, literals)
    inputs = Inputs(names, literals, types)
    schema = inputs.schema(function, side.input, is_method=is_method)
    assert isinstance(function.node, Function)
    output: dict[str, Any] = {}
    if function.node.returns is None:
        inputs.notes.append("what comes out has no type")
    else:
        try:
            output = types.output(function.node.returns, function.source)
        except UnreadableError as error:
            inputs.notes.append(f"what comes out is not described: {error}")
    notes += inputs.notes
    request = {"type": "object", "properties": {"input": {"$ref": f"#/components/schemas/{side.input}"}}}
    response = {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": list(_STATUS)},
            "output": {"$ref": f"#/components/schemas/{side.output}"},
            "error": {"type": "string"},
        },
    }
    schemas = {
        side.input: schema,
        side.output: {"title": side.output, **output},
        side.request: request,
        side.response: response,
    }
    return schemas, inputs.faults


def _post(side: _Side) -> dict[str, Any]:
    body, content = (
        {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
        for name in (side.request, side.response)
    )
    answer = {"200": {"description": "the answer", **content}}
    return {"operationId": side.what, "requestBody": body, "responses": answer}


def _document(paths: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the whole document."""
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }
