"""Reading a lock: every package pinned to one version, with the hashes that its files may have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from workbench.errors import FaultsError, WorkbenchError

_HASH = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock: its version, and `sha256:…` of each file that may be installed for it."""

    name: str
    version: str
    hashes: tuple[str, ...]


def read_lock(path: Path) -> dict[str, Pin]:
    """Return the pins of the lock at `path` by normalised name.

    Raises FaultsError with every line that is not `NAME==VERSION --hash=sha256:…`: an index, an
    address, a folder or a version without hashes would install bytes that nobody has seen.
    """
    pins: dict[str, Pin] = {}
    faults: list[tuple[str, str]] = []
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"the lock cannot be read: {error}", where=str(path)) from None
    for number, line in _logical(text):
        try:
            pin = _pin(line)
            if pin.name in pins:
                raise ValueError(f"{pin.name} is locked twice")
            pins[pin.name] = pin
        except ValueError as error:
            faults.append((f"{path.parent.name}/{path.name}:{number}", str(error)))
    if faults:
        hint = "`monobase update` writes locks, with hashes"
        raise FaultsError(f"{path} is not a lock", faults, hint=hint)
    return pins


def _pin(line: str) -> Pin:
    words = re.split(r"\s+(?=--)", line)
    for word in words:
        if word.startswith("-") and not word.startswith("--hash="):
            raise ValueError(f"{word!r} has no place in a lock")
    hashes = tuple(word.removeprefix("--hash=") for word in words[1:])
    try:
        requirement = Requirement(words[0])
    except InvalidRequirement as error:
        raise ValueError(f"{words[0]!r} is not a requirement: {str(error).splitlines()[0]}") from None
    pinned = list(requirement.specifier)
    if requirement.url or len(pinned) != 1 or pinned[0].operator != "==" or pinned[0].version.endswith(".*"):
        raise ValueError(f"{words[0]!r} is not pinned to one version")
    if not hashes:
        raise ValueError(f"{words[0]} has no hashes")
    if wrong := [given for given in hashes if not _HASH.fullmatch(given)]:
        raise ValueError(f"{wrong[0]!r} is not a sha256")
    return Pin(canonicalize_name(requirement.name), pinned[0].version, hashes)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Yield each logical line with the number of its first line, comments and continuations gone."""
    begun, whole = 0, ""
    for number, line in enumerate([*text.splitlines(), ""], 1):
        bare = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if not whole:
            begun = number
        if bare.endswith("\\"):
            whole += bare[:-1].strip() + " "
            continue
        whole = (whole + bare.strip()).strip()
        if whole:
            yield begun, whole
        whole = ""
