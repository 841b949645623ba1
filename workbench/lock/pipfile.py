"""Pipfiles: reading one, and making one out of those that a bundle builds on."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.packages import normalized_name

PIPFILE = "Pipfile"
# Every other table of a Pipfile is a category of packages.
_NOT_CATEGORIES = {"source", "requires", "pipenv", "scripts", "dev-packages"}


def categories(folder: str) -> list[str]:
    """Return the package categories of the Pipfile in `folder`, `packages` first.

    Raises WorkbenchError when it cannot be read.
    """
    data = _read(folder)[0]
    found = [name for name, value in data.items() if name not in _NOT_CATEGORIES and isinstance(value, dict)]
    return sorted(found, key=lambda name: name != "packages")


def merged(folders: Sequence[str]) -> str:
    """Return the text of one Pipfile for the Pipfiles of `folders`, the one at the bottom first.

    A line of a later one wins over the same package's line, or the same source's, of those before.
    The text of a single one is returned as it is. Raises WorkbenchError for one that cannot be read.
    """
    read = [_read(folder) for folder in folders]
    if len(read) == 1:
        return read[0][1]
    sources: dict[str, dict[str, Any]] = {}
    tables: dict[str, dict[str, tuple[str, Any]]] = {}
    for data, _ in read:
        sources |= {str(source.get("name")): source for source in data.get("source", [])}
        for table, values in data.items():
            if isinstance(values, dict):
                lines = tables.setdefault(table, {})
                lines |= {_key(table, name): (name, value) for name, value in values.items()}
    found = [("[[source]]", list(source.items())) for source in sources.values()]
    found += [(f"[{table}]", list(lines.values())) for table, lines in tables.items()]
    return "\n".join(_table(header, lines) for header, lines in found)


def digest(text: str) -> str:
    """Return the sha256 by which a lock names the Pipfile `text` that it was made from.

    It is pipenv's: of everything but its settings, whatever the spelling of the packages' names.
    """
    data = tomllib.loads(text)
    tables = {"default": data.get("packages", {}), "develop": data.get("dev-packages", {})}
    tables |= {name: value for name, value in data.items() if name not in (*_NOT_CATEGORIES, "packages")}
    named = {
        table: {normalized_name(name): value for name, value in lines.items()}
        for table, lines in tables.items()
        if isinstance(lines, dict)
    }
    meta = {"sources": data.get("source", {}), "requires": data.get("requires", {})}
    content = json.dumps({"_meta": meta, **named}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _table(header: str, lines: list[tuple[str, Any]]) -> str:
    return "".join(f"{line}\n" for line in [header, *(f"{_value(name)} = {_value(value)}" for name, value in lines)])


def _key(table: str, name: str) -> str:
    """Return the key of a line: a package's name has many spellings."""
    return name if table in _NOT_CATEGORIES - {"dev-packages"} else normalized_name(name)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_value(name)} = {_value(item)}' for name, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    # The strings, numbers and truth values of JSON are TOML's as well.
    return json.dumps(value, ensure_ascii=False)


def data_of(text: str) -> dict[str, Any]:
    """Return the tables of a Pipfile's text, which was read before."""
    return tomllib.loads(text)


def _read(folder: str) -> tuple[dict[str, Any], str]:
    path = os.path.join(folder, PIPFILE)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return tomllib.loads(text), text
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"cannot be read: {error}", where=path) from None
