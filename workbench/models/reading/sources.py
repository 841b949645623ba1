"""A model's Python files, found as its server finds them: below its folder, and where `sys.path` is led."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError
from workbench.models.reading.scope import Scope, scope_of

# Where the files lie in the image.
HOME = "/src"
# Longer files are data.
_MOST_BYTES = 2_000_000


@dataclass(eq=False, slots=True)
class Source:
    """A file: its path in the model's folder, its tree, and what it binds."""

    path: str
    tree: ast.Module
    scope: Scope
    classes: dict[ast.ClassDef, Scope] = field(default_factory=dict)

    def scope_in(self, node: ast.ClassDef) -> Scope:
        """Return what the body of a class binds."""
        if node not in self.classes:
            self.classes[node] = scope_of(node.body)
        return self.classes[node]

    def within(self, node: ast.ClassDef) -> Source:
        """Return this file as a class in it sees it: with the names of its body before those of the module."""
        inner = self.scope_in(node)
        names, changed = {**self.scope.names, **inner.names}, self.scope.changed - inner.names.keys() | inner.changed
        return Source(self.path, self.tree, Scope(names, self.scope.stars, changed), self.classes)


class NewerPythonError(WorkbenchError):
    """A file that may well be Python, of a version after the one that reads it here."""


class Sources:
    """The Python files of a model's folder, each read once; `roots` are further folders of modules inside it.

    `python` is the model's ("3.12"), "" for the one that reads.
    """

    def __init__(self, folder: str, roots: Sequence[str] = (), python: str = "") -> None:
        self.folder = folder
        self._minor = int(python.split(".")[1]) if python else sys.version_info.minor
        self._roots = ["", *filter(None, map(_inside, roots))]
        self._read: dict[str, Source | None] = {}

    def file(self, path: str) -> Source:
        """Return the file at `path`; raises WorkbenchError when it cannot be read or is not Python.

        It is a NewerPythonError where the model's Python may read what this one cannot.
        """
        whole = os.path.join(self.folder, path)
        found = self._read.get(path)
        if found is None:
            tree = _parsed(whole, self._minor)
            found = self._read[path] = Source(path, tree, scope_of(tree.body))
            self._roots += [root for root in _added(tree) if root not in self._roots]
        return found

    def module(self, name: str, *, level: int = 0, near: str = "") -> Source | None:
        """Return a module of the model, None where it has none of that name (or none that can be read).

        `level` is that of a relative import, in the file `near`.
        """
        parts = [part for part in name.split(".") if part]
        if level:
            above = near.split("/")[:-level]
            return self._module("/".join([*above, *parts])) if len(near.split("/")) >= level else None
        return next(filter(None, (self._module("/".join([*root.split("/"), *parts])) for root in self._roots)), None)

    def _module(self, stem: str) -> Source | None:
        stem = stem.strip("/")
        for path in (f"{stem}.py", f"{stem}/__init__.py" if stem else "__init__.py"):
            if path not in self._read:
                try:
                    self.file(path)
                except WorkbenchError:
                    self._read[path] = None
            if (found := self._read[path]) is not None:
                return found
        return None


def _parsed(path: str, minor: int) -> ast.Module:
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise WorkbenchError(f"cannot be read: {error.strerror}", where=path) from None
    if len(data) > _MOST_BYTES:
        raise WorkbenchError("is too long to be read", where=path)
    try:
        return ast.parse(data, path, feature_version=(3, min(minor, sys.version_info.minor)))
    except SyntaxError as error:
        if minor > sys.version_info.minor:
            here = f"3.{sys.version_info.minor}"
            message = f"is read here with Python {here}, for which it is none: {error.msg}"
            raise NewerPythonError(message, where=f"{path}:{error.lineno or 1}") from None
        raise WorkbenchError(f"is not Python: {error.msg}", where=f"{path}:{error.lineno or 1}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise WorkbenchError(f"is not Python: {error}", where=path) from None


def _added(tree: ast.Module) -> list[str]:
    """Return the folders inside the model's that a module adds to `sys.path`, as far as they are written out."""
    found = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("sys.path.append", "sys.path.insert")
            and node.args
        ):
            given = node.args[-1]
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                found.append(_inside(given.value))
    return [path for path in found if path]


def _inside(path: str) -> str:
    """Return a folder relative to the model's, "" for one that is not inside it or is the model's own."""
    relative = os.path.normpath(os.path.relpath(path, HOME) if path.startswith("/") else path)
    return "" if relative in (".", "") or relative.split("/")[0] == ".." else relative
