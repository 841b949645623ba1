"""Values that a model's code writes out: constants, what is made of them, and what names for them stand for."""

from __future__ import annotations

import ast
import json
import operator
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.models.reading.names import External, Found, Names, Value
from workbench.models.reading.sources import Source

# No expression of a few letters may grow into more than this, in elements or letters.
_MOST = 20_000
_DEEPEST = 60
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.BitOr: operator.or_,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{each.__name__: each for each in (list, tuple, sorted, set, dict, str, int, float, bool, len, min, max, sum)},
    **{each.__name__: each for each in (abs, round, enumerate, zip, reversed, frozenset)},
}
_METHODS: dict[type, tuple[str, ...]] = {
    dict: ("keys", "values", "items", "get"),
    str: (
        *("join", "format", "upper", "lower", "title", "capitalize", "strip", "lstrip", "rstrip", "split", "replace"),
        *("removeprefix", "removesuffix", "splitlines"),
    ),
}
_KNOWN = {"sys.maxsize": sys.maxsize, "math.pi": 3.141592653589793}


class UnreadableError(Exception):
    """A part of the code says nothing without being run; the text says which."""

    def __init__(self, node: ast.AST | str) -> None:
        text = node if isinstance(node, str) else f"{ast.unparse(node)[:80]} is known only by running the code"
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an Enum."""

    name: str
    value: Any


class _Unknown:
    """A value inside another that cannot be read; it may be left out of what is made of that."""


_UNKNOWN = _Unknown()


class Literals:
    """Reads values of expressions."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def json(self, node: ast.expr, source: Source, given: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Return the value of an expression as JSON has it; raises UnreadableError where reading does not tell."""
        try:
            value = _plain(self._value(node, source, dict(given or {}), 0))
            json.dumps(value, allow_nan=False)
        except (ValueError, TypeError, RecursionError):
            raise UnreadableError(node) from None
        return value

    def members(self, found: Found) -> list[Member]:
        """Return the members of an Enum of the model's code, none for another class."""
        if not isinstance(found.node, ast.ClassDef) or not self.is_enum(found):
            return []
        scope = found.source.scope_in(found.node)
        members: list[Member] = []
        for name, bindings in scope.names.items():
            bound = bindings[-1].bound
            if isinstance(bound, ast.expr) and not name.startswith("_"):
                auto = isinstance(bound, ast.Call) and ast.unparse(bound.func).rpartition(".")[2] == "auto"
                value = len(members) + 1 if auto else self._value(bound, found.source, {}, 1)
                members.append(Member(name, value))
        return members

    def is_enum(self, found: Found) -> bool:
        """Return whether a class is an Enum."""
        return any(
            isinstance(each, External) and each.name.rpartition(".")[2] in ("Enum", "StrEnum", "IntEnum")
            for each in self.names.order(found)
        )

    def _value(self, node: ast.expr, source: Source, given: dict[str, Any], depth: int) -> Any:  # noqa: ANN401
        """Return the value of an expression; raises UnreadableError where reading does not tell, and where it fails."""
        if depth > _DEEPEST:
            raise UnreadableError(node)
        try:
            return self._computed(node, source, given, depth)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError):
            raise UnreadableError(node) from None

    def _computed(self, node: ast.expr, source: Source, given: dict[str, Any], depth: int) -> Any:  # noqa: ANN401
        def inner(part: ast.expr) -> Any:  # noqa: ANN401 - whatever the code says
            return self._value(part, source, given, depth + 1)

        match node:
            case ast.Constant():
                return node.value
            case ast.Name() if node.id in given:
                return given[node.id]
            case ast.Name() | ast.Attribute():
                return self._named(node, source, given, depth)
            case ast.List() | ast.Tuple() | ast.Set():
                return _few(self._elements(node.elts, source, given, depth))
            case ast.Dict():
                return self._dict(node, source, given, depth)
            case ast.UnaryOp(op=ast.USub()):
                return -inner(node.operand)
            case ast.UnaryOp(op=ast.Not()):
                return not inner(node.operand)
            case ast.BinOp():
                return _combined(node, inner(node.left), inner(node.right))
            case ast.JoinedStr():
                return "".join(self._formatted(part, source, given, depth) for part in node.values)
            case ast.IfExp():
                return inner(node.body) if inner(node.test) else inner(node.orelse)
            case ast.Subscript(slice=ast.Slice()):
                bounds = (node.slice.lower, node.slice.upper, node.slice.step)  # type: ignore[attr-defined]
                return inner(node.value)[slice(*(inner(part) if part else None for part in bounds))]
            case ast.Subscript():
                return inner(node.value)[inner(node.slice)]
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp() if len(node.generators) == 1:
                return self._comprehended(node, source, given, depth)
            case ast.Call():
                return self._called(node, source, given, depth)
            case ast.Compare(ops=[ast.In() | ast.NotIn() | ast.Eq() | ast.NotEq()]):
                return _compared(node.ops[0], inner(node.left), inner(node.comparators[0]))
        raise UnreadableError(node)

    def _elements(self, parts: Iterable[ast.expr], source: Source, given: dict[str, Any], depth: int) -> list[Any]:
        found: list[Any] = []
        for part in parts:
            if isinstance(part, ast.Starred):
                found += _few(self._value(part.value, source, given, depth + 1))
            else:
                found.append(self._or_unknown(part, source, given, depth))
        return found

    def _dict(self, node: ast.Dict, source: Source, given: dict[str, Any], depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                found |= self._value(value, source, given, depth + 1)
            else:
                found[_plain(self._value(key, source, given, depth + 1))] = self._or_unknown(
                    value, source, given, depth
                )
        return found

    def _or_unknown(self, node: ast.expr, source: Source, given: dict[str, Any], depth: int) -> Any:  # noqa: ANN401
        """Return a value, or what stands for one that cannot be read: the keys of a dict are known without it."""
        try:
            return self._value(node, source, given, depth + 1)
        except UnreadableError:
            return _UNKNOWN

    def _named(self, node: ast.Name | ast.Attribute, source: Source, given: dict[str, Any], depth: int) -> Any:  # noqa: ANN401
        if isinstance(node, ast.Attribute) and node.attr in ("value", "name"):
            base = self._or_unknown(node.value, source, given, depth)
            if isinstance(base, Member):
                return getattr(base, node.attr)
        target = self.names.resolve(node, source)
        if isinstance(target, External) and target.name in _KNOWN:
            return _KNOWN[target.name]
        if not isinstance(target, Value) or not target.is_sure or target.node is node:
            raise UnreadableError(node)
        if target.owner is not None and self.is_enum(Found(target.source, target.owner)):
            every = self.members(Found(target.source, target.owner))
            return next(each for each in every if each.name == node.attr) if isinstance(node, ast.Attribute) else every
        return self._value(target.node, target.source, {}, depth + 1)

    def _comprehended(
        self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, source: Source, given: dict[str, Any], depth: int
    ) -> list[Any]:
        generator = node.generators[0]
        found = []
        for item in self._iterated(generator.iter, source, given, depth):
            bound = given | _bound(generator.target, item)
            if all(self._value(test, source, bound, depth + 1) for test in generator.ifs):
                found.append(self._value(node.elt, source, bound, depth + 1))
        return found

    def _iterated(self, node: ast.expr, source: Source, given: dict[str, Any], depth: int) -> list[Any]:
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) not in given:
            target = self.names.resolve(node, source)
            if isinstance(target, Found):
                return list(self.members(target)) or _refused(node)
        return _few(self._value(node, source, given, depth + 1))

    def _called(self, node: ast.Call, source: Source, given: dict[str, Any], depth: int) -> Any:  # noqa: ANN401
        words = {each.arg: self._value(each.value, source, given, depth + 1) for each in node.keywords if each.arg}
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = self._value(function.value, source, given, depth + 1)
            if function.attr not in _METHODS.get(type(owner), ()):
                raise UnreadableError(node)
            arguments = [self._value(each, source, given, depth + 1) for each in node.args]
            if any(map(_has_unknown, arguments)) or not _is_small(owner, function.attr, [*arguments, *words.values()]):
                raise UnreadableError(node)
            made = getattr(owner, function.attr)(*arguments, **words)
            return _few(made) if isinstance(owner, dict) and function.attr != "get" else _few_letters(made)
        target = self.names.resolve(function, source)
        name = target.name.removeprefix("builtins.") if isinstance(target, External) else ""
        if name == "range":
            return _few(range(*(self._value(each, source, given, depth + 1) for each in node.args)))
        if name not in _FUNCTIONS or "key" in words:
            raise UnreadableError(node)
        if name in ("str", "int", "float", "bool", "len", "abs", "round"):
            arguments = [self._value(each, source, given, depth + 1) for each in node.args]
        else:
            arguments = [self._iterated(each, source, given, depth) for each in node.args]
            arguments = [dict(each) if name == "dict" else each for each in arguments]
        if name in ("sorted", "min", "max", "sum", "str", "len", "set") and any(map(_has_unknown, arguments)):
            raise UnreadableError(node)
        made = _FUNCTIONS[name](
            *map(_plain, arguments) if name not in ("list", "tuple", "dict") else arguments, **words
        )
        return made if isinstance(made, str | int | float | dict) else _few(made)

    def _formatted(self, part: ast.expr, source: Source, given: dict[str, Any], depth: int) -> str:
        if not isinstance(part, ast.FormattedValue):
            return str(self._value(part, source, given, depth + 1))
        value = _plain(self._value(part.value, source, given, depth + 1))
        if part.conversion in (ord("r"), ord("s"), ord("a")):
            value = repr(value) if part.conversion == ord("r") else str(value)
        wanted = self._value(part.format_spec, source, given, depth + 1) if part.format_spec else ""
        return str(_few_letters(format(value, wanted if len(wanted) < 20 else _refused(part))))


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever the code says
    """Return a value with members of an Enum as their values; raises UnreadableError for what is not known in it."""
    if isinstance(value, Member):
        return _plain(value.value)
    if isinstance(value, _Unknown):
        raise UnreadableError("a part of it is known only by running the code")
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def _has_unknown(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_unknown, value))
    return isinstance(value, _Unknown)


