"""What the package index has of a package: versions, and which of them were yanked (PEP 503, 592 and 691)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from workbench.errors import UsageError
from workbench.indexes import MAIN
from workbench.lock.pages import IndexFile, index_client


@dataclass(frozen=True, slots=True)
class AvailableVersions:
    """What the index has of one package: installable versions, and yanked ones, each with the reason."""

    versions: frozenset[str] = frozenset()
    yanked: dict[str, str] = field(default_factory=dict)

    def has(self, version: str) -> bool:
        """Return whether `version` can be installed."""
        return version in self.versions or any(Version(each) == Version(version) for each in self.versions)

    def why_not(self, version: str) -> str:
        """Return why `version` cannot be installed: yanked, with the reason, or gone."""
        if version in self.yanked:
            reason = self.yanked[version]
            return f"was yanked{f': {reason}' if reason else ''}"
        return "is gone from the index"

    def above(self, version: str) -> list[str]:
        """Return the final versions after `version`, the newest first."""
        later = [each for each in map(Version, self.versions) if each > Version(version) and not each.is_prerelease]
        return [str(each) for each in sorted(later, reverse=True)]


def query(packages: Iterable[str], variable: str = MAIN) -> dict[str, AvailableVersions]:
    """Return what the index that `variable` names (pip's own by default) has of each of `packages`.

    Raises UsageError when no index is named and WorkbenchError when it does not answer. A package
    that it does not know has no versions.
    """
    index = os.environ.get(variable, "")
    if not index:
        hint = f"export {variable}=ADDRESS of the package index"
        raise UsageError(f"{variable}, which the Pipfiles name, is not set", hint=hint)
    with index_client() as client:
        return {name: _available(files) for name, files in client.files(index, packages).items()}


def _available(files: Iterable[IndexFile]) -> AvailableVersions:
    """Return the versions of files: one installable file is enough."""
    installable: set[str] = set()
    withdrawn: dict[str, str] = {}
    for file in files:
        version = _version(file.name)
        if version and file.yanked is None:
            installable.add(version)
        elif version:
            withdrawn[version] = file.yanked or ""
    yanked_only = {version: why for version, why in withdrawn.items() if version not in installable}
    return AvailableVersions(frozenset(installable), yanked_only)


def _version(file: str) -> str:
    """Return the version of a wheel or source archive, "" for any other file."""
    try:
        return str(parse_wheel_filename(file)[1] if file.endswith(".whl") else parse_sdist_filename(file)[1])
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return ""
