"""Mending what verify finds: from a copy that is still good, else from the package, by the hash that is locked."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.environment import DONE, LINK, lay_entry, manifest_of, read_marker
from workbench.monobase.frame import config_text
from workbench.monobase.install import Workshop, fetched
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.prefix import staged
from workbench.monobase.store import digest
from workbench.monobase.verify import CHANGED, EXTRA, MARKER, MISSING, RECORD, Fault, Found
from workbench.monobase.wheels import Wheel, below_site, bytecode_path

_AGAIN = "`monobase build` makes it again"


@dataclass(slots=True)
class Mended:
    """What was mended, and what could not be, with the reason."""

    done: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Origin:
    """Where the files of one entry are, and what they come from: packages (with a Python and path), or the frame."""

    places: list[str] = field(default_factory=list)
    packages: list[tuple[Wheel, Interpreter, str]] = field(default_factory=list)
    frames: list[Interpreter] = field(default_factory=list)


def repair(shop: Workshop, found: Found) -> Mended:
    """Mend what `found` names, in every environment; the prefix's lock is ours.

    A good file comes into the place of the other by a rename, so a process that has the other one open
    keeps it. An environment whose marker or records are damaged cannot be known any more: it loses its
    marker, stays where it is, and a build puts a new one in its place.
    """
    mended = Mended()
    _unmark(shop, [fault for fault in found.faults if fault.kind in (MARKER, RECORD)], mended)
    named = {fault.entry for fault in found.faults if fault.kind in (CHANGED, MISSING)}
    entries = {entry for entry in named if not entry.startswith(LINK)}
    spoiled = {*found.spoiled, *(entry for entry in entries if not shop.store.is_whole(entry))}
    if spoiled:
        _mend_store(shop, spoiled, mended)
    for fault in found.faults:
        if fault.kind in (CHANGED, MISSING, EXTRA):
            _mend(shop, fault, mended)
    return mended


def _unmark(shop: Workshop, faults: Iterable[Fault], mended: Mended) -> None:
    for fault in faults:
        folder = shop.prefix.below(fault.environment)
        paths = [os.path.join(folder, DONE), os.path.join(os.path.dirname(folder), DONE)]
        if fault.kind == RECORD:
            paths.append(shop.wheels.path(fault.path.removesuffix(".json")))
        for path in paths:
            if os.path.lexists(path):
                os.unlink(path)
        mended.left.append((fault.environment, f"{fault.kind}: {_AGAIN}"))


def _mend(shop: Workshop, fault: Fault, mended: Mended) -> None:
    """Put the stored file, or the link, in the place of what is there."""
    name = f"{fault.environment}/{fault.path}"
    path = shop.prefix.below(name)
    if fault.kind == EXTRA:
        os.unlink(path)
    elif not fault.entry.startswith(LINK) and not shop.store.is_whole(fault.entry):
        mended.left.append((name, "there is no good copy of it"))
        return
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with staged(shop.prefix, "mend") as aside:
            beside = os.path.join(aside, "file")
            lay_entry(shop.store, fault.entry, beside)
            if os.path.isdir(path) and not os.path.islink(path):
                os.rename(path, os.path.join(aside, "folder"))
            os.rename(beside, path)
    mended.done.append(name)


def _mend_store(shop: Workshop, entries: set[str], mended: Mended) -> None:
    """Give the store good files for `entries`."""
    origins = _origins(shop, entries)
    wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in sorted(entries):
        origin = origins[entry]
        good = next((path for path in origin.places if _is_good(path, entry)), None)
        if good is not None:
            # A copy: the store's file must not be one that somebody has written to before.
            with staged(shop.prefix, "restore") as aside:
                _store(shop, entry, shutil.copyfile(good, os.path.join(aside, "copy")), mended)
        elif origin.packages:
            wheel, python, _ = origin.packages[0]
            wanted[wheel.locked.name, python.path].append(entry)
        elif origin.frames:
            with staged(shop.prefix, "restore") as aside:
                file = os.path.join(aside, "config")
                with open(file, "w", encoding="utf-8") as opened:
                    opened.write(config_text(origin.frames[0]))
                _store(shop, entry, file, mended)
        else:
            os.unlink(shop.store.path(entry))
            mended.done.append(f"store: {entry}, which nothing uses")
    for listed in wanted.values():
        _refetch(shop, {entry: origins[entry].packages[0] for entry in listed}, mended)


def _refetch(shop: Workshop, wanted: dict[str, tuple[Wheel, Interpreter, str]], mended: Mended) -> None:
    """Fetch one package again and take what is wanted of it; bytecode is compiled from its source again."""
    wheel, python, _ = next(iter(wanted.values()))
    sources = {bytecode_path(path, python.tag): path for path in wheel.files if path.endswith(".py")}
    try:
        with fetched(shop, python, wheel.options, wheel.locked) as root:
            compiled = {
                below_site(sources[path]): os.path.join(root, sources[path])
                for _, _, path in wanted.values()
                if path in sources
            }
            made = shop.compilers.compile(python, compiled, os.path.join(root, ".bytecode"))
            for entry, (_, _, path) in wanted.items():
                of_source = made.get(below_site(sources[path])) if path in sources else None
                _store(shop, entry, of_source or os.path.join(root, path), mended)
    except WorkbenchError as error:
        mended.left += [(f"store: {entry}", error.message) for entry in wanted]


def _store(shop: Workshop, entry: str, file: str, mended: Mended) -> None:
    if _is_good(file, entry):
        shop.store.replace(entry, file)
        mended.done.append(f"store: {entry}")
    else:
        mended.left.append((f"store: {entry}", "what was fetched or made again is another file"))


def _is_good(file: str, entry: str) -> bool:
    return os.path.isfile(file) and not os.path.islink(file) and digest(file) == entry.removesuffix("-x")


def _origins(shop: Workshop, entries: set[str]) -> dict[str, _Origin]:
    """Return where each of `entries` is, or should be, and what it came from."""
    found = {entry: _Origin([shop.store.path(entry)]) for entry in entries}
    for place in layout.places(shop.prefix):
        for folder in place.environments():
            marker = read_marker(folder)
            if marker is None:
                continue
            for key in marker.wheels:
                wheel = shop.wheels.get(key)
                for path, entry in wheel.files.items() if wheel else ():
                    if wheel and entry in found:
                        found[entry].packages.append((wheel, marker.python, path))
            for entry in marker.frame.values():
                if entry in found and not entry.startswith(LINK):
                    found[entry].frames.append(marker.python)
            for path, entry in manifest_of(shop.wheels, marker.wheels, marker.frame).items():
                if entry in found:
                    found[entry].places.append(os.path.join(folder, path))
    return found