def _refused(node: ast.AST) -> Any:  # noqa: ANN401 - never returns
    raise UnreadableError(node)


def _few(values: Any) -> list[Any]:  # noqa: ANN401 - whatever can be iterated
    """Return what an iterable has as a list; raises ValueError when that is very much."""
    found = []
    for each in values:
        found.append(list(each) if isinstance(each, tuple) else each)
        if len(found) > _MOST:
            raise ValueError("too many")
    return found


def _few_letters(value: Any) -> Any:  # noqa: ANN401 - whatever the code says
    if isinstance(value, str | list) and len(value) > _MOST:
        raise ValueError("too long")
    return value


def _is_small(owner: object, method: str, arguments: list[Any]) -> bool:
    """Return whether a method of a text makes a short one: with few letters it may ask for very many."""
    if not isinstance(owner, str):
        return True
    sizes = [sum(len(str(part)) for part in each) if isinstance(each, list) else len(str(each)) for each in arguments]
    return _is_short_format(owner) if method == "format" else (len(owner) + 1) * (sum(sizes) + 1) <= 100 * _MOST


def _is_short_format(text: str) -> bool:
    """Return whether a format pads to no more than three digits say."""
    digits = "".join(sign if sign.isdigit() else " " for sign in text).split()
    return "*" not in text and all(len(each) <= 3 for each in digits)


