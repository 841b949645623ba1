"""What a model's Python files define, without running them: does the class that cog.yaml names exist?"""

from __future__ import annotations

import ast
import os

from workbench.errors import WorkbenchError
from workbench.names import suggestion

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def parsed(folder: str, reference: str) -> ast.Module:
    """Return the syntax tree of the file that `reference` ("predict.py:Predictor") points into.

    Raises WorkbenchError when it does not exist or is not Python.
    """
    path = os.path.join(folder, reference.partition(":")[0])
    try:
        with open(path, "rb") as file:
            return ast.parse(file.read(), path)
    except OSError as error:
        raise WorkbenchError(f"cannot be read: {error.strerror}", where=path) from None
    except SyntaxError as error:
        raise WorkbenchError(f"is not Python: {error.msg}", where=f"{path}:{error.lineno or 1}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise WorkbenchError(f"is not Python: {error}", where=path) from None


def definition(folder: str, reference: str) -> Definition | None:
    """Return the class or function that `reference` points at; None when the file imports it.

    Raises WorkbenchError like `parsed`, and when the file has nothing of that name.
    """
    file, _, name = reference.partition(":")
    tree = parsed(folder, reference)
    found = {node.name: node for node in tree.body if isinstance(node, Definition)}
    if name in found:
        return found[name]
    others = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    others |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    if name in others or "*" in others:
        return None
    raise WorkbenchError(f"{file} has no {name!r}: {suggestion(name, found)}", where=os.path.join(folder, file))


def method(found: Definition) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return what is called for a prediction: the function itself, or the class's `predict` or `run`."""
    if not isinstance(found, ast.ClassDef):
        return found
    methods = {node.name: node for node in found.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return methods.get("predict") or methods.get("run")
