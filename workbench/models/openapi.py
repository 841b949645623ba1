"""The OpenAPI document of a model's predictions, read from its code without running it.

The cog server takes it from `.cog/openapi_schema.json` and validates requests with it. What only running
the code would show (a type made elsewhere, a computed default) gives no document; the server then
accepts any input, as it does without one.
"""

from __future__ import annotations

import ast
import json
from typing import Any

from workbench.errors import WorkbenchError
from workbench.models.code import definition, method

_TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "Path": {"type": "string", "format": "uri"},
    "File": {"type": "string", "format": "uri"},
    "Secret": {"type": "string", "format": "password", "writeOnly": True, "x-cog-secret": True},
    "dict": {"type": "object"},
    "Any": {},
}
_LISTS = ("list", "List")
_STREAMS = {"Iterator": "iterator", "AsyncIterator": "iterator", "Generator": "iterator"}
_JOINED = ("ConcatenateIterator", "AsyncConcatenateIterator")
_BOUNDS = {"ge": "minimum", "le": "maximum", "min_length": "minLength", "max_length": "maxLength", "regex": "pattern"}


class _UnreadableError(Exception):
    """Part of the code cannot be read without running it."""


def schema_of(folder: str, reference: str) -> tuple[dict[str, Any], str]:
    """Return the document for what `reference` points at, or an empty one and why there is none."""
    try:
        found = definition(folder, reference)
        called = method(found) if found is not None else None
        if called is None:
            return {}, f"{reference} comes from somewhere else"
        return _document(_inputs(called), _output(called.returns)), ""
    except WorkbenchError as error:
        return {}, error.message
    except _UnreadableError as error:
        return {}, str(error)


def _inputs(called: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
    arguments = called.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        raise _UnreadableError(f"{called.name} takes arguments without names")
    plain = arguments.args[1:] if arguments.args and arguments.args[0].arg == "self" else arguments.args
    missing = [None] * (len(plain) - len(arguments.defaults))
    pairs = [*zip(plain, [*missing, *arguments.defaults][-len(plain) :] if plain else [], strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    properties: dict[str, Any] = {}
    required = []
    for order, (argument, default) in enumerate(pairs):
        schema, needed = _input(argument, default)
        properties[argument.arg] = {"title": argument.arg.replace("_", " ").title(), "x-order": order, **schema}
        if needed:
            required.append(argument.arg)
    return {"title": "Input", "type": "object", "properties": properties} | ({"required": required} if required else {})


def _input(argument: ast.arg, default: ast.expr | None) -> tuple[dict[str, Any], bool]:
    """Return the schema of one input, and whether it must be given."""
    if argument.annotation is None:
        raise _UnreadableError(f"the input {argument.arg} has no type")
    schema, optional = _type(argument.annotation)
    if default is None:
        return schema, not optional
    if _is_none(default):
        return {**schema, "nullable": True}, False
    if not (isinstance(default, ast.Call) and _name(default.func) == "Input"):
        return {**schema, "default": _value(default)}, False
    words = {word.arg: word.value for word in default.keywords if word.arg}
    if default.args:
        words["default"] = default.args[0]
    for word, key in _BOUNDS.items():
        if word in words and (bound := _value(words[word])) is not None:
            schema[key] = bound
    if "description" in words:
        schema["description"] = _value(words["description"])
    if "choices" in words and (choices := _value(words["choices"])) is not None:
        schema["enum"] = list(choices)
    given = _value(words["default"]) if "default" in words else None
    if given is not None:
        schema["default"] = given
    if _is_none(words.get("default")):
        schema["nullable"], optional = True, True
    return schema, given is None and not optional


def _type(annotation: ast.expr) -> tuple[dict[str, Any], bool]:
    """Return the schema of a type, and whether it may be nothing."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        text = annotation.value
        try:
            annotation = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError):
            raise _UnreadableError(f"{text!r} is no type") from None
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = [side for side in (annotation.left, annotation.right) if not _is_none(side)]
        if len(sides) == 1:
            return {**_type(sides[0])[0], "nullable": True}, True
    if isinstance(annotation, ast.Subscript):
        outer = _name(annotation.value)
        if outer == "Optional":
            return {**_type(annotation.slice)[0], "nullable": True}, True
        if outer in _LISTS:
            return {"type": "array", "items": _type(annotation.slice)[0]}, False
        if outer in ("dict", "Dict"):
            return {"type": "object"}, False
        if outer == "Literal":
            choices = _value(annotation.slice)
            values = list(choices) if isinstance(choices, tuple | list) else [choices]
            kinds = {type(value) for value in values}
            if len(kinds) == 1 and (kind := kinds.pop().__name__) in _TYPES:
                return {**_TYPES[kind], "enum": values}, False
    name = _name(annotation)
    if name in _TYPES:
        return dict(_TYPES[name]), False
    raise _UnreadableError(f"the type {ast.unparse(annotation)} cannot be read from the code alone")


def _output(annotation: ast.expr | None) -> dict[str, Any]:
    if annotation is None:
        raise _UnreadableError("what comes out has no type")
    if isinstance(annotation, ast.Subscript) and (outer := _name(annotation.value)) in (*_STREAMS, *_JOINED):
        of = annotation.slice.elts[0] if isinstance(annotation.slice, ast.Tuple) else annotation.slice
        schema = {"type": "array", "items": _type(of)[0], "x-cog-array-type": "iterator"}
        return schema | ({"x-cog-array-display": "concatenate"} if outer in _JOINED else {})
    if _is_none(annotation):
        return {"nullable": True}
    return _type(annotation)[0]


def _document(inputs: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
    """Return the whole document: what the server reads of it is Input and Output."""
    choices = {"type": "string", "enum": ["starting", "processing", "succeeded", "canceled", "failed"]}
    request = {"type": "object", "properties": {"input": {"$ref": "#/components/schemas/Input"}}}
    response = {
        "type": "object",
        "properties": {
            "status": choices,
            "output": {"$ref": "#/components/schemas/Output"},
            "error": {"type": "string"},
        },
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/PredictionRequest"}}}}
    content = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/PredictionResponse"}}}}
    post = {
        "operationId": "predict",
        "requestBody": body,
        "responses": {"200": {"description": "the answer", **content}},
    }
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {"/predictions": {"post": post}},
        "components": {
            "schemas": {
                "Input": inputs,
                "Output": {"title": "Output", **output},
                "PredictionRequest": request,
                "PredictionResponse": response,
            }
        },
    }


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _value(node: ast.expr) -> Any:  # noqa: ANN401 - whatever JSON has
    try:
        value = ast.literal_eval(node)
        json.dumps(value)
        return value
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _UnreadableError(f"{ast.unparse(node)} is known only by running the code") from None