def _combined(node: ast.BinOp, left: Any, right: Any) -> Any:  # noqa: ANN401 - whatever the code says
    compute = _OPERATORS.get(type(node.op))
    if compute is None or _has_unknown(left) or _has_unknown(right):
        raise UnreadableError(node)
    if isinstance(node.op, ast.Mult) and not all(isinstance(each, int | float) for each in (left, right)):
        sizes = [len(each) if isinstance(each, str | list) else abs(each) for each in (left, right)]
        if sizes[0] * sizes[1] > _MOST:
            raise UnreadableError(node)
    if isinstance(node.op, ast.Pow | ast.LShift) and not (abs(left) <= 1024 and abs(right) <= 128):
        raise UnreadableError(node)
    if isinstance(node.op, ast.Mod) and isinstance(left, str):
        right = tuple(right) if isinstance(right, list) else right
        if not _is_short_format(left):
            raise UnreadableError(node)
    return _few_letters(compute(left, right))


def _compared(operation: ast.cmpop, left: Any, right: Any) -> bool:  # noqa: ANN401 - whatever the code says
    if isinstance(operation, ast.In | ast.NotIn):
        return bool(left in right) == isinstance(operation, ast.In)
    return bool(left == right) == isinstance(operation, ast.Eq)


def _bound(target: ast.expr, item: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the code says
    if isinstance(target, ast.Name):
        return {target.id: item}
    if isinstance(target, ast.Tuple) and isinstance(item, list) and len(item) == len(target.elts):
        found: dict[str, Any] = {}
        for part, each in zip(target.elts, item, strict=True):
            found |= _bound(part, each)
        return found
    raise UnreadableError(target)
