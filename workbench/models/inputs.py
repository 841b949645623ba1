"""The inputs of one request, from texts of a command line and the schema of the model's document."""

from __future__ import annotations

import base64
import json
import mimetypes
import operator
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import UsageError
from workbench.models.document import schema_of
from workbench.names import suggestion
from workbench.table import columns, terminal_width

# Begins a value that is in a file, and what names standard input then.
FILE, STDIN = "@", "-"
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_ADDRESSES = ("http://", "https://", "data:")
_CALLED = {"integer": "integer", "number": "number", "boolean": "true or false", "object": "JSON object"}
# Below the first line of a hint.
_INDENT = "    "
_BOUNDS: tuple[tuple[str, Callable[[float, float], bool], str], ...] = (
    ("minimum", operator.ge, "at least"),
    ("exclusiveMinimum", operator.gt, "more than"),
    ("maximum", operator.le, "at most"),
    ("exclusiveMaximum", operator.lt, "less than"),
)


@dataclass(frozen=True, slots=True)
class InputSchema:
    """The inputs that a model takes, by name, in their order; those that must be given; and whether they are known.

    The code of some models does not show them: any input goes to such a model.
    """

    properties: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...] = ()
    is_known: bool = True

    def listing(self) -> str:
        """Return the inputs as a table, for a hint on standard error."""
        rows = [(name, *self._about(name)) for name in self.properties]
        if not rows:
            return f"{_INDENT}it takes no inputs"
        width = max(terminal_width(sys.stderr) - len(_INDENT), 0)
        return textwrap.indent(columns(("input", "type", "default", "what"), rows, width), _INDENT)

    def example(self) -> dict[str, Any]:
        """Return the inputs that must be given, each with a value of its type."""
        return {name: _example(self.properties.get(name, {})) for name in self.required}

    def _about(self, name: str) -> tuple[str, str, str]:
        schema = self.properties[name]
        default = json.dumps(schema["default"]) if schema.get("default") is not None else ""
        return called(schema), "required" if name in self.required else default, str(schema.get("description") or "")


def input_schema(document: Mapping[str, Any], name: str) -> InputSchema:
    """Return the schema `name` of a model's OpenAPI document, such as Input; one that is not known without it."""
    schema = schema_of(document, name)
    if schema is None:
        return InputSchema({}, is_known=False)
    properties = schema.get("properties") or {}
    order = sorted(properties, key=lambda key: properties[key].get("x-order", len(properties)))
    return InputSchema({key: properties[key] for key in order}, tuple(schema.get("required", ())))


def request_inputs(schema: InputSchema, given: Sequence[str], read: Callable[[str], bytes]) -> dict[str, Any]:
    """Return the inputs of the texts `given` ("name=value"), each of the type that the schema says.

    `read` returns the bytes of a file by its path. A value that begins with @ is the path of one: for an input that is
    a file its content goes as a data URL, for others as text. Raises UsageError, with the inputs that there are, for
    what is missing, unknown or of another type.
    """
    texts: dict[str, list[str]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"the input {text!r} has no name and value", hint=_hint(schema, "write -i name=value"))
        texts.setdefault(name, []).append(value)
    if schema.is_known:
        for name in texts:
            if name not in schema.properties:
                near = suggestion(name, schema.properties)
                raise UsageError(f"the model has no input {name!r}", hint=_hint(schema, near))
        if missing := [name for name in schema.required if name not in texts]:
            named = ", ".join(missing)
            raise UsageError(f"the input {named} is missing", hint=_hint(schema, f"give -i {missing[0]}=…"))
    inputs = {}
    for name, values in texts.items():
        try:
            inputs[name] = _value(schema.properties.get(name, {}), values, read)
        except ValueError as error:
            raise UsageError(f"the input {name}: {error}", hint=_hint(schema)) from None
    return inputs


def _hint(schema: InputSchema, first: str = "") -> str:
    if not schema.is_known:
        return first
    return f"{first or 'the inputs of the model:'}\n{schema.listing()}"


def called(schema: Mapping[str, Any]) -> str:
    """Return what the type of an input is called, with its choices or bounds."""
    if choices := schema.get("enum"):
        return " | ".join(map(str, choices))
    if sides := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(map(called, sides)))
    kind = schema.get("type", "")
    if kind == "array":
        return f"list: {called(schema.get('items', {}))}"
    if kind == "string":
        return {"uri": "file", "password": "secret"}.get(schema.get("format", ""), "text")
    if "minimum" in schema and "maximum" in schema:
        return f"{_CALLED.get(kind, 'anything')}, {schema['minimum']} to {schema['maximum']}"
    limits = [f"{words} {schema[key]}" for key, _, words in _BOUNDS if key in schema]
    return ", ".join([_CALLED.get(kind, "anything"), *limits])


def _example(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "array":
        return [_example(schema.get("items", {}))]
    if kind == "string":
        return "https://…" if schema.get("format") == "uri" else "…"
    return {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.0), "boolean": True}.get(
        str(kind), {}
    )


