"""What a type of an input or output is in the OpenAPI document, as cog's server reads it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from workbench.models.reading.literals import Literals, UnreadableError
from workbench.models.reading.names import External, Found, Names, Value
from workbench.models.reading.sources import Source

_TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "Path": {"type": "string", "format": "uri"},
    "File": {"type": "string", "format": "uri"},
    "Secret": {"type": "string", "format": "password", "writeOnly": True, "x-cog-secret": True},
    "dict": {"type": "object"},
    "Dict": {"type": "object"},
    "Mapping": {"type": "object"},
    "Any": {},
    "object": {},
}
_ALIASES = {"PurePath": "Path", "PosixPath": "Path", "PathLike": "Path", "URLPath": "Path", "URLFile": "File"}
_LISTS = ("list", "List", "Sequence", "Iterable", "Collection", "set", "Set", "tuple", "Tuple")
_STREAMS = ("Iterator", "AsyncIterator", "Generator", "AsyncGenerator")
_JOINED = ("ConcatenateIterator", "AsyncConcatenateIterator")
# Where the names above may come from. A `*` import of something unknown may bring them too.
_ROOTS = ("builtins", "cog", "typing", "typing_extensions", "collections", "pathlib", "os", "enum", "types", "?")
_LITERALS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_DEEPEST = 30


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of a type, and whether it may be nothing."""

    data: dict[str, Any] = field(default_factory=dict)
    optional: bool = False

    @property
    def whole(self) -> dict[str, Any]:
        """The schema with `nullable` where it may be nothing."""
        return {**self.data, "nullable": True} if self.optional else dict(self.data)


