"""A generation: the environments it was resolved to, their locks, and the digest over all of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.locations import ROOT
from workbench.monobase.names import environment_name
from workbench.monobase.spec import FOLDER, GenerationSpec, read_spec, spec_names
from workbench.names import suggestion

DATA = ROOT / "monobase"
REQUIREMENTS = "requirements"
MATRIX = "matrix.json"
_FIELDS = ("name", "python", "torch", "cuda", "cudnn", "stack")


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of a generation.

    `python` is "3.11" and `full` the version to install where there is no Python 3.11 yet;
    `torch` is "2.10.0" or ""; `cuda` is "12.8", or "" when its packages bring none (a torch for the
    CPU has "cpu" in its name); `cudnn` is the major version; `stack` names one without torch;
    `requirements` is its lock, every package pinned with hashes.
    """

    name: str
    python: str
    full: str
    torch: str
    cuda: str
    cudnn: str
    stack: str
    requirements: Path


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation that is resolved: what its file specifies, its environments, and its digest (`sha256:…`)."""

    id: int
    name: str
    released: str
    pythons: Mapping[str, str]
    torch: tuple[str, ...]
    cuda: tuple[str, ...]
    cudnn: tuple[str, ...]
    packages: tuple[str, ...]
    environments: tuple[Environment, ...]
    digest: str

    def environment(self, name: str) -> Environment:
        """Return the environment of that name; raises WorkbenchError with the nearest when there is none."""
        for environment in self.environments:
            if environment.name == name:
                return environment
        hint = suggestion(name, [environment.name for environment in self.environments])
        raise WorkbenchError(f"{self.name} has no environment {name!r}", hint=hint)


def load_all(folder: Path = DATA) -> list[Generation]:
    """Return every generation of the data `folder`, oldest first; raises WorkbenchError like `load`."""
    return [load(folder, name) for name in spec_names(folder)]


def load(folder: Path, name: str) -> Generation:
    """Return the generation `name` of the data `folder`, and check that nothing of it is missing or changed.

    Raises WorkbenchError when it is not resolved yet, when the matrix and the locks do not agree,
    and when it is released and its digest is another now (fault M2).
    """
    if name not in (names := spec_names(folder)):
        raise WorkbenchError(f"there is no generation {name!r}", hint=suggestion(name, names), where=str(folder))
    generation = resolved(folder, read_spec(folder, name))
    spec = read_spec(folder, name)
    if spec.is_released and generation.digest != spec.digest:
        raise WorkbenchError(
            f"{name} was released as {spec.digest}, and is {generation.digest} now",
            hint="undo the change: a released generation never changes; add a new one instead",
            where=f"{folder.name}/{FOLDER}/{name}.toml",
        )
    return generation


def resolved(folder: Path, spec: GenerationSpec) -> Generation:
    """Return the generation of `spec` with its matrix and locks as they are now, whatever it was released as."""
    below = folder / REQUIREMENTS / spec.name
    where = f"{folder.name}/{REQUIREMENTS}/{spec.name}"
    rows = _rows(below, where)
    listed, present = {f"{row['name']}.txt" for row in rows}, {file.name for file in below.glob("*.txt")}
    for names, what in (
        (listed - present, "is in the matrix and has no lock"),
        (present - listed, "is not in the matrix"),
    ):
        if names:
            raise WorkbenchError(
                f"{min(names)} {what}", hint=f"resolve it again with `{here('monobase update')}`", where=where
            )
    environments = []
    for row in rows:
        if row["python"] not in spec.pythons:
            raise WorkbenchError(
                f"{row['name']} has a Python that {spec.name} does not have", where=f"{where}/{MATRIX}"
            )
        lock = below / f"{row['name']}.txt"
        environments.append(Environment(**row, full=spec.pythons[row["python"]], requirements=lock))
    return Generation(
        id=spec.id,
        name=spec.name,
        released=spec.released,
        pythons=spec.pythons,
        torch=spec.torch,
        cuda=spec.cuda,
        cudnn=spec.cudnn,
        packages=spec.packages,
        environments=tuple(environments),
        digest=digest(spec, rows, {environment.name: environment.requirements for environment in environments}),
    )


def digest(spec: GenerationSpec, rows: list[dict[str, str]], locks: Mapping[str, Path]) -> str:
    """Return the digest over the specification, the matrix and every byte of the locks; not over the release's date."""
    fields = {key: value for key, value in asdict(spec).items() if key not in ("released", "digest")}
    digests = {name: hashlib.sha256(lock.read_bytes()).hexdigest() for name, lock in locks.items()}
    whole = json.dumps({"spec": fields, "matrix": rows, "locks": digests}, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def _rows(below: Path, where: str) -> list[dict[str, str]]:
    path = below / MATRIX
    try:
        rows: Any = json.loads(path.read_text())["environments"]
        checked = [{field: row[field] for field in _FIELDS} for row in rows]
        if any(set(row) != set(_FIELDS) or not all(isinstance(text, str) for text in row.values()) for row in rows):
            raise KeyError("field")
    except FileNotFoundError:
        hint = f"resolve it with `{here('monobase update')}`"
        raise WorkbenchError("the generation is not resolved yet", hint=hint, where=where) from None
    except (KeyError, TypeError, ValueError):
        hint = f"run `{here('monobase update')}`, which writes it, again"
        raise WorkbenchError("is not a valid matrix", hint=hint, where=f"{where}/{MATRIX}") from None
    for row in checked:
        cuda = row["cuda"] or "cpu"
        named = environment_name(
            row["python"], torch=row["torch"], cuda=cuda if row["torch"] else "", stack=row["stack"]
        )
        if row["name"] != named:
            raise WorkbenchError(f"{row['name']!r} should be named {named}", where=f"{where}/{MATRIX}")
    return checked
