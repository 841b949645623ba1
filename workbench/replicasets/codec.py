"""Frozen dataclasses to JSON and back, by their annotations."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(value: Any) -> str:  # noqa: ANN401  any frozen dataclass
    """Return a dataclass as one line of JSON."""
    return json.dumps(_written(value), default=_written, separators=(",", ":"), ensure_ascii=False)


def decode(kind: type[T], text: str) -> T:
    """Return the `kind` that `encode` made `text` from. Fields that are missing get their default.

    Raises ValueError, TypeError or KeyError for a text that is no such thing.
    """
    reader: Callable[[Any], T] = _reader(cast(Any, kind))
    return reader(json.loads(text))


def _written(value: Any) -> dict[str, Any]:  # noqa: ANN401
    # Not asdict: it copies all that is in it first, and this is done for every step of every operation.
    return {field.name: getattr(value, field.name) for field in fields(value)}


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401
    """Return what makes a `kind` of JSON's data: worked out once, for histories are long."""
    if isinstance(kind, type) and is_dataclass(kind):
        return _object(kind)
    if get_origin(kind) is tuple:
        inner = _reader(get_args(kind)[0])
        return lambda data: tuple([inner(item) for item in data])
    if get_origin(kind) is types.UnionType:
        other = _reader(next(each for each in get_args(kind) if each is not type(None)))
        return lambda data: None if data is None else other(data)
    if kind is Any:
        return lambda data: data
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda data: kind(data)

    def plain(data: Any) -> Any:  # noqa: ANN401
        if type(data) is not kind:
            raise TypeError(f"{data!r} is no {kind.__name__}")
        return data

    return plain


def _object(kind: type) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}

    def read(data: Any) -> Any:  # noqa: ANN401
        if not isinstance(data, dict):
            raise TypeError(f"{kind} is written as an object")
        return kind(**{name: reader(data[name]) for name, reader in readers.items() if name in data})

    return read
