"""What the server calls for a prediction or a training, and why it would not start."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.models.reading.names import External, Found, Names, Value
from workbench.models.reading.scope import Definition, Function
from workbench.names import suggestion

# Where the server stops looking for methods of the model (cog 0.23.1, `cog/predictor.py`, checked 2026-11-30).
_FRAMEWORK = ("cog.BasePredictor", "cog.BaseRunner")
_BASES = ("BasePredictor", "BaseRunner")


@dataclass(frozen=True, slots=True)
class Called:
    """The function that is called, with `self` before its arguments when it is a method; None where none is read.

    `name` is the class's or the function's; `reason` says why none is read, and `faults` why the server would not
    start, each with file and line.
    """

    name: str
    function: Found | None
    is_method: bool = False
    reason: str = ""
    faults: tuple[tuple[str, str], ...] = ()

    @property
    def is_async(self) -> bool:
        """Whether several may run at once."""
        return self.function is not None and isinstance(self.function.node, ast.AsyncFunctionDef)


def called(names: Names, reference: str, *, training: bool) -> Called:
    """Return what the server calls for `reference` ("predict.py:Predictor").

    Raises WorkbenchError when the file does not exist or is not Python, or has nothing of that name.
    """
    path, _, name = reference.partition(":")
    source = names.sources.file(path)
    target = names.lookup(name, source)
    if target is None or (isinstance(target, External) and target.root == "builtins"):
        defined = [each for each, found in source.scope.names.items() if isinstance(found[-1].bound, Definition)]
        where = f"{names.sources.folder}/{path}"
        raise WorkbenchError(f"{path} has no {name!r}: {suggestion(name, defined)}", where=where)
    if isinstance(target, Value) and isinstance(target.node, ast.Call):
        target = _instance(names, target) or target
    if not isinstance(target, Found):
        return Called(name, None, reason=f"{reference} comes from somewhere else")
    if not isinstance(target.node, ast.ClassDef):
        return Called(name, target)
    return _of_class(names, target, training=training)


def _instance(names: Names, target: Value) -> Found | None:
    """Return the function that a call wraps (`predict = decorator(predict)`), None where it wraps no one function."""
    assert isinstance(target.node, ast.Call)
    inside = [names.resolve(each, target.source) for each in target.node.args if isinstance(each, ast.Name)]
    found = [each for each in inside if isinstance(each, Found)]
    return found[0] if len(found) == 1 else None


def _of_class(names: Names, found: Found, *, training: bool) -> Called:
    methods: dict[str, Found] = {}
    sure = True
    for owner in names.order(found):
        if isinstance(owner, External):
            if owner.name in _FRAMEWORK or owner.root in ("builtins", "abc", "typing") or owner.last in _BASES:
                if owner.last in _BASES:
                    break
                continue
            sure = False
        elif isinstance(owner, Found) and isinstance(owner.node, ast.ClassDef):
            for name in ("predict", "run", "setup", "train"):
                if name not in methods and (method := _own(names, owner, name)) is not None:
                    methods[name] = method
                elif name not in methods and name in owner.source.scope_in(owner.node).names:
                    sure = False
        else:
            sure = False
    name = found.node.name
    where = f"{names.sources.folder}/{found.source.path}:{found.node.lineno}"
    faults = list(_faults(names, methods, name, where, sure=sure))
    wanted = "train" if training else "run" if "run" in methods else "predict"
    if training and "train" not in methods and sure:
        faults.append((where, f"{name} has no train"))
    function = methods.get(wanted)
    reason = "" if function is not None else f"what {name} does comes from somewhere else"
    is_static = function is not None and any(
        isinstance(each, ast.Name) and each.id == "staticmethod" for each in function.node.decorator_list
    )
    return Called(name, function, not is_static, reason, tuple(faults))


def _faults(names: Names, methods: dict[str, Found], name: str, where: str, *, sure: bool) -> Iterator[tuple[str, str]]:
    """Yield why the server starts no class: cog 0.23.1's `_validate_runner_class` and its call of `setup`."""
    if "predict" in methods and "run" in methods:
        yield where, f"{name} has both run and predict: the server takes one of them"
    if sure and "predict" not in methods and "run" not in methods:
        why = " beside its train: the server starts no class without one" if "train" in methods else ""
        yield where, f"{name} has no predict and no run{why}"
    setup = methods.get("setup")
    if setup is not None and (needed := [each for each in _required(setup.node)[1:] if each != "weights"]):
        place = f"{names.sources.folder}/{setup.source.path}:{setup.node.lineno}"
        yield place, f"setup needs {', '.join(needed)}, and the server gives it weights only"


def _own(names: Names, owner: Found, name: str) -> Found | None:
    """Return the method that a class itself has by a name: defined, or assigned from a function."""
    assert isinstance(owner.node, ast.ClassDef)
    if name not in owner.source.scope_in(owner.node).names:
        return None
    target = names.lookup(name, owner.source.within(owner.node))
    return target if isinstance(target, Found) and isinstance(target.node, Function) else None


def _required(node: Definition) -> list[str]:
    """Return the arguments of a function that have no default."""
    assert isinstance(node, Function)
    plain = [*node.args.posonlyargs, *node.args.args]
    without = plain[: len(plain) - len(node.args.defaults)]
    pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return [each.arg for each in [*without, *(argument for argument, default in pairs if default is None)]]
