"""A model's lock: every package with its version and hashes, beside cog.yaml, with what it was made from."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.files import replace_text
from workbench.models.resolving import Wanted, resolve_packages
from workbench.monobase.requirements import LockedPackage, read_lock
from workbench.packages import normalized_name

LOCK = "model.lock"
# What a weightless model has beyond its environment of monobase.
WEIGHTLESS_LOCK = "weightless.lock"
_HEAD = "# The packages of this model, by `wizard.py model`. Keep it: the same lock gives the same packages.\n"
_BUILT = "# built from source: "
_UNREAD = "# taken to need nothing: "
_INPUTS = re.compile(r"^# made from (sha256:[0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ModelLock:
    """A lock: its text, the digest of that, the packages, and whether the file beside cog.yaml is this one.

    `options` say where packages are looked for, `sources` are the packages without a wheel, and `unread` those of
    them whose requirements could not be read; `name` is that of its file.
    """

    text: str
    packages: tuple[LockedPackage, ...]
    is_kept: bool
    options: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    name: str = LOCK

    @property
    def digest(self) -> str:
        """The digest over the whole of it."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"

    @property
    def versions(self) -> dict[str, str]:
        """The version of each package, by its normalised name; of a wheel at an address, that address."""
        return {package.name: version_of(package) for package in self.packages}

    def without(self, installed: Mapping[str, str]) -> str:
        """Return the lines of those packages with wheels that are not in `installed`, and where to look for them."""
        return self._listed(
            each.text
            for each in self.packages
            if each.name not in installed and " --hash=" in each.text and each.name not in self.sources
        )

    def sources_without(self, installed: Mapping[str, str]) -> str:
        """Return the lines of those packages without wheels that are not in `installed`, and where to look for them."""
        return self._listed(
            each.text for each in self.packages if each.name not in installed and each.name in self.sources
        )

    def _listed(self, packages: Iterable[str]) -> str:
        lines = list(packages)
        return "".join(f"{line}\n" for line in ((*self.options, *lines) if lines else ()))

    def commits_without(self, installed: Mapping[str, str]) -> str:
        """Return the lines of those packages that are commits of git repositories and not in `installed`."""
        lines = (each.text for each in self.packages if each.name not in installed and " --hash=" not in each.text)
        return "".join(f"{line}\n" for line in lines)


def lock_of(folder: str, wanted: Wanted, *, locked: bool = False, name: str = LOCK) -> ModelLock:
    """Return the lock `name` of the model in `folder`: the kept one if it was made from just this, else a new one.

    A new one keeps the versions of the old one where it can, and is not written. With `locked` none is
    made. Raises WorkbenchError when nothing fits, with uv's message; FaultsError for a damaged lock.
    """
    path = os.path.join(folder, name)
    kept = _kept(path)
    if kept and (match := _INPUTS.search(kept)) is not None and match[1] == wanted.digest:
        return _lock(kept, path, is_kept=True)
    if locked:
        what = "was made from other requirements" if kept else "does not exist"
        raise WorkbenchError(
            f"{name} {what}, and --locked makes none",
            where=path,
            hint=f"`{here('model check FOLDER --lock')}` makes it",
        )
    with tempfile.TemporaryDirectory(prefix="model-") as staged:
        made = Path(staged, name)
        if kept:
            made.write_text(kept)
        sources = resolve_packages(wanted, made, about=f"locking the packages of {folder}")
        built = f"{_BUILT}{' '.join(sources.built)}\n" if sources.built else ""
        built += f"{_UNREAD}{' '.join(sources.unread)}\n" if sources.unread else ""
        places = "".join(f"{option}\n" for option in wanted.options if option != "--pre")
        made.write_text(f"{_HEAD}# made from {wanted.digest}\n{built}{places}{_without_comments(made.read_text())}")
        return _lock(made.read_text(), str(made), is_kept=False)


def read_kept(folder: str) -> ModelLock:
    """Return the lock that `folder` has, whatever it was made from; an empty one when it has none.

    Raises FaultsError for a damaged one.
    """
    path = os.path.join(folder, LOCK)
    kept = _kept(path)
    return _lock(kept, path, is_kept=True) if kept else ModelLock("", (), False)


def kept_versions(folder: str) -> dict[str, str]:
    """Return the versions that the lock in `folder` has by name; none when it has no lock."""
    return read_kept(folder).versions


def keep(folder: str, lock: ModelLock) -> None:
    """Put the lock beside cog.yaml; raises WorkbenchError when it cannot be written."""
    path = os.path.join(folder, lock.name)
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


def _lock(text: str, path: str, *, is_kept: bool) -> ModelLock:
    read = read_lock(path, commits=True)
    built, unread = (
        next((tuple(line.removeprefix(head).split()) for line in text.splitlines() if line.startswith(head)), ())
        for head in (_BUILT, _UNREAD)
    )
    return ModelLock(text, read.packages, is_kept, read.options, built, unread, os.path.basename(path))


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
