"""Reading a TOML file against the keys it may have, with the line of whatever is wrong."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from workbench.catalog.faults import Faults
from workbench.catalog.tree import Tree
from workbench.names import suggestion

# A schema maps a key to what its value must be: `str`, `int`, `list` (of strings), a tuple of
# allowed words, or another schema. The key "*" stands for every key that is not named.
Schema = Mapping[str, Any]


def read_toml(tree: Tree, path: str, schema: Schema, faults: Faults) -> dict[str, Any]:
    """Return the values of the TOML file at `path` that fit `schema`; the others become faults."""
    with faults:
        text = tree.text(path)
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            faults.add(f"{path}:{line[1]}" if line else path, f"is not TOML: {error}")
            return {}
        return _checked(data, schema, (), path, text, faults)
    return {}


def _checked(
    data: dict[str, Any], schema: Schema, above: tuple[str, ...], path: str, text: str, faults: Faults
) -> dict[str, Any]:
    kept = {}
    for key, value in data.items():
        keys = (*above, key)
        wanted = schema.get(key, schema.get("*"))
        if wanted is None:
            faults.add(f"{path}:{line_of(text, keys)}", f"unknown key {key!r}: {suggestion(key, schema)}")
        elif isinstance(wanted, Mapping) and isinstance(value, dict):
            kept[key] = _checked(value, wanted, keys, path, text, faults)
        elif (complaint := _complaint(value, wanted)) is not None:
            faults.add(f"{path}:{line_of(text, keys)}", f"{'.'.join(keys)} {complaint}")
        else:
            kept[key] = value
    return kept


def _complaint(value: object, wanted: object) -> str | None:
    if isinstance(wanted, tuple):
        return None if value in wanted else f"must be one of {', '.join(wanted)}, not {value!r}"
    if wanted is list:
        strings = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return None if strings else "must be a list of strings"
    if isinstance(wanted, Mapping):
        return "must be a table"
    names = {str: "a string", int: "a whole number", bool: "true or false"}
    if isinstance(wanted, type) and isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
        return None
    return f"must be {names.get(wanted, 'something else') if isinstance(wanted, type) else 'something else'}"


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """Return the line where the key path `keys` is set in a TOML text, from 1 (1 when it is not found)."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.split("#", 1)[0].strip()
        if stripped.startswith("["):
            table = _key_path(stripped.strip("[] "))
            if table == keys:
                return number
        elif "=" in stripped and table + _key_path(stripped.split("=", 1)[0].strip()) == keys:
            return number
    return 1


def _key_path(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("'\"") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", text))
