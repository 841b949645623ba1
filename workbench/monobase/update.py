"""Resolving a generation: its matrix and a lock with hashes for each environment, written whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from workbench.catalog.compatibility import CompatibilityTable
from workbench.errors import WorkbenchError
from workbench.files import exchange
from workbench.monobase.generation import MATRIX, REQUIREMENTS
from workbench.monobase.matrix import EnvironmentSpec, Matrix, matrix_of
from workbench.monobase.names import generation_name
from workbench.monobase.resolving import default_uv, resolve, versions
from workbench.monobase.spec import GenerationSpec, read_spec, spec_names

Log = Callable[[str], None]


def active(folder: Path, least: int | None, most: int | None) -> list[GenerationSpec]:
    """Return the generations to resolve: those of the range, or, without one, all that are not released.

    Raises WorkbenchError when the range holds a released one: it never changes.
    """
    specs = [read_spec(folder, name) for name in spec_names(folder)]
    if least is None and most is None:
        chosen = [spec for spec in specs if not spec.is_released]
        missing = "every generation is released"
    else:
        chosen = [spec for spec in specs if (least or 0) <= spec.id and (most is None or spec.id <= most)]
        missing = "there is no generation in that range"
    if released := [spec.name for spec in chosen if spec.is_released]:
        raise WorkbenchError(
            f"{', '.join(released)}: released, and a released generation never changes",
            hint="add a new generation, or begin the range after it with --min-gen-id",
        )
    if not chosen:
        raise WorkbenchError(missing, hint="add one below generations/", where=str(folder))
    return chosen


def update(folder: Path, spec: GenerationSpec, pairs: CompatibilityTable, log: Log) -> Matrix:
    """Resolve `spec` and put its matrix and locks into the data `folder`, all of them or none; return the matrix.

    The locks of the generation before it are where resolving starts from, so that a generation
    with one package bumped differs in that package and what it needs.
    """
    matrix, uv = matrix_of(spec, pairs), default_uv()
    target = folder / REQUIREMENTS / spec.name
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{spec.name}.", dir=target.parent))
    try:
        staged.chmod(0o755)
        rows = []
        for number, environment in enumerate(matrix.environments, 1):
            log(f"{spec.name} [{number}/{len(matrix.environments)}] {environment.name}")
            lock = staged / f"{environment.name}.txt"
            before = folder / REQUIREMENTS / generation_name(spec.id - 1) / lock.name
            if before.exists():
                shutil.copyfile(before, lock)
            full, about = spec.pythons[environment.python], f"resolving {environment.name}"
            resolve(uv, environment.requirements, environment.constraints, full, lock, about=about)
            rows.append(_row(environment, versions(lock), pairs))
        (staged / MATRIX).write_text(json.dumps({"id": spec.id, "environments": rows}, indent=2) + "\n")
        if target.exists():
            exchange(str(staged), str(target))
        else:
            staged.rename(target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return matrix


def _row(environment: EnvironmentSpec, pins: Mapping[str, str], pairs: CompatibilityTable) -> dict[str, str]:
    """Return the matrix's row, with the CUDA and cuDNN that the lock really brings.

    Raises WorkbenchError when a torch's are not those of its row in the table.
    """
    runtime = next((pins[name] for name in pairs.cuda_wheels if name in pins), "")
    deep = next((pins[name] for name in pairs.cudnn_wheels if name in pins), "")
    found = replace(environment, cuda=".".join(runtime.split(".")[:2]), cudnn=deep.partition(".")[0])
    if environment.torch and (found.cuda, found.cudnn) != (environment.cuda, environment.cudnn):
        raise WorkbenchError(
            f"{environment.name} was resolved with CUDA {found.cuda or 'none'} and cuDNN {found.cudnn or 'none'}",
            hint=f"correct torch {environment.torch} in releases/compat.toml, or pin what it floats to",
        )
    return {field: getattr(found, field) for field in ("name", "python", "torch", "cuda", "cudnn", "stack")}
