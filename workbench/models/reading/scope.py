"""The names that a module or a class binds, also below `if`, `try` and the like, and what is bound to them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.ClassDef | Function
# Calls that change a list, set or map in place: what was assigned is not what it is.
_CHANGES = frozenset({"append", "extend", "insert", "remove", "pop", "clear", "update", "add", "discard", "setdefault"})


@dataclass(frozen=True, slots=True)
class Import:
    """`from module import name`, or `import module` where the name is ""; `level` is that of a relative import."""

    module: str
    name: str = ""
    level: int = 0


# None is bound by what is not read: a loop, a `with`, a tuple that is no literal.
Bound = Definition | Import | ast.expr | None


@dataclass(frozen=True, slots=True)
class Binding:
    """Something bound to a name; a conditional one may not be what the name ends up with."""

    bound: Bound
    conditional: bool


@dataclass(slots=True)
class Scope:
    """Bindings by name in their order, modules that all names are taken from, and names whose values are changed."""

    names: dict[str, list[Binding]] = field(default_factory=dict)
    stars: list[Import] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)

    def candidates(self, name: str) -> list[Bound]:
        """Return what a name may be bound to at the end, the likeliest first; none when it is not bound."""
        found = self.names.get(name, [])
        last = max((at for at, each in enumerate(found) if not each.conditional), default=0)
        later = [each.bound for each in found[last:] if each.conditional]
        return [*later, *(each.bound for each in found[last:] if not each.conditional)]

    def bind(self, name: str, bound: Bound, conditional: bool) -> None:
        """Add a binding."""
        self.names.setdefault(name, []).append(Binding(bound, conditional))


def scope_of(body: Sequence[ast.stmt]) -> Scope:
    """Return the names that the statements of a module or class bind."""
    scope = Scope()
    _collect(body, scope, False)
    return scope


def _collect(body: Iterable[ast.stmt], scope: Scope, conditional: bool) -> None:
    for statement in body:
        if isinstance(statement, Definition):
            scope.bind(statement.name, statement, conditional)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            _import(statement, scope, conditional)
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                _assign(target, statement.value, scope, conditional)
        elif isinstance(statement, ast.AnnAssign):
            if statement.value is not None:
                _assign(statement.target, statement.value, scope, conditional)
        elif isinstance(statement, ast.AugAssign):
            _assign(ast.Subscript(statement.target, ast.Constant(0)), None, scope, conditional)
        elif isinstance(statement, ast.Expr):
            _changed(statement.value, scope)
        elif isinstance(statement, ast.Delete):
            scope.names = {
                name: found
                for name, found in scope.names.items()
                if conditional or not any(isinstance(each, ast.Name) and each.id == name for each in statement.targets)
            }
        else:
            _branches(statement, scope, conditional)


def _branches(statement: ast.stmt, scope: Scope, conditional: bool) -> None:
    if isinstance(statement, ast.If):
        truth = _truth(statement.test)
        if truth is not False:
            _collect(statement.body, scope, conditional or truth is None)
        if truth is not True:
            _collect(statement.orelse, scope, conditional or truth is None)
    elif isinstance(statement, ast.Try | ast.TryStar):
        # What the body binds is likelier than what stands in for it.
        _collect(statement.body, scope, conditional or bool(statement.handlers))
        _collect(statement.orelse, scope, True)
        for handler in statement.handlers:
            _collect(handler.body, scope, True)
        _collect(statement.finalbody, scope, conditional)
    elif isinstance(statement, ast.With | ast.AsyncWith):
        for item in statement.items:
            if item.optional_vars is not None:
                _assign(item.optional_vars, None, scope, conditional)
        _collect(statement.body, scope, conditional)
    elif isinstance(statement, ast.For | ast.AsyncFor | ast.While):
        if not isinstance(statement, ast.While):
            _assign(statement.target, None, scope, True)
        _collect([*statement.body, *statement.orelse], scope, True)
    elif isinstance(statement, ast.Match):
        for case in statement.cases:
            _collect(case.body, scope, True)


def _import(statement: ast.Import | ast.ImportFrom, scope: Scope, conditional: bool) -> None:
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            scope.bind(alias.asname or whole, Import(whole), conditional)
        elif alias.name == "*":
            scope.stars.append(Import(statement.module or "", "", statement.level))
        else:
            found = Import(statement.module or "", alias.name, statement.level)
            scope.bind(alias.asname or alias.name, found, conditional)


def _assign(target: ast.expr, value: ast.expr | None, scope: Scope, conditional: bool) -> None:
    if isinstance(target, ast.Name):
        scope.bind(target.id, value, conditional)
    elif isinstance(target, ast.Subscript | ast.Attribute):
        inside: ast.expr = target
        while isinstance(inside, ast.Subscript | ast.Attribute):
            inside = inside.value
        if isinstance(inside, ast.Name):
            scope.changed.add(inside.id)
    elif isinstance(target, ast.Tuple | ast.List):
        given = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        paired = len(given) == len(target.elts) and not any(isinstance(each, ast.Starred) for each in target.elts)
        for at, each in enumerate(target.elts):
            _assign(
                each.value if isinstance(each, ast.Starred) else each, given[at] if paired else None, scope, conditional
            )


def _changed(call: ast.expr, scope: Scope) -> None:
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _CHANGES:
        _assign(call.func, None, scope, True)


def _truth(test: ast.expr) -> bool | None:
    """Return whether the body of an `if` is run when the server imports the module; None where that is not known."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.Name | ast.Attribute) and ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING":
        return False
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__":
        return False
    return None
