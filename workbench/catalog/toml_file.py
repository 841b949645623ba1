"""Reading a TOML file against the keys it may have, with the line of whatever is wrong."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from workbench.catalog.faults import Faults
from workbench.catalog.tree import CatalogueTree
from workbench.errors import FaultsError
from workbench.names import suggestion

# A schema maps a key to what its value must be: `str`, `int`, `list` (of strings), a tuple of
# allowed words, another schema, or `[schema]` for a list of tables. The key "*" stands for every
# key that is not named.
Schema = Mapping[str, Any]


def read_toml(tree: CatalogueTree, path: str, schema: Schema, faults: Faults) -> dict[str, Any]:
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


def read_toml_file(path: str, schema: Schema) -> dict[str, Any]:
    """Return the values of a file outside of the catalogue; raises FaultsError with the lines of what does not fit."""
    faults, (folder, name) = Faults(), os.path.split(os.path.abspath(path))
    data = read_toml(CatalogueTree(folder), name, schema, faults)
    if faults.found:
        where = [(path + where.removeprefix(name), message) for where, message in faults.found]
        raise FaultsError(f"{path} cannot be used", sorted(where))
    return data


def _checked(
    data: dict[str, Any], schema: Schema, above: tuple[str, ...], path: str, text: str, faults: Faults
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in data.items():
        keys = (*above, key)
        wanted = schema.get(key, schema.get("*"))
        if wanted is None:
            faults.add(f"{path}:{line_of(text, keys)}", f"unknown key {key!r}: {suggestion(key, schema)}")
        elif isinstance(wanted, Mapping) and isinstance(value, dict):
            kept[key] = _checked(value, wanted, keys, path, text, faults)
        elif isinstance(wanted, list) and isinstance(value, list) and all(isinstance(item, dict) for item in value):
            kept[key] = [
                _checked(item, wanted[0], (*keys, str(number)), path, text, faults) for number, item in enumerate(value)
            ]
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
    if isinstance(wanted, list):
        return "must be a list of tables"
    names = {str: "a string", int: "a whole number", bool: "true or false"}
    if isinstance(wanted, type) and isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
        return None
    return f"must be {names.get(wanted, 'something else') if isinstance(wanted, type) else 'something else'}"


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """Return the line where the key path `keys` is set in a TOML text, from 1.

    In a list of tables the number of the table is a key, "0" the first. Of a path that is not found
    the line of its nearest part is returned, at last 1.
    """
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    nearest, line = 0, 1
    for number, raw in enumerate(text.splitlines(), 1):
        stripped = raw.split("#", 1)[0].strip()
        if stripped.startswith("["):
            table = found = _key_path(stripped.strip("[] "))
            if stripped.startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = found = (*table, str(counts[table]))
        elif "=" in stripped:
            found = table + _key_path(stripped.split("=", 1)[0].strip())
        else:
            continue
        if found == keys:
            return number
        if len(found) > nearest and found == keys[: len(found)]:
            nearest, line = len(found), number
    return line


def _key_path(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("'\"") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", text))
