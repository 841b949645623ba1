"""What a name or a dotted name in a model's code stands for, followed through assignments and imports."""

from __future__ import annotations

import ast
import builtins
import typing
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.models.reading.scope import Definition, Import, Scope
from workbench.models.reading.sources import Source, Sources

# What `from cog import *` brings: `__all__` of cog 0.23.1 (the package itself, checked 2026-11-30).
COG = frozenset(
    (
        *("BaseRunner", "BasePredictor", "BaseModel", "Opaque", "Input", "FieldInfo", "Path", "Secret", "File"),
        *("URLFile", "URLPath", "ConcatenateIterator", "AsyncConcatenateIterator", "CancelationException"),
        *("current_scope", "streaming", "concurrent", "ExperimentalFeatureWarning", "emit_metric"),
    )
)
# With one of these a class gives its instances other attributes than its own.
_MAKES = frozenset(
    (
        *("__init__", "__new__", "__post_init__", "__attrs_pre_init__", "__attrs_post_init__"),
        *("__getattr__", "__getattribute__"),
    )
)
# Follows no circle of names for ever.
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Found:
    """A class or function of the model's code, and the file that has it."""

    source: Source
    node: Definition


@dataclass(frozen=True, slots=True)
class Value:
    """An expression of the model's code, and the file that has it; `is_sure` when the name has just this value."""

    source: Source
    node: ast.expr
    is_sure: bool = True
    owner: ast.ClassDef | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the model's code."""

    source: Source


@dataclass(frozen=True, slots=True)
class External:
    """Something that is not in the model's code, by its dotted name; `?` stands for a module that is not known."""

    name: str

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def root(self) -> str:
        """The first part of the name."""
        return self.name.partition(".")[0]


Target = Found | Value | Module | External


