"""Locked requirements: one exact version a package, with the hashes that its wheel may have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError
from workbench.packages import normalized_name

_PASSWORD = re.compile(r"://[^/@\s]+@")
# A commit has no hash of another kind: its name is one.
_COMMIT = re.compile(r"git\+\S+@[0-9a-f]{40}(?:#\S*)?")
_HASH = re.compile(r"\s--hash[=\s]sha256:([0-9a-f]{64})(?=\s|$)")
# Which options a requirements file may have: where to look. (Whatever is fetched from there must match its hash.)
_OPTIONS = (
    "--index-url",
    "--extra-index-url",
    "--find-links",
    "--no-index",
    "--only-binary",
    "--no-binary",
    "-i",
    "-f",
)


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One package of a lock: its normalised name, and the requirement with its hashes in a form of our own."""

    name: str
    text: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class LockFile:
    """A requirements file that is locked: the packages by name, and the options for all of them."""

    path: str
    packages: tuple[LockedPackage, ...]
    options: tuple[str, ...]


def read_lock(path: str, *, commits: bool = False) -> LockFile:
    """Return what the requirements file at `path` locks, by name; with `commits` also commits of git repositories.

    Raises WorkbenchError when it cannot be read, and FaultsError with every line that is not locked.
    """
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"the requirements cannot be read: {error}", where=path) from None
    packages: dict[str, LockedPackage] = {}
    options: list[str] = []
    faults: list[tuple[str, str]] = []
    for number, line in _logical(lines):
        try:
            if line.startswith("-"):
                options.append(_option(line))
                continue
            locked = _locked(line, commits=commits)
            if locked.name in packages:
                raise ValueError(f"{locked.name} is locked twice")
            packages[locked.name] = locked
        except ValueError as error:
            faults.append((f"{path}:{number}", str(error)))
    if faults:
        hint = f"`{here('monobase update')}` writes locked requirements"
        raise FaultsError("the requirements are not locked", faults, hint=hint)
    return LockFile(path, tuple(packages[name] for name in sorted(packages)), tuple(options))


def _logical(lines: list[str]) -> list[tuple[int, str]]:
    """Return each requirement or option with the number of its first line: joined, without comments."""
    found: list[tuple[int, str]] = []
    joined, first = "", 0
    for number, line in enumerate(lines, 1):
        text = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        first = first if joined else number
        if text.endswith("\\"):
            joined += text[:-1] + " "
            continue
        joined += text
        if joined.strip():
            found.append((first, joined.strip()))
        joined = ""
    return [*found, (first, joined.strip())] if joined.strip() else found


def _option(line: str) -> str:
    name = re.split(r"[=\s]", line, maxsplit=1)[0]
    if name not in _OPTIONS:
        raise ValueError(f"{name} is not allowed in a lock")
    if _PASSWORD.search(line):
        raise ValueError("an address with a password is not allowed in a lock: set it in UV_DEFAULT_INDEX")
    return line


def _locked(line: str, *, commits: bool) -> LockedPackage:
    hashes = sorted(set(_HASH.findall(line)))
    text = " ".join(_HASH.sub(" ", line).split())
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(f"{text!r} is not a requirement: {str(error).splitlines()[0]}") from None
    pins = [part for part in requirement.specifier if part.operator in ("==", "===") and "*" not in part.version]
    if not pins and requirement.url is None:
        raise ValueError(f"{requirement.name} has no exact version: it must be written as NAME==VERSION")
    if not hashes and not (commits and _COMMIT.fullmatch(requirement.url or "")):
        raise ValueError(f"{requirement.name} has no hash (--hash=sha256:…)")
    name = normalized_name(requirement.name)
    return LockedPackage(
        name, " ".join((text, *(f"--hash=sha256:{one}" for one in hashes))), requirement.marker is not None
    )
