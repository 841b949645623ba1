"""One lock of a release, moved by z: what may move, what must, and the lock that comes of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from workbench.catalog.values import SecurityFix
from workbench.lock.pipenv import LOCK, exported, locked
from workbench.lock.pipfile import data_of, digest, tables_of
from workbench.lock.sources import sources_of
from workbench.packages import normalized_name
from workbench.release.index import AvailableVersions
from workbench.release.pins import categories_of, each_pin, keeps, pinned, range_of

# How often a lock is made until its categories agree on every package.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class ReleaseLock:
    """A lock of a release, and what it is made from and held to.

    `place` is its folder as errors name it, `pipfile` the whole text that it is made from, `data`
    the Pipfile.lock, `promise` the versions that it is held to.
    """

    place: str
    pipfile: str
    data: Mapping[str, Any]
    promise: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RelockPlan:
    """How a lock may change.

    `ranges` is what each package may be, by its name, and by name and version for a second version of
    it; `moves` whether anything can move at all; `refused` is what breaks the promise or is not
    available, `unmet` the security fixes that need more than z.
    """

    ranges: Mapping[str, str]
    moves: bool
    refused: tuple[str, ...]
    unmet: tuple[str, ...]


def plan(
    lock: ReleaseLock,
    available: Mapping[str, AvailableVersions],
    fixes: Collection[SecurityFix],
    allowed: Collection[str],
) -> RelockPlan:
    """Return how the packages of `lock` may move with what the index has."""
    ranges, refused, unmet, moves = {}, [], [], False
    direct = _specifiers(lock.pipfile)
    for name, pins in _pins(lock.data).items():
        versions, lowest = available.get(name, AvailableVersions()), min(pins, key=Version)
        for version, categories in pins.items():
            # The lowest is what is promised; another IDE's own version keeps its own x.y.
            is_lowest = version == lowest
            promised = lock.promise.get(name, version) if is_lowest else version
            key = name if is_lowest else _key(name, version)
            specifiers = [one for category, one in direct.get(name, []) if category in categories]
            later = [
                each
                for each in versions.above(version)
                if keeps(promised, each) and all(each in one for one in specifiers)
            ]
            least = _least(name, version, fixes)
            if name in allowed:
                ranges[key] = f">={least}" if Version(least) > Version(version) else f">={version}"
                moves = moves or bool(versions.above(version))
                continue
            if Version(least) > Version(version) and not any(Version(each) >= Version(least) for each in later):
                advisory = next(fix.advisory for fix in fixes if fix.package == name and fix.fixed == least)
                what = f"and there is no such {name}" if keeps(promised, least) else f"which needs --allow {name}"
                unmet.append(f"{name} {version} has {advisory}, fixed in {least}, {what}")
                least = version
            if not later and not versions.has(version):
                refused.append(f"{name} {version} {versions.why_not(version)}, and no other z of it is available")
            for one in specifiers:
                if not any(
                    keeps(promised, each) and one.contains(each, prereleases=True) for each in versions.versions
                ):
                    refused.append(f"{name} is promised as {promised}, and its Pipfile demands {one}: only z may move")
            ranges[key] = range_of(version, least)
            moves = moves or bool(later)
    return RelockPlan(ranges, moves, tuple(refused), tuple(unmet))


def _least(name: str, version: str, fixes: Collection[SecurityFix]) -> str:
    """Return the least version of a package without a known fault: `version`, or the highest that fixes one."""
    found = [version, *(fix.fixed for fix in fixes if fix.package == name)]
    return max(found, key=Version)


def _pins(data: Mapping[str, Any]) -> dict[str, dict[str, set[str]]]:
    """Return the versions that a lock pins of each package, each with the categories that have it."""
    found: dict[str, dict[str, set[str]]] = {}
    for category, entries in categories_of(data):
        for name, entry in entries.items():
            if version := pinned(entry):
                found.setdefault(normalized_name(name), {}).setdefault(version, set()).add(category)
    return found


def _key(name: str, version: str) -> str:
    """Return the key of the range of a version that is not the lowest one of its package."""
    return f"{name}=={version}"


def _specifiers(pipfile: str) -> dict[str, list[tuple[str, SpecifierSet]]]:
    """Return the version specifiers that the lines of a Pipfile have for each package, each with its category."""
    found: dict[str, list[tuple[str, SpecifierSet]]] = {}
    for category, name, value in _lines(pipfile):
        specifier = value.get("version", "*") if isinstance(value, dict) else value
        try:
            one = SpecifierSet("" if specifier == "*" else str(specifier))
            found.setdefault(normalized_name(name), []).append((category, one))
        except InvalidSpecifier:
            continue  # pipenv reports it better when it locks
    return found


def _lines(pipfile: str) -> Iterator[tuple[str, str, Any]]:
    for table, lines in tables_of(data_of(pipfile)):
        for name, value in lines.items():
            yield table, name, value


def relocked(
    lock: ReleaseLock, ranges: Mapping[str, str], allowed: Collection[str], interpreter: str
) -> dict[str, str]:
    """Return the new lock and its requirement lists by file name; nothing is written.

    Every package of the old lock is locked by name and range, so that dependencies stay within their
    ranges too; then moved versions are put into the old lock, and new packages are added.
    Raises WorkbenchError when it cannot be locked.
    """
    found: dict[str, Any] = {}
    further = [source.name for source in sources_of(data_of(lock.pipfile))[1:]]
    for _ in range(_ROUNDS):
        found = json.loads(locked(ranged(lock, ranges, allowed), interpreter, lock.place, one_pin=False)[LOCK])
        apart = _lower_of_two(lock.data)
        if not (lower := {name: version for name, version in _lower_of_two(found).items() if name not in apart}):
            break
        # pipenv fits every category to `packages` only: what two others have in two versions is held to the lower.
        ranges = {
            **ranges,
            **{name: f"{ranges.get(name, '')},<={version}".strip(",") for name, version in lower.items()},
        }
    data = {
        section: entries if section == "_meta" else _merged(entries, found.get(section, {}), further)
        for section, entries in lock.data.items()
    }
    text = of_pipfile(json.dumps(data).encode(), lock.pipfile)
    return {**exported(lock.pipfile, text, lock.place), LOCK: text}


def _lower_of_two(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the lower version of every package that categories of a lock have in more than one."""
    found: dict[str, set[str]] = {}
    for name, version in each_pin(data):
        found.setdefault(name, set()).add(version)
    return {name: min(versions, key=Version) for name, versions in found.items() if len(versions) > 1}


