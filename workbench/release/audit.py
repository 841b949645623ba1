"""Are there known holes in what a release or an image is made of? Locks, SBOMs and pinned tools against advisories."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.version import Version

from workbench.attest.locked import locked_packages
from workbench.attest.package import PYPI
from workbench.catalog.values import Catalogue, Release
from workbench.catalog.views import at_release
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.lock.pipenv import LOCK
from workbench.packages import normalized_name
from workbench.recipes.read import read_files, read_manifest
from workbench.release.advisories import Advisories
from workbench.release.folder import frozen_paths
from workbench.release.osv import TOOL
from workbench.release.pins import each_pin, keeps

# A pinned tool of more than a year: in that time every one of them had fixes.
OLD_DAYS = 365

# What is audited: by its place, the packages of Python with their versions.
Pinned = Mapping[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A known hole: where, in which version of which package, which advisory, the version without it ("": none)."""

    where: str
    package: str
    version: str
    advisory: str
    fixed: str
    summary: str = ""

    @property
    def message(self) -> str:
        """What is wrong, in a line."""
        cure = f"fixed in {self.fixed}" if self.fixed else "no version is said to be without it"
        return f"{self.package.removeprefix(TOOL)} {self.version} has {self.advisory}, {cure}"


def lock_pins(catalogue: Catalogue, name: str) -> Pinned:
    """Return what the locks of the release `name` pin, by their folder as it is in the catalogue."""
    view = at_release(catalogue, name)
    found = {}
    for path in frozen_paths(view.tree, view.releases[name]):
        if path.endswith(f"/{LOCK}"):
            place = view.tree.place(path)
            try:
                found[place.rpartition("/")[0]] = frozenset(each_pin(json.loads(view.tree.read(path))))
            except (ValueError, AttributeError, TypeError) as error:
                raise WorkbenchError(f"is no lock of pipenv: {error!r}", where=place) from None
    return found


def tool_pins(release: Release) -> Pinned:
    """Return the tools and extensions that `release` pins, by the name under which advisories about them are kept."""
    return {
        f"{release.path} [{table}]": frozenset([(f"{TOOL}{normalized_name(name)}", each.get("version", ""))])
        for table, name, _, each in _pinned_programs(release)
    }


def _pinned_programs(release: Release) -> Iterator[tuple[str, str, str, Mapping[str, str]]]:
    """Yield the table, the name, what it is for and the pins of all that the file of `release` pins by itself."""
    for tool, systems in release.tools.items():
        for system, each in systems.items():
            yield f"tools.{tool}.{system}", tool, system, each
    for name, each in release.extensions.items():
        yield f'extensions."{name}"', name, "VS Code", each


def excepted(findings: Iterable[Finding], release: Release, today: str) -> tuple[list[Finding], list[str]]:
    """Return the findings that count on the day `today`, and a line for each that the release lives with.

    An exception holds for its package and its advisory, by any of its names, until its day. One that finds nothing is
    reported too.
    """
    kept: list[Finding] = []
    lines: dict[str, None] = {}
    used: set[int] = set()
    for each in findings:
        names = each.advisory.replace("(", " ").replace(")", " ").split()
        match = next(
            (
                (number, row)
                for number, row in enumerate(release.exceptions)
                if row.package == each.package.removeprefix(TOOL) and row.advisory in names
            ),
            None,
        )
        if match is None or (match[1].until and today > match[1].until):
            kept.append(each)
            used |= {match[0]} if match else set()
            continue
        used.add(match[0])
        until = f", until {match[1].until}" if match[1].until else ""
        lines[f"{each.message}; an exception{until}: {match[1].reason}"] = None
    for number, row in enumerate(release.exceptions):
        if number not in used:
            lines[f"{release.path}: [[exceptions]] names {row.advisory} of {row.package}, which was not found"] = None
    return kept, list(lines)


def recipe_pins(folder: str) -> Pinned:
    """Return what the recipe in `folder` installs."""
    packages = locked_packages(read_files(folder), read_manifest(folder).selection.python)
    return {folder: frozenset((each.name, each.version) for each in packages if each.kind == PYPI)}


def sbom_pins(path: str) -> tuple[Pinned, int]:
    """Return the packages of Python of a CycloneDX document, and how many of its components are of another kind.

    Raises WorkbenchError when it is none.
    """
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        if data["bomFormat"] != "CycloneDX":
            raise ValueError(data["bomFormat"])
        urls = [str(each.get("purl", "")) for each in data["components"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkbenchError(
            f"is no SBOM in CycloneDX's JSON: {error!r}",
            where=path,
            hint=f"`{here('sbom IMAGE --out FILE')}` writes one",
        ) from None
    pins = [url.removeprefix("pkg:pypi/").partition("?")[0] for url in urls if url.startswith("pkg:pypi/")]
    named = (pin.partition("@") for pin in pins)
    return {path: frozenset((normalized_name(name), version) for name, _, version in named)}, len(urls) - len(pins)


def holes(pinned: Pinned, advisories: Advisories) -> Iterator[Finding]:
    """Yield every known hole in what is `pinned`, by place and package."""
    for where, packages in sorted(pinned.items()):
        for package, version in sorted(packages):
            for each in advisories.about(package, version):
                yield Finding(where, package, version, each.label, each.fixed_in(version), each.summary)


def own_holes(pinned: Pinned, release: Release) -> Iterator[Finding]:
    """Yield what the release's own `[[security]]` rows find in what is `pinned`."""
    for where, packages in sorted(pinned.items()):
        for package, version in sorted(packages):
            for fix in release.security:
                if fix.package == package and Version(version) < Version(fix.fixed):
                    yield Finding(where, package, version, fix.advisory, fix.fixed)


def unused_rows(pinned: Pinned, release: Release) -> list[str]:
    """Return the packages of `[[security]]` rows that no lock has."""
    have = {package for packages in pinned.values() for package, _ in packages}
    return sorted({fix.package for fix in release.security} - have)


def old_tools(release: Release, today: str) -> list[str]:
    """Return the pinned tools that are old on the day `today`, and those whose age is not known, each in a line."""
    found = []
    for _, name, place, pins in _pinned_programs(release):
        what, released = f"{name} {pins.get('version', '')} for {place}", pins.get("released", "")
        try:
            days = (datetime.date.fromisoformat(today) - datetime.date.fromisoformat(released)).days
        except ValueError:
            found.append(f'{what}: its age is not known (add released = "2026-11-22" beside its version)')
            continue
        if days > OLD_DAYS:
            found.append(f"{what} is of {released}, {days} days old: look for a newer one")
    return found


def cure(release: Release, finding: Finding) -> str:
    """Return the command that takes the fix into a lock of `release`, "" where no version has one."""
    if not finding.fixed:
        return ""
    if finding.package.startswith(TOOL):
        table = "extensions" if "[extensions." in finding.where else "tools"
        return f"pin {finding.fixed} or newer in [{table}]"
    if release.own:
        more = "" if keeps(finding.version, finding.fixed) else f" --allow {finding.package}"
        return f"`{here(f'release update {release.name}{more}')}`"
    part, _, python = finding.where.rpartition("/")
    kind, _, folder = part.partition("/")
    if kind == "bundles" and python.startswith("py"):
        bundle = folder.partition("-")[2] or folder
        return f"`{here(f'lock --bundle {bundle} --python {python[2]}.{python[3:]} --force')}`"
    return f"`{here('lock --force')}`"
