"""Frozen dataclasses to JSON and back, by their annotations."""

from __future__ import annotations

import json
import types
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(value: Any) -> str:  # noqa: ANN401  any frozen dataclass
    """Return a dataclass as one line of JSON."""
    return json.dumps(asdict(value), separators=(",", ":"), ensure_ascii=False)


def decode(kind: type[T], text: str) -> T:
    """Return the `kind` that `encode` made `text` from. Fields that are missing get their default.

    Raises ValueError, TypeError or KeyError for a text that is no such thing.
    """
    built: T = _build(kind, json.loads(text))
    return built


def _build(kind: Any, data: Any) -> Any:  # noqa: ANN401
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(data, dict):
            raise TypeError(f"{kind} is written as an object")
        hints = _hints(kind)
        return kind(
            **{field.name: _build(hints[field.name], data[field.name]) for field in fields(kind) if field.name in data}
        )
    if get_origin(kind) is tuple:
        (inner, _) = get_args(kind)
        return tuple(_build(inner, item) for item in data)
    if get_origin(kind) is types.UnionType:
        return None if data is None else _build(next(each for each in get_args(kind) if each is not type(None)), data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if kind is not Any and not (isinstance(data, kind) and isinstance(data, bool) == (kind is bool)):
        raise TypeError(f"{data!r} is no {kind.__name__}")
    return data


@cache
def _hints(kind: Any) -> dict[str, Any]:  # noqa: ANN401
    return get_type_hints(kind)