class Names:
    """Follows names through the files of a model."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources

    def resolve(self, node: ast.expr, source: Source, depth: int = 0) -> Target | None:
        """Return what an expression in `source` stands for; None for a name that nothing there binds."""
        if depth > _DEEPEST:
            return None
        if isinstance(node, ast.Name):
            return self.lookup(node.id, source, depth + 1)
        if not isinstance(node, ast.Attribute):
            return Value(source, node)
        base = self.resolve(node.value, source, depth + 1)
        if isinstance(base, External):
            return External(f"{base.name}.{node.attr}")
        if isinstance(base, Module):
            return self.lookup(node.attr, base.source, depth + 1) or self._submodule(base, node.attr)
        made = self._class_of(base, depth + 1) if isinstance(base, Value) else base
        if isinstance(made, Found) and isinstance(made.node, ast.ClassDef):
            found = self.attribute(made, node.attr, depth + 1)
            return Value(source, node) if made is not base and not isinstance(found, Value) else found
        return Value(source, node)

    def _class_of(self, value: Value, depth: int) -> Found | None:
        """Return the class whose attributes a value has: it is an instance of that, made of nothing else."""
        node = value.node
        if not value.is_sure or not isinstance(node, ast.Call) or node.args or node.keywords:
            return None
        found = self.resolve(node.func, value.source, depth + 1)
        if not isinstance(found, Found) or not isinstance(found.node, ast.ClassDef):
            return None
        for each in self.order(found, depth + 1):
            if isinstance(each, External) and each.root == "builtins":
                continue
            if not isinstance(each, Found) or not isinstance(each.node, ast.ClassDef):
                return None
            if _MAKES & each.source.scope_in(each.node).names.keys():
                return None
        return found

    def lookup(self, name: str, source: Source, depth: int = 0) -> Target | None:
        """Return what a name of a module stands for: by itself, by a `*` import, or because Python has it."""
        found = self._bound(name, source, depth)
        if found is not None or name in source.scope.names:
            return found
        if hasattr(builtins, name):
            return External(f"builtins.{name}")
        unknown = any(self._is_open(star, source) for star in source.scope.stars)
        return External(f"?.{name}") if unknown else None

    def _bound(self, name: str, source: Source, depth: int) -> Target | None:
        """Return what a module itself binds to a name, or takes with a `*`."""
        if depth > _DEEPEST:
            return None
        if name in source.scope.names:
            return self._in_scope(name, source, source.scope, depth)
        for star in source.scope.stars:
            if (other := self.sources.module(star.module, level=star.level, near=source.path)) is not None:
                found = self._bound(name, other, depth + 1) if other is not source else None
                if found is not None:
                    return found
            elif name in {"cog": COG, "typing": typing.__all__}.get(star.module, ()):
                return External(f"{star.module}.{name}")
        return None

    def attribute(self, found: Found, name: str, depth: int = 0) -> Target | None:
        """Return what a class of the model's code has by a name, from its bases too."""
        for each in self.order(found, depth):
            if isinstance(each, Found) and isinstance(each.node, ast.ClassDef):
                target = self._in_scope(name, each.source, each.source.scope_in(each.node), depth + 1, each.node)
                if target is not None:
                    return target
        return None

    def order(self, found: Found, depth: int = 0) -> Iterator[Target]:
        """Yield a class and those above it in the order in which Python looks things up in them."""
        yield from _merged(found, self._above(found, depth), depth)

    def _above(self, found: Found, depth: int) -> list[list[Target]]:
        assert isinstance(found.node, ast.ClassDef)
        bases = [self._base(each, found.source, depth + 1) for each in found.node.bases]
        known = [each for each in bases if each is not None]
        lines = []
        for base in known:
            is_class = isinstance(base, Found) and isinstance(base.node, ast.ClassDef) and base.node is not found.node
            lines.append(list(self.order(base, depth + 1)) if is_class and depth < _DEEPEST else [base])  # type: ignore[arg-type]
        return [*lines, known]

    def _base(self, node: ast.expr, source: Source, depth: int) -> Target | None:
        inside = node.value if isinstance(node, ast.Subscript) else node
        return self.resolve(inside, source, depth) or External(f"?.{ast.unparse(inside)}")

    def _in_scope(
        self, name: str, source: Source, scope: Scope, depth: int, owner: ast.ClassDef | None = None
    ) -> Target | None:
        candidates = scope.candidates(name)
        for bound in candidates:
            sure = len(candidates) == 1 and name not in scope.changed
            if isinstance(bound, Definition):
                return Found(source, bound)
            if isinstance(bound, Import):
                return self._imported(bound, source, depth)
            if isinstance(bound, ast.Name | ast.Attribute) and not (isinstance(bound, ast.Name) and bound.id == name):
                target = self.resolve(bound, source, depth + 1)
                if target is not None and not (isinstance(target, Value) and not sure):
                    return target
            elif bound is not None and not _is_nothing(bound):
                return Value(source, bound, sure, owner)
        return next(
            (
                Value(source, each, len(candidates) == 1, owner)
                for each in candidates
                if each is not None and not isinstance(each, Definition | Import)
            ),
            None,
        )

    def _imported(self, bound: Import, source: Source, depth: int) -> Target | None:
        module = self.sources.module(bound.module, level=bound.level, near=source.path)
        if module is None or bound.module.partition(".")[0] in ("cog", "typing"):
            if bound.name and (inside := self._member(bound, source)) is not None:
                return Module(inside)
            return External(".".join(filter(None, ("." * bound.level + bound.module, bound.name))) or "?")
        if not bound.name:
            return Module(module)
        if module is not source and (found := self._bound(bound.name, module, depth + 1)) is not None:
            return found
        return self._submodule(Module(module), bound.name) or External(f"?.{bound.name}")

    def _member(self, bound: Import, source: Source) -> Source | None:
        """Return the module that `from package import module` names where the package is a folder without __init__."""
        whole = ".".join(filter(None, (bound.module, bound.name)))
        return self.sources.module(whole, level=bound.level, near=source.path)

    def _submodule(self, module: Module, name: str) -> Module | None:
        inside = self.sources.module(name, level=1, near=module.source.path)
        return Module(inside) if inside is not None and module.source.path.endswith("__init__.py") else None

    def _is_open(self, star: Import, source: Source) -> bool:
        """Return whether a `*` import may bring any name: its module is not the model's, nor a known one."""
        return star.module not in ("cog", "typing") and not self.sources.module(
            star.module, level=star.level, near=source.path
        )


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _merged(found: Found, lines: list[list[Target]], depth: int) -> Iterator[Target]:
    """Yield the linearisation (C3) of a class; where there is none, its lines one after the other."""
    yield found
    rest = [list(line) for line in lines if line]
    while rest:
        tails = [each for line in rest for each in line[1:]]
        head = next((line[0] for line in rest if line[0] not in tails), rest[0][0])
        yield head
        rest = [kept for line in rest if (kept := [each for each in line if each != head])]
