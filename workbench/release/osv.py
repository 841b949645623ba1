"""Advisories in OSV's format (ossf.github.io/osv-schema, 1.7): which versions of a Python package one is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from workbench.errors import WorkbenchError
from workbench.packages import normalized_name

ECOSYSTEM = "PyPI"
# Pinned tools are no packages of Python: their advisories are under their names, whatever the ecosystem.
TOOL = "tool:"


@dataclass(frozen=True, slots=True)
class Advisory:
    """An advisory about one package of the Python index.

    `names` are its own name and its other ones (CVE-…, GHSA-…); `versions` are versions that have the fault,
    `ranges` pairs of the first version that has it and the end of the range; `summary` is one line.
    """

    names: tuple[str, ...]
    package: str
    versions: frozenset[str]
    ranges: tuple[AffectedRange, ...]
    summary: str = ""

    @property
    def label(self) -> str:
        """Its name, with the CVE where it has one."""
        cve = next((name for name in self.names[1:] if name.startswith("CVE-")), "")
        return f"{self.names[0]} ({cve})" if cve else self.names[0]

    def affects(self, version: str) -> bool:
        """Return whether `version` of the package has the fault; one that is no version has it if it is listed."""
        if version in self.versions:
            return True
        try:
            parsed = Version(version)
        except InvalidVersion:
            return False
        return any(parsed == known for known in map(_version, self.versions)) or any(
            each.holds(parsed) for each in self.ranges
        )

    def fixed_in(self, version: str) -> str:
        """Return the lowest version above `version` that is said to be without the fault, "" for none."""
        ends = [each.fixed for each in self.ranges if each.fixed is not None and each.fixed > Version(version)]
        return str(min(ends)) if ends else ""


@dataclass(frozen=True, slots=True)
class AffectedRange:
    """Versions from `first` on, up to `fixed` (not with it) or `last` (with it); without an end where both are None."""

    first: Version
    fixed: Version | None = None
    last: Version | None = None

    def holds(self, version: Version) -> bool:
        """Return whether `version` is in the range."""
        if version < self.first:
            return False
        if self.fixed is not None:
            return version < self.fixed
        return self.last is None or version <= self.last


def advisories_of(data: object, where: str) -> list[Advisory]:
    """Return what one OSV document says about Python packages; nothing when it was withdrawn.

    Raises WorkbenchError, with `where` it is from, for what is no OSV document.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("id"), str):
        raise WorkbenchError("is no advisory in OSV's format: it has no id", where=where)
    if data.get("withdrawn"):
        return []
    names = (data["id"], *(name for name in data.get("aliases") or () if isinstance(name, str)))
    summary = str(data.get("summary") or data.get("details") or "").partition("\n")[0]
    found = []
    try:
        for affected in data.get("affected") or ():
            package = affected.get("package") or {}
            ecosystem, name = str(package.get("ecosystem", "")).partition(":")[0], normalized_name(package["name"])
            name = name if ecosystem == ECOSYSTEM else f"{TOOL}{name}"
            ranges = tuple(each for one in affected.get("ranges") or () for each in _ranges(one))
            versions = frozenset(map(str, affected.get("versions") or ()))
            found.append(Advisory(names, name, versions, ranges, summary))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WorkbenchError(f"is no advisory in OSV's format: {error!r}", where=where) from None
    return found


def _ranges(data: Mapping[str, Any]) -> Iterator[AffectedRange]:
    """Yield the ranges of one `ranges` entry: its events in the order of versions, as OSV evaluates them."""
    if data.get("type") not in ("ECOSYSTEM", "SEMVER"):
        return
    first: Version | None = None
    events = [(key, str(value)) for event in data.get("events") or () for key, value in event.items()]
    known = {"introduced": 0, "last_affected": 1, "fixed": 2}
    ordered = sorted(
        ((_version(value), known[key]) for key, value in events if key in known), key=lambda event: (event[0], event[1])
    )
    for version, kind in ordered:
        if kind == 0:
            first = version if first is None else first
        elif first is not None:
            yield AffectedRange(first, fixed=version) if kind == 2 else AffectedRange(first, last=version)
            first = None
    if first is not None:
        yield AffectedRange(first)


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        # A version from before PEP 440 stands below all that are of it.
        return Version("0.dev0")
