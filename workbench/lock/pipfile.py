"""Pipfiles: reading one, and making one out of those that a bundle builds on and those of the IDEs that go with it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.catalog.parts import official_name
from workbench.errors import WorkbenchError
from workbench.packages import normalized_name

PIPFILE = "Pipfile"
# Every other table of a Pipfile is a category of packages.
_NOT_CATEGORIES = {"source", "requires", "pipenv", "scripts", "dev-packages"}
_SOURCE = {"name": "index", "url": "${PIP_INDEX_URL}", "verify_ssl": True}


def categories(folder: str) -> list[str]:
    """Return the package categories of the Pipfile in `folder`, `packages` first.

    Raises WorkbenchError when it cannot be read.
    """
    found = [name for name, _ in tables_of(_read(folder)[0])]
    return sorted(found, key=lambda name: name != "packages")


def merged(folders: Sequence[str]) -> str:
    """Return the text of one Pipfile for the Pipfiles of `folders`, the one at the bottom first.

    A line of a later one wins over the same package's line, or the same source's, of those before. What an IDE's
    Pipfile has in [packages] is the category of the IDE's name. The text of a single one is returned as it is.
    Raises WorkbenchError for one that cannot be read.
    """
    read = [_read(folder) for folder in folders]
    if len(read) == 1 and "source" in read[0][0]:
        return read[0][1]
    sources: dict[str, dict[str, Any]] = {}
    tables: dict[str, dict[str, tuple[str, Any]]] = {}
    for folder, (data, _) in zip(folders, read, strict=True):
        ide = ide_of(folder)
        sources |= {str(source.get("name")): source for source in data.get("source", [])}
        for name, values in data.items():
            table = ide if ide and name == "packages" else name
            if isinstance(values, dict):
                lines = tables.setdefault(table, {})
                lines |= {_key(table, name): (name, value) for name, value in values.items()}
    # pipenv would take its own choice of an index for a Pipfile that names none.
    found = [("[[source]]", list(source.items())) for source in sources.values() or (_SOURCE,)]
    found += [(f"[{_key_text(table)}]", list(lines.values())) for table, lines in tables.items()]
    return "\n".join(_table(header, lines) for header, lines in found)


def ide_of(folder: str) -> str:
    """Return the name of the IDE whose home of Python packages `folder` is (`ides/1-jupyter/py311`), "" for others."""
    parts = os.path.normpath(folder).split(os.sep)
    return official_name(parts[-2]) if len(parts) > 2 and parts[-3] == "ides" else ""


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


def _key_text(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


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


def tables_of(data: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the categories of packages of a Pipfile's tables, each with its lines."""
    for name, lines in data.items():
        if name not in _NOT_CATEGORIES and isinstance(lines, dict):
            yield name, lines


def _read(folder: str) -> tuple[dict[str, Any], str]:
    path = os.path.join(folder, PIPFILE)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return tomllib.loads(text), text
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"cannot be read: {error}", where=path) from None
