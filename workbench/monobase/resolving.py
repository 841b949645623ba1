"""Resolving requirements with uv: exact versions with hashes, of wheels for the platform of the images."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from workbench.errors import WorkbenchError
from workbench.indexes import index_variables
from workbench.monobase.names import PREFIX, X86
from workbench.monobase.prefix import Prefix
from workbench.monobase.requirements import read_lock
from workbench.monobase.uv import Uv, find_uv
from workbench.packages import normalized_name

# glibc 2.28 is older than that of every system that an image can be made for.
GLIBC = "manylinux_2_28"
PLATFORM = f"{X86}-{GLIBC}"


def resolve(
    uv: Uv,
    requirements: Sequence[str],
    constraints: Sequence[str],
    python: str,
    lock: Path,
    *,
    about: str,
    overrides: Sequence[str] = (),
    flags: Sequence[str] = (),
    platform: str = X86,
) -> None:
    """Write the lock of `requirements` for `python` ("3.11" or "3.11.18"), keeping the versions of an existing one.

    `overrides` are taken in place of what any package requires of the same name; `flags` are further ones of uv's.
    Wheels only: a source distribution would run its own build on every host. Raises WorkbenchError
    with uv's message, which names both sides of a contradiction.
    """
    with tempfile.TemporaryDirectory() as folder:
        unlocked, constrained = Path(folder, "requirements.in"), Path(folder, "constraints.txt")
        unlocked.write_text("".join(f"{line}\n" for line in requirements))
        constrained.write_text("".join(f"{line}\n" for line in constraints))
        command = [
            "pip",
            "compile",
            str(unlocked),
            "--constraint",
            str(constrained),
            "--output-file",
            str(lock),
            "--quiet",
        ]
        command += ["--python", sys.executable, "--python-version", python.removesuffix("t")]
        command += ["--python-platform", f"{platform}-{GLIBC}"]
        command += ["--generate-hashes", "--only-binary", ":all:", "--no-header", "--no-annotate", "--no-strip-extras"]
        if overrides:
            replaced = Path(folder, "overrides.txt")
            replaced.write_text("".join(f"{line}\n" for line in overrides))
            command += ["--override", str(replaced)]
        uv.run(*command, *flags, about=about)


def default_uv() -> Uv:
    """Return uv with the user's own cache: nothing is installed, so it need not be below a prefix."""
    cache = os.environ.get("UV_CACHE_DIR") or os.path.join(os.path.expanduser("~"), ".cache", "uv")
    return find_uv(Prefix.at(os.environ.get("MONOBASE_PREFIX") or PREFIX)).with_cache(cache)


def versions(lock: Path) -> dict[str, str]:
    """Return the version of each package of a lock of ours, by normalised name.

    Raises FaultsError for lines that are not locked, and WorkbenchError for an option: ours have none, but for a
    second index by its variable.
    """
    read = read_lock(str(lock))
    if further := [option for option in read.options if not index_variables(option)]:
        raise WorkbenchError(f"{further[0]!r} is not allowed in the lock of a generation", where=str(lock))
    return {package.name: _version(package.text) for package in read.packages}


def _version(text: str) -> str:
    return next((part.version for part in Requirement(text.partition(" --hash=")[0]).specifier), "")


@dataclass(frozen=True, slots=True)
class SplitLock:
    """What is new in a lock: the packages by name, and the user's folders and files, as requirements name them."""

    names: frozenset[str]
    local: tuple[str, ...]


def split_lock(whole: Path, lock: Path, installed: Container[str]) -> SplitLock:
    """Write to `lock` what `whole` pins with hashes and `installed` does not have; return that and what is local."""
    blocks: list[str] = []
    for line in whole.read_text().splitlines(keepends=True):
        if line[:1].isspace() and blocks:
            blocks[-1] += line
        elif line.strip():
            blocks.append(line)
    names, local, kept = set[str](), list[str](), list[str]()
    for block in blocks:
        if "--hash=" not in block:
            local.append(block.partition("\\")[0].strip())
            continue
        name = normalized_name(Requirement(re.split(r"[\\\s]+--hash", block)[0].strip()).name)
        if name not in installed:
            names.add(name)
            kept.append(block)
    lock.write_text("".join(kept))
    return SplitLock(frozenset(names), tuple(local))
