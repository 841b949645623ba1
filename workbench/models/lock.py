"""A model's lock: every package with its version and hashes, beside cog.yaml, with what it was made from."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.files import replace_text
from workbench.monobase.requirements import LockedPackage, read_lock
from workbench.monobase.resolving import PLATFORM, default_uv, resolve
from workbench.packages import normalized_name

LOCK = "model.lock"
_HEAD = "# The packages of this model, by `wizard.py model`. Keep it: the same lock gives the same packages.\n"
_INPUTS = re.compile(r"^# made from (sha256:[0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ModelLock:
    """A lock: its text, the digest of that, the packages, and whether the file beside cog.yaml is this one."""

    text: str
    packages: tuple[LockedPackage, ...]
    is_kept: bool

    @property
    def digest(self) -> str:
        """The digest over the whole of it."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"

    @property
    def versions(self) -> dict[str, str]:
        """The version of each package, by its normalised name; of a wheel at an address, that address."""
        return {package.name: version_of(package) for package in self.packages}

    def without(self, installed: Mapping[str, str]) -> str:
        """Return the lines of those packages that are not in `installed`."""
        return "".join(f"{package.text}\n" for package in self.packages if package.name not in installed)


def inputs_digest(
    requirements: Sequence[str], constraints: Sequence[str], python: str, overrides: Sequence[str] = ()
) -> str:
    """Return the digest over everything that a lock is made from, except the index."""
    whole = {"requirements": requirements, "constraints": constraints, "python": python, "platform": PLATFORM}
    whole |= {"overrides": overrides} if overrides else {}
    return f"sha256:{hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()}"


def lock_of(
    folder: str,
    requirements: Sequence[str],
    constraints: Sequence[str],
    python: str,
    *,
    overrides: Sequence[str] = (),
    locked: bool = False,
) -> ModelLock:
    """Return the lock of the model in `folder`: the kept one if it was made from just this, else a new one.

    A new one keeps the versions of the old one where it can, and is not written. With `locked` none is
    made. Raises WorkbenchError when nothing fits, with uv's message; FaultsError for a damaged lock.
    """
    path = os.path.join(folder, LOCK)
    inputs = inputs_digest(requirements, constraints, python, overrides)
    kept = _kept(path)
    if kept and (match := _INPUTS.search(kept)) is not None and match[1] == inputs:
        return ModelLock(kept, _read(path), True)
    if locked:
        what = "was made from other requirements" if kept else "does not exist"
        raise WorkbenchError(
            f"{LOCK} {what}, and --locked makes none",
            where=path,
            hint=f"`{here('model check FOLDER --lock')}` makes it",
        )
    with tempfile.TemporaryDirectory(prefix="model-") as staged:
        made = Path(staged, LOCK)
        if kept:
            made.write_text(kept)
        about = f"locking the packages of {folder}"
        resolve(default_uv(), requirements, constraints, python, made, about=about, overrides=overrides)
        made.write_text(f"{_HEAD}# made from {inputs}\n{_without_comments(made.read_text())}")
        return ModelLock(made.read_text(), _read(str(made)), False)


def kept_versions(folder: str) -> dict[str, str]:
    """Return the versions that the lock in `folder` has by name; none when it has no lock."""
    path = os.path.join(folder, LOCK)
    return {package.name: version_of(package) for package in _read(path)} if os.path.exists(path) else {}


def keep(folder: str, lock: ModelLock) -> None:
    """Put the lock beside cog.yaml; raises WorkbenchError when it cannot be written."""
    path = os.path.join(folder, LOCK)
    try:
        replace_text(path, lock.text)
    except OSError as error:
        raise WorkbenchError(f"cannot be written: {error.strerror}", where=path) from None


def version_of(package: LockedPackage) -> str:
    """Return the version that a lock has of a package, or the address of its wheel."""
    requirement = Requirement(package.text.partition(" --hash=")[0])
    return requirement.url or next((part.version for part in requirement.specifier), "")


def names_of(requirements: Sequence[str]) -> list[str]:
    """Return the normalised names of requirements, each once."""
    return list(dict.fromkeys(normalized_name(Requirement(text).name) for text in requirements))


def _kept(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        raise WorkbenchError("the lock cannot be read", where=path, hint="remove it, and it is made again") from None


def _read(path: str) -> tuple[LockedPackage, ...]:
    read = read_lock(path)
    if read.options:
        raise WorkbenchError(f"{read.options[0]!r} is not allowed in a model's lock", where=path)
    return read.packages


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
