"""Resolving a generation: its matrix and a lock with hashes for each environment, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from workbench.catalog.pairs import Pairs
from workbench.errors import WorkbenchError
from workbench.monobase.generation import MATRIX, REQUIREMENTS
from workbench.monobase.locks import Pin, read_lock
from workbench.monobase.names import PREFIX, generation_name
from workbench.monobase.plan import Plan, Wanted, plan
from workbench.monobase.prefix import Prefix
from workbench.monobase.spec import Spec, read_spec, spec_names
from workbench.monobase.uv import Uv, find_uv
from workbench.recipes.exchange import exchange

# What the wheels of the environments are for: glibc 2.28 is c9s's and bookworm's both.
PLATFORM = "x86_64-manylinux_2_28"

Tell = Callable[[str], None]


def active(folder: Path, least: int | None, most: int | None) -> list[Spec]:
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


def update(folder: Path, spec: Spec, pairs: Pairs, tell: Tell) -> Plan:
    """Resolve `spec` and put its matrix and locks into the data `folder`, all of them or none; return its plan.

    The locks of the generation before it are where resolving starts from, so that a generation
    with one package bumped differs in that package and what it needs.
    """
    made = plan(spec, pairs)
    target = folder / REQUIREMENTS / spec.name
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{spec.name}.", dir=target.parent))
    try:
        staged.chmod(0o755)
        rows = []
        for number, wanted in enumerate(made.wanted, 1):
            tell(f"{spec.name} [{number}/{len(made.wanted)}] {wanted.name}")
            lock = staged / f"{wanted.name}.txt"
            before = folder / REQUIREMENTS / generation_name(spec.id - 1) / lock.name
            if before.exists():
                shutil.copyfile(before, lock)
            resolve(wanted, spec.pythons[wanted.python], lock)
            rows.append(_row(wanted, read_lock(lock), pairs))
        (staged / MATRIX).write_text(json.dumps({"id": spec.id, "environments": rows}, indent=2) + "\n")
        if target.exists():
            exchange(str(staged), str(target))
        else:
            staged.rename(target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return made


def resolve(wanted: Wanted, full: str, lock: Path) -> None:
    """Write the lock of `wanted`, for Python `full`; what `lock` holds already is kept where it can be.

    Wheels only: a source would run its own build, as it likes, on every host.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, within = Path(folder, "requirements.in"), Path(folder, "constraints.txt")
        asked.write_text("".join(f"{line}\n" for line in wanted.requirements))
        within.write_text("".join(f"{line}\n" for line in wanted.constraints))
        command = ["pip", "compile", str(asked), "--constraint", str(within), "--output-file", str(lock)]
        command += ["--python", sys.executable, "--python-version", full, "--python-platform", PLATFORM]
        command += ["--generate-hashes", "--only-binary", ":all:", "--no-header", "--no-annotate"]
        _uv().run(*command, "--no-strip-extras", about=f"resolving {wanted.name}")


def _uv() -> Uv:
    """Return uv with the cache of whoever resolves: nothing is installed here, so it need not be below a prefix."""
    cache = os.environ.get("UV_CACHE_DIR") or os.path.join(os.path.expanduser("~"), ".cache", "uv")
    return find_uv(Prefix.at(os.environ.get("MONOBASE_PREFIX") or PREFIX)).with_cache(cache)


def _row(wanted: Wanted, pins: Mapping[str, Pin], pairs: Pairs) -> dict[str, str]:
    """Return the matrix's row, with the CUDA and cuDNN that the lock really brings.

    Raises WorkbenchError when a torch's are not those of its row in the table.
    """
    runtime = next((pins[name].version for name in pairs.cuda_wheels if name in pins), "")
    deep = next((pins[name].version for name in pairs.cudnn_wheels if name in pins), "")
    found = replace(wanted, cuda=".".join(runtime.split(".")[:2]), cudnn=deep.partition(".")[0])
    if wanted.torch and (found.cuda, found.cudnn) != (wanted.cuda, wanted.cudnn):
        raise WorkbenchError(
            f"{wanted.name} was resolved with CUDA {found.cuda or 'none'} and cuDNN {found.cudnn or 'none'}",
            hint=f"correct torch {wanted.torch} in releases/compat.toml, or pin what it floats to",
        )
    return {field: getattr(found, field) for field in ("name", "python", "torch", "cuda", "cudnn", "stack")}