def _value(schema: Mapping[str, Any], texts: Sequence[str], read: Callable[[str], bytes]) -> Any:  # noqa: ANN401 - JSON
    if schema.get("type") == "array":
        return _list(schema.get("items", {}), texts, read)
    if len(texts) == 1:
        return _checked(schema, _one(schema, texts[0], read))
    if lists := [side for side in schema.get("anyOf", ()) if side.get("type") == "array"]:
        return _list(lists[0].get("items", {}), texts, read)
    if schema:
        raise ValueError("it is given twice, and is no list")
    return [_one(schema, text, read) for text in texts]


def _list(items: Mapping[str, Any], texts: Sequence[str], read: Callable[[str], bytes]) -> list[Any]:
    if len(texts) == 1 and texts[0].lstrip().startswith("["):
        try:
            found = json.loads(texts[0])
        except ValueError as error:
            raise ValueError(f"{texts[0]!r} is no JSON list: {error}") from None
        return [_checked(items, each if not isinstance(each, str) else _one(items, each, read)) for each in found]
    return [_checked(items, _one(items, text, read)) for text in texts]


def _one(schema: Mapping[str, Any], text: str, read: Callable[[str], bytes]) -> Any:  # noqa: ANN401 - JSON
    kind, form = schema.get("type"), schema.get("format")
    if sides := schema.get("anyOf"):
        return _of_sides(sides, text, read)
    if kind == "string" and form == "uri":
        return _file(text, read)
    if text.startswith(FILE):
        data = read(text.removeprefix(FILE))
        if not kind:
            return data_url(data, text)
        text = _decoded(data) if kind == "string" else _decoded(data).strip()
    return _converted(kind, text, nullable=bool(schema.get("nullable")), choices=schema.get("enum") or ())


def _converted(kind: str | None, text: str, *, nullable: bool, choices: Sequence[Any]) -> Any:  # noqa: ANN401 - JSON
    if kind == "string":
        return text
    if nullable and text == "null":
        return None
    if kind == "boolean":
        if text.lower() not in (*_YES, *_NO):
            raise ValueError(f"{text!r} is neither true nor false")
        return text.lower() in _YES
    if kind in ("integer", "number"):
        try:
            number = int(text) if kind == "integer" else float(text)
        except ValueError:
            raise ValueError(f"{text!r} is no {kind}") from None
        # JSON has no words for infinity, and none for what is no number.
        if number != number or number in (float("inf"), float("-inf")):
            raise ValueError(f"{text!r} is no {kind}")
        return next((choice for choice in choices if choice == number), number)
    try:
        value = json.loads(text)
    except ValueError:
        if kind == "object":
            raise ValueError(f"{text!r} is no JSON object") from None
        return text
    if kind == "object" and not isinstance(value, dict):
        raise ValueError(f"{text!r} is no JSON object")
    return value


def _of_sides(sides: Sequence[Mapping[str, Any]], text: str, read: Callable[[str], bytes]) -> Any:  # noqa: ANN401
    """Return the value of the first type that a text is one of; any text is a string, so that comes last."""
    reasons = []
    # Whole numbers before others, and one value is no list unless it is written as one.
    order = {"number": 1, "string": 2, "array": 0 if text.lstrip().startswith("[") else 3}
    for side in sorted(sides, key=lambda each: order.get(each.get("type", ""), 0)):
        try:
            return _value(side, [text], read)
        except ValueError as error:
            reasons.append(str(error))
    raise ValueError("; ".join(reasons))


def _file(text: str, read: Callable[[str], bytes]) -> str:
    if text.startswith(FILE):
        return data_url(read(text.removeprefix(FILE)), text)
    if not text.startswith(_ADDRESSES):
        raise ValueError(f"it is a file: write {FILE}{text} for one of this machine, or an address")
    return text


def data_url(data: bytes, path: str) -> str:
    """Return the content of a file as a data URL, of the type that its name says."""
    kind = mimetypes.guess_type(path, strict=False)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("the file is no text in UTF-8") from None


def _checked(schema: Mapping[str, Any], value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value that the schema's choices and bounds allow: the server checks them too, but only once it runs."""
    choices = schema.get("enum")
    if choices and value not in choices and not (value is None and schema.get("nullable")):
        raise ValueError(f"{value!r} is none of {', '.join(map(str, choices))}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        for key, holds, words in _BOUNDS:
            if isinstance(schema.get(key), int | float) and not holds(value, schema[key]):
                raise ValueError(f"{value} is not {words} {schema[key]}")
    if isinstance(value, str) and schema.get("format") != "uri":
        if len(value) < schema.get("minLength", 0):
            raise ValueError(f"it has fewer than {schema['minLength']} characters")
        if len(value) > schema.get("maxLength", len(value)):
            raise ValueError(f"it has more than {schema['maxLength']} characters")
    return value
