"""Repairing what verify finds: from what is still good and proved to be so, else from a mirror or the package, by hash.

Nothing is changed where it is: what is made is made in the stage and put into its place by a rename. An environment is
put together again as a whole, and only when its marker and the records of all its packages agree on what it was; so
a damaged record alone removes nothing. Processes that run on an environment keep what they have open.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.damage import MARKER, RECORD, Damage, VerifyReport
from workbench.monobase.environment import LINK, EnvironmentMarker, assemble, is_recorded, manifest_of, read_marker
from workbench.monobase.frame import config_text
from workbench.monobase.install import Toolchain, fetched
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.prefix import staged
from workbench.monobase.records import restore_record
from workbench.monobase.store import digest
from workbench.monobase.tidy import tidy, write_conflicts
from workbench.monobase.wheels import Wheel, below_site, bytecode_path


@dataclass(slots=True)
class RepairReport:
    """What was repaired, and what could not be, with the reason."""

    repaired: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Origin:
    """Where the files of one entry are, and what they come from: packages (with a Python and path), or the frame."""

    folders: list[str] = field(default_factory=list)
    packages: list[tuple[Wheel, Interpreter, str]] = field(default_factory=list)
    frames: list[Interpreter] = field(default_factory=list)


def repair(tools: Toolchain, verified: VerifyReport, locks: Mapping[str, str] | None = None) -> RepairReport:
    """Repair what `verified` names; the caller holds the prefix's lock.

    `locks` are the paths of the generations' locks by their sha256: a record can be made again only with one. What
    cannot be repaired stays as it is, and is named with the reason.
    """
    report = RepairReport()
    tidy(tools.prefix, [damage for damage in verified.damage if not damage.environment], report.repaired, report.failed)
    markers = _markers(tools)
    _repair_records(tools, verified, markers, dict(locks or {}), report)
    if verified.damaged_entries or any(damage.kind == RECORD for damage in verified.damage):
        _repair_store(tools, set(verified.damaged_entries), markers, report)
    _repair_environments(tools, verified, markers, report)
    report.repaired += write_conflicts(tools.prefix)
    return report


def _markers(tools: Toolchain) -> dict[str, EnvironmentMarker]:
    """Return the markers of all environments that have a good one, by their folder."""
    folders = [path for folder in layout.folders(tools.prefix) for path in folder.environments()]
    folders += layout.cogs_beside(tools.prefix)
    return {folder: marker for folder in folders if (marker := read_marker(folder)) is not None}


def _repair_records(
    tools: Toolchain,
    verified: VerifyReport,
    markers: Mapping[str, EnvironmentMarker],
    locks: dict[str, str],
    report: RepairReport,
) -> None:
    """Make the damaged records again that an environment is made of, and remove the others."""
    named = {os.path.basename(damage.path).removesuffix(".json") for damage in verified.damage if damage.kind == RECORD}
    for folder, marker in markers.items():
        if os.path.isfile(f"{folder}.txt"):
            locks.setdefault(marker.lock, f"{folder}.txt")
    for key in sorted(named):
        owners = {folder: marker for folder, marker in markers.items() if key in marker.wheels}
        try:
            if not owners:
                tools.wheels.drop(key)
                report.repaired.append(f"record {key}: no environment has it, and it is gone")
            else:
                restore_record(tools, key, owners, locks)
                report.repaired.append(f"record {key}")
        except WorkbenchError as error:
            report.failed.append((f"record {key}", error.message))


def _repair_environments(
    tools: Toolchain, verified: VerifyReport, markers: Mapping[str, EnvironmentMarker], report: RepairReport
) -> None:
    damaged: dict[str, list[Damage]] = defaultdict(list)
    for damage in verified.damage:
        if damage.environment:
            damaged[damage.environment].append(damage)
    for environment, every in damaged.items():
        folder = tools.prefix.below(environment)
        marker = markers.get(folder)
        reason = ""
        if marker is None or any(damage.kind == MARKER for damage in every):
            reason = f"its marker is damaged: {_again()}"
        elif not is_recorded(marker, tools.wheels):
            reason = f"the records of its packages are not those that it was made of: {_again()}"
        else:
            try:
                assemble(tools, folder, marker.lock, marker.python, list(marker.wheels), marker.digest)
            except WorkbenchError as error:
                reason = f"there is no good copy of all of its files ({error.message})"
        if reason:
            report.failed += [(damage.where, reason) for damage in every]
        else:
            report.repaired += [damage.where for damage in every]


def _again() -> str:
    return f"`{here('monobase build')}` makes it again"


def _repair_store(
    tools: Toolchain, damaged: set[str], markers: Mapping[str, EnvironmentMarker], report: RepairReport
) -> None:
    """Give the store good files for the `damaged` entries, and for what the records that were made again name."""
    origins = _origins(tools, markers)
    entries = damaged | {entry for entry in origins if not tools.store.is_whole(entry)}
    needed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in sorted(entries):
        origin = origins.get(entry, _Origin())
        good = next((path for path in [tools.store.path(entry), *origin.folders] if _is_good(path, entry)), None)
        if good is not None:
            # A copy: the store's file must not be one that was written to before.
            with staged(tools.prefix, "restore") as aside:
                _store(tools, entry, shutil.copyfile(good, os.path.join(aside, "copy")), report)
        elif origin.packages:
            wheel, python, _ = origin.packages[0]
            # By record: another version of a package is another one.
            needed[wheel.key, python.path].append(entry)
        elif origin.frames:
            with staged(tools.prefix, "restore") as aside:
                file = os.path.join(aside, "config")
                with open(file, "w", encoding="utf-8") as opened:
                    opened.write(config_text(origin.frames[0]))
                _store(tools, entry, file, report)
        elif entry in origins:
            report.failed.append((f"store: {entry}", "there is no good copy of it, and nothing makes it again"))
        else:
            tools.store.drop(entry)
            report.repaired.append(f"store: {entry}, which nothing uses")
    for (key, _), listed in needed.items():
        for entry in listed:
            tools.store.drop(entry)
        restored = tools.mirrors.restore(tools.prefix, tools.store, key, listed)
        report.repaired += [f"store: {entry}" for entry in sorted(restored)]
        if left := [entry for entry in listed if entry not in restored]:
            _refetch(tools, {entry: origins[entry].packages[0] for entry in left}, report)


def _refetch(tools: Toolchain, needed: dict[str, tuple[Wheel, Interpreter, str]], report: RepairReport) -> None:
    """Fetch one package again and take what is needed from it; bytecode is compiled from its source again."""
    wheel, python, _ = next(iter(needed.values()))
    sources = {bytecode_path(path, python.tag): path for path in wheel.files if path.endswith(".py")}
    try:
        with fetched(tools, python, wheel.options, wheel.locked) as root:
            compiled = {
                below_site(sources[path]): os.path.join(root, sources[path])
                for _, _, path in needed.values()
                if path in sources
            }
            made = tools.compilers.compile(python, compiled, os.path.join(root, ".bytecode"))
            for entry, (_, _, path) in needed.items():
                of_source = made.get(below_site(sources[path])) if path in sources else None
                _store(tools, entry, of_source or os.path.join(root, path), report)
    except WorkbenchError as error:
        report.failed += [(f"store: {entry}", error.message) for entry in needed]


def _store(tools: Toolchain, entry: str, file: str, report: RepairReport) -> None:
    if _is_good(file, entry):
        tools.store.replace(entry, file)
        report.repaired.append(f"store: {entry}")
    else:
        report.failed.append((f"store: {entry}", "what was fetched or made again differs"))


def _is_good(file: str, entry: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(file).st_mode) and digest(file) == entry.removesuffix("-x")
    except OSError:
        return False


def _origins(tools: Toolchain, markers: Mapping[str, EnvironmentMarker]) -> dict[str, _Origin]:
    """Return every entry that is in use: where its file should be, and what it came from."""
    found: dict[str, _Origin] = defaultdict(_Origin)
    for folder, marker in markers.items():
        for key in marker.wheels:
            wheel = tools.wheels.get(key)
            for path, entry in wheel.files.items() if wheel else ():
                found[entry].packages.append((wheel, marker.python, path))  # type: ignore[arg-type]
        for entry in marker.frame.values():
            if not entry.startswith(LINK):
                found[entry].frames.append(marker.python)
        if os.path.dirname(folder).startswith(tools.prefix.below(layout.COG)):
            found[marker.lock].folders.append(f"{folder}.txt")
        if is_recorded(marker, tools.wheels):
            for path, entry in manifest_of(tools.wheels, marker.wheels, marker.frame).items():
                if not entry.startswith(LINK):
                    found[entry].folders.append(os.path.join(folder, path))
    for key in tools.wheels.keys():  # noqa: SIM118 - a method of ours
        for entry in wheel.files.values() if (wheel := tools.wheels.get(key)) else ():
            found[entry]
    return found
