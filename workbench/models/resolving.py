"""From what a model requires to a lock: wheels, commits of git repositories, and source distributions where need be."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.models.requirements import plain
from workbench.monobase.resolving import PLATFORM, default_uv, resolve
from workbench.packages import normalized_name

# What uv 0.13 says of a package of which there is no wheel.
_NO_WHEEL = re.compile(r"Wheels are required for `([A-Za-z0-9._-]+)`")
_NOT_BUILT = re.compile(r"Failed to build `([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)`")
# More packages without wheels than this are a mistake of another kind.
_MOST_SOURCES = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a lock is made from: requirements, constraints, the Python ("3.11"), overrides, and options of indexes.

    `build_constraints` hold for what builds packages without a wheel; they are no part of the digest.
    """

    requirements: Sequence[str]
    constraints: Sequence[str]
    python: str
    overrides: Sequence[str] = ()
    options: Sequence[str] = ()
    build_constraints: Sequence[str] = ()

    @property
    def digest(self) -> str:
        """The digest over everything that a lock is made from, except the index of this machine."""
        whole = {
            "requirements": self.requirements,
            "constraints": self.constraints,
            "python": self.python,
            "platform": PLATFORM,
        }
        # Only where they are given: earlier locks are of the same requirements as ever.
        whole |= {"overrides": self.overrides} if self.overrides else {}
        whole |= {"options": self.options} if self.options else {}
        return f"sha256:{hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Sources:
    """Packages without a wheel, and those of them whose needs could not be read, by name with the version."""

    built: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)


def resolve_packages(wanted: Wanted, lock: Path, *, about: str) -> Sources:
    """Write the lock of what is wanted, keeping the versions of an existing one; return which have no wheel.

    Such a package is taken as its source distribution, and is built from that in the image. One whose build fails on
    this machine (it wants a library of the system, say) is taken to need nothing. Raises WorkbenchError with uv's
    message when nothing fits.
    """
    built: list[str] = []
    unread: dict[str, str] = {}
    requirements = [plain(text) for text in wanted.requirements]
    while True:
        try:
            resolve(
                default_uv(),
                requirements,
                wanted.constraints,
                wanted.python,
                lock,
                about=about,
                overrides=wanted.overrides,
                flags=[*_written(wanted, unread, lock.parent), *_flags(wanted.options, os.environ), *_built(built)],
            )
            return Sources(tuple(built), unread)
        except WorkbenchError as error:
            text = f"{error.message} {error.hint}"
            new = sorted({normalized_name(name) for name in _NO_WHEEL.findall(text)} - set(built))
            failed = {normalized_name(name): version for name, version in _NOT_BUILT.findall(text)}
            failed = {name: version for name, version in failed.items() if name in built and name not in unread}
            if not (new or failed) or len(built) > _MOST_SOURCES:
                raise
            built += new
            unread |= failed


def _built(names: Sequence[str]) -> list[str]:
    return [part for name in names for part in ("--no-binary", name)]


def _written(wanted: Wanted, unread: Mapping[str, str], folder: Path) -> list[str]:
    """Write what holds for builds into files of `folder`, and return the flags that name them."""
    building = folder / "build-constraints.txt"
    building.write_text("".join(f"{line}\n" for line in wanted.build_constraints))
    flags = ["--build-constraint", str(building)]
    if unread:
        known = folder / "uv.toml"
        facts = ", ".join(f'{{ name = "{name}", version = "{version}" }}' for name, version in unread.items())
        known.write_text(f"dependency-metadata = [{facts}]\n")
        flags += ["--config-file", str(known)]
    return flags


def _flags(options: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield uv's flags for options of pip's. As pip, it then takes the best version of all indexes."""
    for option in options:
        name, _, value = option.partition(" ")
        if name == "--pre":
            yield from ("--prerelease", "allow")
        else:
            yield from (name, re.sub(r"\$\{(\w+)\}", lambda match: environment.get(match[1], match[0]), value))
    if any(option.startswith(("--index-url", "--extra-index-url")) for option in options):
        yield from ("--index-strategy", "unsafe-best-match")
