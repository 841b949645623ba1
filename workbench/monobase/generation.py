"""A generation: the environments it was resolved to, their locks, and the digest over all of it."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.locations import ROOT
from workbench.monobase.names import PLATFORMS, X86, environment_name
from workbench.monobase.spec import FOLDER, GenerationSpec, read_spec, spec_names
from workbench.names import suggestion

_LOCK_HINT = "set the variable to the address of that index, and resolve the generation with `monobase update`"

DATA = ROOT / "monobase"
REQUIREMENTS = "requirements"
MATRIX = "matrix.json"
_FIELDS = ("name", "python", "torch", "cuda", "cudnn", "stack")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
# Not in every row, so that a matrix which needs neither has the digest that it always had.
_MORE = ("platform", "unlocked")


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of a generation.

    `python` is "3.11" and `full` the version to install where there is no Python 3.11 yet;
    `torch` is "2.10.0" or ""; `cuda` is "12.8", or "" when its packages bring none (a torch for the
    CPU has "cpu" in its name); `cudnn` is the major version; `stack` names one without torch;
    `requirements` is its lock, every package pinned with hashes; `platform` is the machine it is for.
    """

    name: str
    python: str
    full: str
    torch: str
    cuda: str
    cudnn: str
    stack: str
    requirements: Path
    platform: str = X86


@dataclass(frozen=True, slots=True)
class UnlockedEnvironment:
    """An environment that is declared without a lock: the index of that variable was not reached at resolving."""

    name: str
    python: str
    torch: str
    cuda: str
    platform: str
    variable: str

    @property
    def reason(self) -> str:
        """Why it cannot be made."""
        return f"it is not locked: its packages are in the index ${{{self.variable}}}, which was not reached"


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation that is resolved: what its file specifies, its environments, and its digest (`sha256:…`).

    `environments` are those for this machine, `elsewhere` those for others, `unlocked` those without a lock. The digest
    covers all of them. `default` says whether commands take it that name no generation.
    """

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
    elsewhere: tuple[Environment, ...] = ()
    unlocked: tuple[UnlockedEnvironment, ...] = ()
    default: bool = True

    @property
    def every(self) -> tuple[Environment, ...]:
        """All environments that have a lock, whatever machine they are for."""
        return self.environments + self.elsewhere

    @property
    def variables(self) -> frozenset[str]:
        """The variables of the indexes that those without a lock need on this machine."""
        return frozenset(one.variable for one in self.unlocked_here)

    @property
    def unlocked_here(self) -> tuple[UnlockedEnvironment, ...]:
        """Those without a lock that are for this machine."""
        return tuple(one for one in self.unlocked if one.platform == machine())

    def environment(self, name: str) -> Environment:
        """Return the environment of that name; raises WorkbenchError with the nearest when there is none."""
        for environment in self.environments:
            if environment.name == name:
                return environment
        for unlocked in self.unlocked_here:
            if unlocked.name == name:
                raise WorkbenchError(f"{self.name} has {name}, but {unlocked.reason}", hint=_LOCK_HINT)
        hint = suggestion(name, [environment.name for environment in self.environments])
        raise WorkbenchError(f"{self.name} has no environment {name!r}", hint=hint)


def machine() -> str:
    """Return the platform of this machine, as rows name it."""
    return {"arm64": "aarch64", "amd64": X86}.get(platform.machine().lower(), platform.machine().lower())


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
    listed = {lock_path(row) for row in rows if "unlocked" not in row}
    present = {str(file.relative_to(below)) for pattern in ("*.txt", "*/*.txt") for file in below.glob(pattern)}
    for names, what in (
        (listed - present, "is in the matrix and has no lock"),
        (present - listed, "is not in the matrix"),
    ):
        if names:
            raise WorkbenchError(
                f"{min(names)} {what}", hint=f"resolve it again with `{here('monobase update')}`", where=where
            )
    environments, unlocked, ours = list[Environment](), list[UnlockedEnvironment](), machine()
    for row in rows:
        if row["python"] not in spec.pythons:
            raise WorkbenchError(
                f"{row['name']} has a Python that {spec.name} does not have", where=f"{where}/{MATRIX}"
            )
        place = row.get("platform", X86)
        if "unlocked" in row:
            unlocked.append(
                UnlockedEnvironment(row["name"], row["python"], row["torch"], row["cuda"], place, row["unlocked"])
            )
            continue
        fields = {field: row[field] for field in _FIELDS}
        full, lock = spec.pythons[row["python"]], below / lock_path(row)
        environments.append(Environment(**fields, full=full, requirements=lock, platform=place))
    return Generation(
        id=spec.id,
        name=spec.name,
        released=spec.released,
        pythons=spec.pythons,
        torch=spec.torch,
        cuda=spec.cuda,
        cudnn=spec.cudnn,
        packages=spec.packages,
        environments=tuple(one for one in environments if one.platform == ours),
        elsewhere=tuple(one for one in environments if one.platform != ours),
        unlocked=tuple(unlocked),
        default=spec.default,
        digest=digest(spec, rows, {lock_name(one.name, one.platform): one.requirements for one in environments}),
    )


def lock_name(name: str, machine_: str) -> str:
    """Return what the lock of an environment is called below the generation's folder, without its ending."""
    return name if machine_ == X86 else f"{machine_}/{name}"


def lock_path(row: Mapping[str, str]) -> str:
    """Return where the lock of a row of the matrix is, below the generation's folder."""
    return f"{lock_name(row['name'], row.get('platform', X86))}.txt"


def digest(spec: GenerationSpec, rows: list[dict[str, str]], locks: Mapping[str, Path]) -> str:
    """Return the digest over the specification, the matrix and every byte of the locks; not over the release's date."""
    fields = {key: value for key, value in asdict(spec).items() if key not in ("released", "digest")}
    # They came later: a generation that sets neither has the digest that it was released with.
    for key, usual in (("platforms", (X86,)), ("default", True)):
        if fields[key] == usual:
            del fields[key]
    digests = {name: hashlib.sha256(lock.read_bytes()).hexdigest() for name, lock in locks.items()}
    whole = json.dumps({"spec": fields, "matrix": rows, "locks": digests}, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def _rows(below: Path, where: str) -> list[dict[str, str]]:
    path = below / MATRIX
    try:
        rows: Any = json.loads(path.read_text())["environments"]
        checked = [
            {field: row[field] for field in (*_FIELDS, *(more for more in _MORE if more in row))} for row in rows
        ]
        for row in rows:
            if not set(row) <= {*_FIELDS, *_MORE} or not all(isinstance(text, str) for text in row.values()):
                raise KeyError("field")
            if row.get("platform", X86) not in PLATFORMS or not _VARIABLE.fullmatch(row.get("unlocked", "X")):
                raise KeyError("platform")
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