def of_pipfile(data: bytes, pipfile: str) -> str:
    """Return the text of a Pipfile.lock, which names the Pipfile of the text `pipfile` as its own."""
    lock = json.loads(data)
    lock["_meta"]["hash"] = {"sha256": digest(pipfile)}
    return json.dumps(lock, indent=4, separators=(",", ": "), sort_keys=True) + "\n"


def _merged(old: Mapping[str, Any], new: Mapping[str, Any], further: Collection[str]) -> dict[str, Any]:
    """Return the old entries with the versions and hashes of the new ones, and entries that only those have.

    Those keep the `further` index that they are from: the first one is named by the Pipfile's own lines only.
    """
    # The two may spell a package's name in different ways.
    spelling = {normalized_name(name): name for name in old}
    merged = {}
    for name, entry in new.items():
        known = spelling.get(normalized_name(name))
        if known is None:
            merged[name] = {key: value for key, value in entry.items() if key != "index" or value in further}
        elif old[known].get("version") != entry.get("version"):
            merged[known] = {**old[known], "version": entry["version"], "hashes": entry["hashes"]}
    return dict(sorted({**old, **merged}.items()))


def ranged(lock: ReleaseLock, ranges: Mapping[str, str], allowed: Collection[str]) -> str:
    """Return a Pipfile's text with every package of `lock`, each by its own line and its range."""
    whole = data_of(lock.pipfile)
    text: dict[str, Any] = {key: whole[key] for key in ("source", "requires", "pipenv") if key in whole}
    lower = _lower_of_two(lock.data)
    further = [source.name for source in sources_of(whole)[1:]]
    for category, entries in categories_of(lock.data):
        own = {normalized_name(name): value for table, name, value in _lines(lock.pipfile) if table == category}
        text[category] = {
            name: _line(
                own.get(normalized_name(name)),
                entry,
                _range_of(entry, normalized_name(name), lower, ranges),
                normalized_name(name) in allowed,
                further,
            )
            for name, entry in entries.items()
            if pinned(entry)
        }
    return tomli_w.dumps(text)


def _range_of(entry: Mapping[str, Any], name: str, lower: Mapping[str, str], ranges: Mapping[str, str]) -> str:
    """Return what a category's package may be: its own range where it is not the one that the ranges are made from."""
    version = pinned(entry)
    if name in lower and version != lower[name]:
        return ranges.get(_key(name, version), range_of(version))
    return ranges[name]


def _line(
    own: Any,  # noqa: ANN401
    entry: Mapping[str, Any],
    versions: str,
    is_allowed: bool,
    further: Collection[str],
) -> dict[str, Any]:
    line: dict[str, Any] = dict(own) if isinstance(own, dict) else {"version": own or "*"}
    if own is None:
        line |= {key: entry[key] for key in ("extras", "markers") if key in entry}
        # By name and range it would be looked for in the first index only.
        line |= {"index": entry["index"]} if entry.get("index") in further else {}
    specifier = line.get("version", "*")
    line["version"] = versions if specifier == "*" or is_allowed else f"{specifier},{versions}"
    return line


def beyond(lock: ReleaseLock, pins: Mapping[str, str], allowed: Sequence[str]) -> list[str]:
    """Return what of `pins` breaks the promise of `lock`, but for what is allowed."""
    return [
        f"{name} is promised as {lock.promise[name]}, and would be {version}: only z may move"
        for name, version in pins.items()
        if name in lock.promise and name not in allowed and not keeps(lock.promise[name], version)
    ]
