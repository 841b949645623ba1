"""Asking uv for a lock: exact versions with hashes, of wheels for the platform of the images."""

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
from workbench.monobase.names import PREFIX
from workbench.monobase.prefix import Prefix
from workbench.monobase.requirements import read_lock
from workbench.monobase.uv import Uv, find_uv
from workbench.packages import normalized_name

# glibc 2.28 is older than that of every system that an image can be made for.
PLATFORM = "x86_64-manylinux_2_28"


def resolve(
    uv: Uv, requirements: Sequence[str], constraints: Sequence[str], python: str, lock: Path, *, about: str
) -> None:
    """Write the lock of `requirements` for `python` ("3.11" or "3.11.18"); what it holds already is kept if it can be.

    Wheels only: a source would run its own build, as it likes, on every host. Raises WorkbenchError
    with uv's words, which name both sides where two contradict each other.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, within = Path(folder, "requirements.in"), Path(folder, "constraints.txt")
        asked.write_text("".join(f"{line}\n" for line in requirements))
        within.write_text("".join(f"{line}\n" for line in constraints))
        command = ["pip", "compile", str(asked), "--constraint", str(within), "--output-file", str(lock), "--quiet"]
        command += ["--python", sys.executable, "--python-version", python, "--python-platform", PLATFORM]
        command += ["--generate-hashes", "--only-binary", ":all:", "--no-header", "--no-annotate", "--no-strip-extras"]
        uv.run(*command, about=about)


def usual_uv() -> Uv:
    """Return uv with the cache of whoever resolves: nothing is installed then, so it need not be below a prefix."""
    cache = os.environ.get("UV_CACHE_DIR") or os.path.join(os.path.expanduser("~"), ".cache", "uv")
    return find_uv(Prefix.at(os.environ.get("MONOBASE_PREFIX") or PREFIX)).with_cache(cache)


def versions(lock: Path) -> dict[str, str]:
    """Return the version of each package of a lock of ours, by normalised name.

    Raises FaultsError for lines that are not locked, and WorkbenchError for an option: ours have none.
    """
    read = read_lock(str(lock))
    if read.options:
        raise WorkbenchError(f"{read.options[0]!r} has no place in the lock of a generation", where=str(lock))
    return {package.name: _version(package.text) for package in read.packages}


def _version(text: str) -> str:
    return next((part.version for part in Requirement(text.partition(" --hash=")[0]).specifier), "")


@dataclass(frozen=True, slots=True)
class Split:
    """What is new in a lock: the packages by name, and the folders and files of the user's, as pip is told of them."""

    names: frozenset[str]
    local: tuple[str, ...]


def split_lock(whole: Path, lock: Path, held: Container[str]) -> Split:
    """Write to `lock` what `whole` pins with hashes and `held` has not; return that and what is local."""
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
        if name not in held:
            names.add(name)
            kept.append(block)
    lock.write_text("".join(kept))
    return Split(frozenset(names), tuple(local))
