"""What a lock pins, and what a release promises of it: within x.y, only z moves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import InvalidVersion, Version

from workbench.errors import WorkbenchError
from workbench.packages import normalized_name

# In the folder of a release: each package's version when it was frozen, which updates have to keep; a file a lock.
PROMISES = "promises"


def promise_path(folder: str) -> str:
    """Return where the promise of the lock in `folder` is in the folder of a release."""
    return f"{PROMISES}/{folder}.txt"


def pins_in(data: bytes, where: str) -> dict[str, str]:
    """Return what the Pipfile.lock in `data` pins, read from `where`; raises WorkbenchError when it is none."""
    try:
        return pins_of(json.loads(data))
    except (ValueError, AttributeError, TypeError) as error:
        raise WorkbenchError(f"is no lock of pipenv: {error!r}", where=where) from None


def categories_of(data: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each category of a lock that has packages, with its entries by package: `packages` is `default` there."""
    for name, entries in data.items():
        if name not in ("_meta", "develop") and isinstance(entries, dict):
            yield "packages" if name == "default" else name, entries


def pins_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of every package that a lock pins, whatever its category.

    The categories of two IDEs, which are never installed together, may have two of one package: then the lower one.
    """
    found: dict[str, str] = {}
    for name, version in each_pin(data):
        known = found.setdefault(name, version)
        if known != version:
            found[name] = min(known, version, key=Version)
    return found


def each_pin(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each package that a lock pins, by its normalised name, with its version, once for each category."""
    for _, entries in categories_of(data):
        for name, entry in entries.items():
            if version := pinned(entry):
                yield normalized_name(name), version


def pinned(entry: Mapping[str, Any]) -> str:
    """Return the version that a lock's entry pins, "" for none: what is for another platform has none."""
    text = str(entry.get("version", ""))
    return text.removeprefix("==") if text.startswith("==") else ""


def keeps(promised: str, version: str) -> bool:
    """Return whether `version` has the x.y of the one `promised`."""
    return version == promised or series(promised) == series(version)


def series(version: str) -> tuple[int, int, int]:
    """Return epoch, x and y of a version; one that is none of Python's raises WorkbenchError."""
    try:
        parsed = Version(version)
    except InvalidVersion:
        raise WorkbenchError(f"{version!r} is no version of a Python package") from None
    return parsed.epoch, parsed.major, parsed.minor


def range_of(version: str, least: str = "") -> str:
    """Return the specifier for a Pipfile with which only z moves, and never back, or below `least`."""
    parsed = Version(version)
    if parsed.is_prerelease:
        # There is no z in 9.37.0b0: what comes after it is another version.
        return f"=={version}"
    epoch, major, minor = series(version)
    above = least if least and Version(least) > parsed else parsed.public
    return f">={above},=={f'{epoch}!' if epoch else ''}{major}.{minor}.*"


def promise_text(pins: Mapping[str, str]) -> str:
    """Return the text of a promise: a package and its version a line."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def read_promise(text: str) -> dict[str, str]:
    """Return the pins of a promise's text."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {normalized_name(name): version for name, _, version in (line.partition("==") for line in lines if line)}
