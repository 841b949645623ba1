"""A package of an image, whatever the source of the information."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

PYPI, DEB, RPM, VSCODE = "pypi", "deb", "rpm", "vscode-extension"


@dataclass(frozen=True, slots=True)
class Package:
    """A package: `kind` is the type of its package URL, "" when only its name is known.

    `namespace` and `qualifiers` are those of the package URL; `hashes` are the SHA-256 of the files
    that the lock allows; `origins` are the lists that name it; `index` is the variable of the further package index
    that they take it from.
    """

    kind: str
    name: str
    version: str = ""
    namespace: str = ""
    qualifiers: tuple[tuple[str, str], ...] = ()
    hashes: tuple[str, ...] = ()
    licence: str = ""
    origins: tuple[str, ...] = ()
    index: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it one package: two of the same key are the same."""
        return (self.kind, self.namespace, self.name, self.version, *(f"{k}={v}" for k, v in self.qualifiers))


def joined(packages: Iterable[Package]) -> list[Package]:
    """Return `packages`, each once and in order, merging what each mention has."""
    found: dict[tuple[str, ...], Package] = {}
    for package in packages:
        known = found.get(package.key)
        found[package.key] = package if known is None else _both(known, package)
    return [found[key] for key in sorted(found)]


def _both(one: Package, other: Package) -> Package:
    return replace(
        one,
        hashes=tuple(sorted({*one.hashes, *other.hashes})),
        licence=one.licence or other.licence,
        origins=tuple(sorted({*one.origins, *other.origins})),
    )