class Types:
    """Reads types. Which there are is cog 0.23.1's `cog/_adt.py` and `cog/_inspector.py` (checked 2026-11-30)."""

    def __init__(self, names: Names, literals: Literals) -> None:
        self.names = names
        self.literals = literals

    def input(self, annotation: ast.expr, source: Source) -> Schema:
        """Return the schema of an input's type; raises UnreadableError where reading does not tell."""
        return self._schema(annotation, source, 0)

    def output(self, annotation: ast.expr, source: Source) -> dict[str, Any]:
        """Return the schema of what a prediction returns; raises UnreadableError where reading does not tell."""
        annotation = _unquoted(annotation)
        outer = self._known(annotation.value, source) if isinstance(annotation, ast.Subscript) else ""
        if isinstance(annotation, ast.Subscript) and outer in (*_STREAMS, *_JOINED):
            of = annotation.slice.elts[0] if isinstance(annotation.slice, ast.Tuple) else annotation.slice
            schema = {"type": "array", "items": self._schema(of, source, 0).whole, "x-cog-array-type": "iterator"}
            return schema | ({"x-cog-array-display": "concatenate"} if outer in _JOINED else {})
        if (bare := self._known(annotation, source)) in (*_STREAMS, *_JOINED):
            schema = {"type": "array", "items": {"type": "string"}, "x-cog-array-type": "iterator"}
            return (
                schema | {"x-cog-array-display": "concatenate"} if bare in _JOINED else {"type": "array", "items": {}}
            )
        if _is_none(annotation):
            return {"nullable": True}
        return self._schema(annotation, source, 0).whole

    def _schema(self, annotation: ast.expr, source: Source, depth: int) -> Schema:
        if depth > _DEEPEST:
            raise UnreadableError(f"the type {ast.unparse(annotation)} contains itself")
        annotation = _unquoted(annotation)
        if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
            return self._union(_sides(annotation), source, depth)
        if isinstance(annotation, ast.Subscript):
            return self._generic(annotation, source, depth)
        name = self._known(annotation, source)
        if name in _TYPES:
            return Schema(dict(_TYPES[name]))
        if name in _LISTS:
            return Schema({"type": "array", "items": {}})
        target = self.names.resolve(annotation, source)
        if isinstance(target, Value) and target.node is not annotation:
            return self._assigned(target, depth)
        if isinstance(target, Found) and isinstance(target.node, ast.ClassDef):
            return Schema(self._class(target, depth))
        raise UnreadableError(f"the type {ast.unparse(annotation)} cannot be read from the code alone")

    def _assigned(self, target: Value, depth: int) -> Schema:
        """Return the schema of a type that a name was given to: an alias, or a NewType."""
        node = target.node
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2] == "NewType"
            and len(node.args) == 2
        ):
            node = node.args[1]
        return self._schema(node, target.source, depth + 1)

    def _generic(self, annotation: ast.Subscript, source: Source, depth: int) -> Schema:
        outer = self._known(annotation.value, source)
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        if outer == "Optional":
            return Schema(self._schema(parts[0], source, depth + 1).data, True)
        if outer == "Union":
            return self._union(parts, source, depth)
        if outer in ("Annotated", "Final", "ClassVar", "Required", "NotRequired"):
            if any(
                isinstance(each, ast.Name | ast.Attribute) and self._known(each, source) == "Opaque"
                for each in parts[1:]
            ):
                return Schema({"type": "object"})
            return self._schema(parts[0], source, depth + 1)
        if outer in _LISTS:
            return Schema({"type": "array", "items": self._schema(parts[0], source, depth + 1).whole})
        if outer in ("dict", "Dict", "Mapping"):
            return Schema({"type": "object"})
        if outer == "Literal":
            return _literal([self.literals.json(each, source) for each in parts], annotation)
        raise UnreadableError(f"the type {ast.unparse(annotation)} cannot be read from the code alone")

    def _union(self, sides: list[ast.expr], source: Source, depth: int) -> Schema:
        some = [side for side in sides if not _is_none(_unquoted(side))]
        read = [self._schema(side, source, depth + 1) for side in some]
        optional = len(some) < len(sides) or any(each.optional for each in read)
        if len(read) == 1:
            return Schema(read[0].data, optional)
        return Schema({"anyOf": [each.data for each in read]}, optional)

    def _class(self, found: Found, depth: int) -> dict[str, Any]:
        """Return the schema of a class of the model's code: an Enum, or one with fields."""
        if members := self.literals.members(found):
            return _literal([each.value for each in members], found.node).data
        above = list(self.names.order(found))
        names = [each.last for each in above if isinstance(each, External)]
        if known := next((name for name in names if name in _LITERALS or name in ("Path", "PosixPath")), ""):
            return dict(_TYPES[_ALIASES.get(known, known)])
        assert isinstance(found.node, ast.ClassDef)
        is_data = any(
            ast.unparse(each).partition("(")[0].rpartition(".")[2] in ("dataclass", "define")
            for each in found.node.decorator_list
        )
        if not is_data and not {"BaseModel", "TypedDict", "SQLModel", "Struct", "RootModel"} & set(names):
            raise UnreadableError(f"the class {found.node.name} cannot be read from the code alone")
        properties: dict[str, Any] = {}
        required: list[str] = []
        for each in reversed(above):
            if isinstance(each, Found) and isinstance(each.node, ast.ClassDef):
                self._fields(each, properties, required, depth)
        return {"type": "object", "properties": properties} | ({"required": required} if required else {})

    def _fields(self, found: Found, properties: dict[str, Any], required: list[str], depth: int) -> None:
        for statement in found.node.body:
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            name = statement.target.id
            inside = statement.annotation
            if name.startswith("_") or (
                isinstance(inside, ast.Subscript) and self._known(inside.value, found.source) == "ClassVar"
            ):
                continue
            try:
                schema = self._schema(inside, found.source, depth + 1)
            except UnreadableError:
                schema = Schema()
            properties[name] = {**schema.whole, "title": name.replace("_", " ").title()}
            if statement.value is None and not schema.optional and name not in required:
                required.append(name)

    def _known(self, node: ast.expr, source: Source) -> str:
        """Return the name of a type that Python or cog has, "" for another."""
        node = _unquoted(node)
        if not isinstance(node, ast.Name | ast.Attribute):
            return ""
        target = self.names.resolve(node, source)
        if not isinstance(target, External) or target.root not in _ROOTS:
            return ""
        return _ALIASES.get(target.last, target.last)


def _literal(values: list[Any], node: ast.AST) -> Schema:
    kinds = {type(value).__name__ for value in values if value is not None}
    if len(kinds) == 1 and (kind := kinds.pop()) in _LITERALS:
        return Schema(
            {"type": _LITERALS[kind], "enum": [value for value in values if value is not None]}, None in values
        )
    raise UnreadableError(f"{ast.unparse(node)[:60]} has values of several kinds")


def _unquoted(node: ast.expr) -> ast.expr:
    """Return an annotation that is written as a text as the expression in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return ast.parse(node.value.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise UnreadableError(f"{node.value!r} is no type") from None
    return node


def _sides(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_sides(node.left), *_sides(node.right)]
    return [node]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
