"""Resolving a generation: its matrix and a lock with hashes for each environment, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from workbench.catalog.compatibility import CompatibilityTable
from workbench.errors import WorkbenchError
from workbench.files import exchange
from workbench.monobase.builds import TorchBuilds
from workbench.monobase.generation import MATRIX, REQUIREMENTS, lock_name
from workbench.monobase.locking import lock_text, unmet
from workbench.monobase.matrix import EnvironmentSpec, Matrix, matrix_of
from workbench.monobase.names import X86, generation_name
from workbench.monobase.resolved_locks import ResolvedLocks
from workbench.monobase.resolving import default_uv, versions
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


def update(
    folder: Path,
    spec: GenerationSpec,
    pairs: CompatibilityTable,
    log: Log,
    *,
    builds: Sequence[TorchBuilds] = (),
    jobs: int = 1,
) -> tuple[Matrix, dict[str, str]]:
    """Resolve `spec` and put its matrix and locks into the data `folder`, all of them or none.

    Returns the matrix, and which environments got no lock, each with the variable of the index that nobody named: such
    a row keeps the lock that somebody else made of it, while that still has what is pinned. The locks of this
    generation, else of the one before it, are where resolving starts from, so that a generation with one package bumped
    differs in that package and what it needs. `jobs` are resolved at once; what was resolved before a run was killed is
    not resolved again.
    """
    matrix, uv = matrix_of(spec, pairs, builds), default_uv()
    target = folder / REQUIREMENTS / spec.name
    target.parent.mkdir(parents=True, exist_ok=True)
    resolved, unlocked = ResolvedLocks.at(target), dict[str, str]()
    staged = Path(tempfile.mkdtemp(prefix=f".{spec.name}.", dir=target.parent))

    def lock(environment: EnvironmentSpec) -> str:
        name = f"{lock_name(environment.name, environment.platform)}.txt"
        older = folder / REQUIREMENTS / generation_name(spec.id - 1) / name
        before = target / name if (target / name).exists() else older
        if environment.index and not os.environ.get(environment.index, "").strip():
            kept = target / name
            return kept.read_text() if kept.exists() and not _unmet(kept, environment) else ""
        full = spec.pythons[environment.python]
        return resolved.get(environment, full, before, lambda: lock_text(uv, environment, full, before))

    try:
        staged.chmod(0o755)
        rows = []
        with ThreadPoolExecutor(jobs) as threads:
            futures = [threads.submit(lock, environment) for environment in matrix.environments]
            try:
                for number, (environment, future) in enumerate(zip(matrix.environments, futures, strict=True), 1):
                    label = lock_name(environment.name, environment.platform)
                    text = future.result()
                    log(f"{spec.name} [{number}/{len(futures)}] {label}{'' if text else ': not locked'}")
                    if not text:
                        unlocked[label] = environment.index
                        rows.append({**_fields(environment), "unlocked": environment.index})
                        continue
                    path = staged / f"{label}.txt"
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(text)
                    rows.append(_row(environment, versions(path), pairs))
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        listed = ",\n".join(f"    {json.dumps(row)}" for row in rows)
        (staged / MATRIX).write_text(f'{{\n  "id": {spec.id},\n  "environments": [\n{listed}\n  ]\n}}\n')
        if target.exists():
            exchange(str(staged), str(target))
        else:
            staged.rename(target)
        resolved.drop()
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return matrix, unlocked


def _unmet(lock: Path, environment: EnvironmentSpec) -> bool:
    return any(unmet(versions(lock), environment.requirements))


def _fields(environment: EnvironmentSpec) -> dict[str, str]:
    fields = ("name", "python", "torch", "cuda", "cudnn", "stack")
    row = {field: getattr(environment, field) for field in fields}
    return row if environment.platform == X86 else {**row, "platform": environment.platform}


def _row(environment: EnvironmentSpec, pins: Mapping[str, str], pairs: CompatibilityTable) -> dict[str, str]:
    """Return the matrix's row, with the CUDA and cuDNN that the lock really brings.

    Raises WorkbenchError when a torch's are not those of its row in the table.
    """
    runtime = next((pins[name] for name in pairs.cuda_wheels if name in pins), "")
    deep = next((pins[name] for name in pairs.cudnn_wheels if name in pins), "")
    found = replace(environment, cuda=".".join(runtime.split(".")[:2]), cudnn=deep.partition(".")[0])
    if environment.index and not found.cuda:
        # Builds of old torches have their CUDA inside; the build's own version names it, and was required.
        found = replace(found, cuda=environment.cuda)
    expected = (environment.cuda, environment.cudnn or found.cudnn)
    if environment.torch and (found.cuda, found.cudnn) != expected:
        raise WorkbenchError(
            f"{environment.name} was resolved with CUDA {found.cuda or 'none'} and cuDNN {found.cudnn or 'none'}",
            hint=f"correct torch {environment.torch} in releases/compat.toml, or pin what it floats to",
        )
    return _fields(found)
