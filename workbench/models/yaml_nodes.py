"""YAML as nodes with the line of every value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from workbench.errors import WorkbenchError

TEXT, NUMBER, TRUTH, NOTHING, LIST, MAP, OTHER = "text", "number", "truth", "nothing", "list", "map", "other"
# A cog.yaml is a page; anything longer is something else.
_MOST_BYTES = 1_000_000
_SCALARS = {
    "tag:yaml.org,2002:str": TEXT,
    "tag:yaml.org,2002:int": NUMBER,
    "tag:yaml.org,2002:float": NUMBER,
    "tag:yaml.org,2002:bool": TRUTH,
    "tag:yaml.org,2002:null": NOTHING,
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line that it begins on.

    A number keeps its text, for a version `3.10` is not 3.1. `entries` of a map have the line of
    the key beside the value; `repeated` are keys that occur twice, with the line of the second.
    """

    kind: str
    line: int
    text: str = ""
    items: tuple[Node, ...] = ()
    entries: Mapping[str, tuple[int, Node]] = field(default_factory=dict)
    repeated: tuple[tuple[str, int], ...] = ()


def read_yaml(path: str) -> Node:
    """Return the root of the YAML file at `path`; an empty one is an empty map.

    Raises WorkbenchError, with the line where there is one, when it cannot be read or is not YAML.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise WorkbenchError(f"cannot be read: {error.strerror}", where=path) from None
    if len(data) > _MOST_BYTES:
        raise WorkbenchError("is longer than a megabyte: that is not a cog.yaml", where=path)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise WorkbenchError("is not UTF-8", where=f"{path}:{line}") from None
    return parse_yaml(text, path)


def parse_yaml(text: str, where: str) -> Node:
    """Return the root of the YAML `text`; `where` names it in errors. Raises WorkbenchError like `read_yaml`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return Node(MAP, 1) if root is None else _node(root, where, set())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}" if mark else where
        raise WorkbenchError(f"is not YAML: {error.problem or error.context}", where=place) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise WorkbenchError("is not YAML: a character is not allowed", where=f"{where}:{line}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise WorkbenchError(f"is not YAML: {error}", where=where) from None
    except RecursionError:
        raise WorkbenchError("is nested too deeply", where=where) from None


def _node(node: yaml.Node, where: str, visited: set[int]) -> Node:
    line = node.start_mark.line + 1
    if id(node) in visited:
        # An alias may contain itself, or a million others.
        raise WorkbenchError("an alias (*name) is not allowed here: write it out", where=f"{where}:{line}")
    visited.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        kind = _SCALARS.get(node.tag, TEXT if node.tag == "tag:yaml.org,2002:timestamp" else OTHER)
        return Node(kind, line, text=node.value)
    if isinstance(node, yaml.SequenceNode):
        return Node(LIST, line, items=tuple(_node(item, where, visited) for item in node.value))
    entries: dict[str, tuple[int, Node]] = {}
    repeated = []
    for key, value in node.value:
        at = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise WorkbenchError("a key must be a word", where=f"{where}:{at}")
        if key.value in entries:
            repeated.append((key.value, at))
        entries[key.value] = (at, _node(value, where, visited))
    return Node(MAP, line, entries=entries, repeated=tuple(repeated))
