"""Repairing what verify finds: from a copy that is still good, else from the package, by the locked hash."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.environment import DONE, LINK, manifest_of, place_entry, read_marker
from workbench.monobase.frame import config_text
from workbench.monobase.install import Toolchain, fetched
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.prefix import staged
from workbench.monobase.store import digest
from workbench.monobase.verify import CHANGED, EXTRA, MARKER, MISSING, RECORD, Damage, VerifyReport
from workbench.monobase.wheels import Wheel, below_site, bytecode_path


def _again() -> str:
    return f"`{here('monobase build')}` makes it again"


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


def repair(tools: Toolchain, verified: VerifyReport) -> RepairReport:
    """Repair what `verified` names, in every environment; the caller holds the prefix's lock.

    A good file replaces the damaged one by a rename, so a process that has the old one open keeps it. An
    environment whose marker or records are damaged cannot be repaired: it loses its marker, stays where it
    is, and a build replaces it.
    """
    report = RepairReport()
    _unmark(tools, [damage for damage in verified.damage if damage.kind in (MARKER, RECORD)], report)
    named = {damage.entry for damage in verified.damage if damage.kind in (CHANGED, MISSING)}
    entries = {entry for entry in named if not entry.startswith(LINK)}
    damaged = {*verified.damaged_entries, *(entry for entry in entries if not tools.store.is_whole(entry))}
    if damaged:
        _repair_store(tools, damaged, report)
    for damage in verified.damage:
        if damage.kind in (CHANGED, MISSING, EXTRA):
            _repair(tools, damage, report)
    return report


def _unmark(tools: Toolchain, every: Iterable[Damage], report: RepairReport) -> None:
    for damage in every:
        folder = tools.prefix.below(damage.environment)
        paths = [os.path.join(folder, DONE), os.path.join(os.path.dirname(folder), DONE)]
        if damage.kind == RECORD:
            paths.append(tools.wheels.path(damage.path.removesuffix(".json")))
        for path in paths:
            if os.path.lexists(path):
                os.unlink(path)
        report.failed.append((damage.environment, f"{damage.kind}: {_again()}"))


def _repair(tools: Toolchain, damage: Damage, report: RepairReport) -> None:
    """Replace a file by the stored one, or by its link."""
    name = f"{damage.environment}/{damage.path}"
    path = tools.prefix.below(name)
    if damage.kind == EXTRA:
        os.unlink(path)
    elif not damage.entry.startswith(LINK) and not tools.store.is_whole(damage.entry):
        report.failed.append((name, "there is no good copy of it"))
        return
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with staged(tools.prefix, "repair") as aside:
            beside = os.path.join(aside, "file")
            place_entry(tools.store, damage.entry, beside)
            if os.path.isdir(path) and not os.path.islink(path):
                os.rename(path, os.path.join(aside, "folder"))
            os.rename(beside, path)
    report.repaired.append(name)


def _repair_store(tools: Toolchain, entries: set[str], report: RepairReport) -> None:
    """Give the store good files for `entries`."""
    origins = _origins(tools, entries)
    needed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in sorted(entries):
        origin = origins[entry]
        good = next((path for path in origin.folders if _is_good(path, entry)), None)
        if good is not None:
            # A copy: the store's file must not be one that was written to before.
            with staged(tools.prefix, "restore") as aside:
                _store(tools, entry, shutil.copyfile(good, os.path.join(aside, "copy")), report)
        elif origin.packages:
            wheel, python, _ = origin.packages[0]
            needed[wheel.locked.name, python.path].append(entry)
        elif origin.frames:
            with staged(tools.prefix, "restore") as aside:
                file = os.path.join(aside, "config")
                with open(file, "w", encoding="utf-8") as opened:
                    opened.write(config_text(origin.frames[0]))
                _store(tools, entry, file, report)
        else:
            os.unlink(tools.store.path(entry))
            report.repaired.append(f"store: {entry}, which nothing uses")
    for listed in needed.values():
        _refetch(tools, {entry: origins[entry].packages[0] for entry in listed}, report)


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
    return os.path.isfile(file) and not os.path.islink(file) and digest(file) == entry.removesuffix("-x")


def _origins(tools: Toolchain, entries: set[str]) -> dict[str, _Origin]:
    """Return where each of `entries` is, or should be, and what it came from."""
    found = {entry: _Origin([tools.store.path(entry)]) for entry in entries}
    for generation in layout.folders(tools.prefix):
        for folder in generation.environments():
            marker = read_marker(folder)
            if marker is None:
                continue
            for key in marker.wheels:
                wheel = tools.wheels.get(key)
                for path, entry in wheel.files.items() if wheel else ():
                    if wheel and entry in found:
                        found[entry].packages.append((wheel, marker.python, path))
            for entry in marker.frame.values():
                if entry in found and not entry.startswith(LINK):
                    found[entry].frames.append(marker.python)
            for path, entry in manifest_of(tools.wheels, marker.wheels, marker.frame).items():
                if entry in found:
                    found[entry].folders.append(os.path.join(folder, path))
    return found
