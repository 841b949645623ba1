"""What is below a prefix outside of its environments: markers, links, records, scripts, leases and conflicts."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from workbench.monobase import layout, reports
from workbench.monobase.conflicts import contradicted
from workbench.monobase.damage import CHANGED, MARKER, MISSING, RECORD, Damage
from workbench.monobase.documents import DamagedDocumentError, read_text
from workbench.monobase.environment import DONE, read_marker
from workbench.monobase.inspection import Inspection
from workbench.monobase.node import SCRIPTS
from workbench.monobase.store import is_entry
from workbench.monobase.wheels import Wheels, is_key

# What the prefix holds. `stage` and what uv keeps (`uv`) are not looked into: nothing is taken from there unseen.
_TOP = (".lock", "bin", "cog", "leases", "monobase", "reports", "stage", "store", "uv")
_LEASE = re.compile(r"g[0-9]{5}|cog-g[0-9a-f]{8}")
_COG_LOCK = re.compile(r"(cog[A-Za-z0-9._-]*-python3\.[0-9]+)\.txt")
_DEFAULT = re.compile(r"default-python(3\.[0-9]+)")


@dataclass(slots=True)
class Surroundings:
    """What was found outside of environments: their folders with the generation's marker, and the store's entries."""

    environments: list[tuple[str, layout.GenerationMarker | None]] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


def inspect_surroundings(look: Inspection, wheels: Wheels, *, quick: bool) -> Surroundings:
    """Check everything outside of environments; the files of the store by name only."""
    found = Surroundings()
    for name in sorted(os.listdir(look.prefix.root)):
        if name not in _TOP:
            look.extra(name)
    generations = _generations(look, found)
    cogs = _cogs(look, found)
    finished = [name for name, is_finished in {**generations, **cogs}.items() if is_finished]
    look.file(".lock")
    _store(look, wheels, found)
    _leases(look, finished)
    _scripts(look, required=bool(finished))
    for name in look.folder("uv"):
        if name in ("cache", "python"):
            look.folder(f"uv/{name}")
        else:
            look.extra(f"uv/{name}")
    look.folder("stage")
    for name in look.folder(reports.FOLDER):
        path = f"{reports.FOLDER}/{name}"
        if name not in reports.NAMES:
            # Whoever writes one now has it beside.
            if name not in (f".{one}.new" for one in reports.NAMES):
                look.extra(path)
        elif look.file(path) and not reports.read_report(look.prefix, name):
            look.report(CHANGED, path)
    _conflicts(look, quick=quick)
    return found


def _generations(look: Inspection, found: Surroundings) -> dict[str, bool]:
    """Check the generations; return which there are, and whether each is finished."""
    generations = {}
    for name in look.folder("monobase"):
        if name in ("latest", "pinned"):
            continue
        if layout.is_generation(name):
            generations[name] = _generation(look, f"monobase/{name}", found)
        else:
            look.extra(f"monobase/{name}")
    finished = [name for name, is_finished in generations.items() if is_finished]
    _latest(look, "monobase", finished)
    if (target := look.link("monobase/pinned")) and target not in finished:
        look.report(CHANGED, "monobase/pinned")
    return generations


def _latest(look: Inspection, above: str, finished: list[str]) -> None:
    path = f"{above}/latest"
    if look.status(path) is None:
        if finished:
            look.report(MISSING, path)
    elif (target := look.link(path)) and target not in finished:
        look.report(CHANGED, path)


def _generation(look: Inspection, path: str, found: Surroundings) -> bool:
    """Check what is in the folder of a generation; return whether it is finished."""
    names = look.folder(path)
    folder = look.prefix.below(path)
    done = layout.read_done(folder) if DONE in names and look.file(f"{path}/{DONE}") else None
    if done is None:
        if DONE in names:
            look.damage.append(Damage(MARKER, path, DONE))
        else:
            found.unfinished.append(os.path.basename(path))
    for name in sorted({*names, *(done.environments if done else ())} - {DONE}):
        environment = f"{path}/{name}"
        named = done is not None and name in done.environments
        whole = look.prefix.below(environment)
        if name not in names:
            look.damage.append(Damage(MARKER, environment, DONE))
        elif os.path.isdir(whole) and not os.path.islink(whole):
            if named or done is None or read_marker(whole) is not None:
                found.environments.append((environment, done))
            else:
                look.extra(environment)
        elif named:
            look.damage.append(Damage(MARKER, environment, DONE))
        elif not (path.startswith("cog/") and _is_of_cogs(name, done)):
            look.extra(environment)
    return done is not None


def _is_of_cogs(name: str, done: layout.GenerationMarker | None) -> bool:
    """Return whether the file `name` is the lock of a cog, or the default of a Python, of a cog generation.

    The marker names the cogs, also those that were skipped: they may be there from when their Python was. What is not
    finished has no marker yet.
    """
    if done is None:
        return bool(_COG_LOCK.fullmatch(name) or _DEFAULT.fullmatch(name))
    cogs = {*done.environments, *done.skipped}
    return any(name in (f"{cog}.txt", _default_of(cog)) for cog in cogs)


def _default_of(cog: str) -> str:
    """Return the name of the link to the default beside a cog: that of its Python."""
    return f"default-python{cog.rpartition('-python')[2]}"


def _cogs(look: Inspection, found: Surroundings) -> dict[str, bool]:
    """Check the generations of the cog layer, and cogs that were installed beside a prefix."""
    cogs = {}
    for name in look.folder("cog"):
        path = f"cog/{name}"
        whole = look.prefix.below(path)
        if layout.is_cog_generation(name):
            cogs[f"cog-{name}"] = _generation(look, path, found)
            _cog_files(look, path)
        elif read_marker(whole) is not None:
            found.environments.append((path, None))
        elif name not in ("latest", "conflicts") and not _COG_LOCK.fullmatch(name):
            look.extra(path)
    finished = [name.removeprefix("cog-") for name, is_finished in cogs.items() if is_finished]
    _latest(look, "cog", finished)
    leases = look.prefix.below("leases")
    leased = os.path.isdir(leases) and any(name.startswith("cog-") for name in os.listdir(leases))
    if leased and not cogs and look.status("cog/latest") is None:
        look.report(MISSING, "cog/latest")  # the newest of the layer is never removed
    return cogs


def _cog_files(look: Inspection, path: str) -> None:
    """Check the locks of cogs, and which is the default of each Python."""
    folder = look.prefix.below(path)
    done = layout.read_done(folder)
    if done is None or look.status(path) is None:
        return
    for name in done.environments:
        marker = read_marker(f"{folder}/{name}")
        lock = f"{path}/{name}.txt"
        if marker is not None and look.status(lock) is None:
            look.damage.append(Damage(MISSING, "", lock, marker.lock))
        elif marker is not None and _text_digest(look.prefix.below(lock)) != marker.lock:
            look.damage.append(Damage(CHANGED, "", lock, marker.lock))
        elif marker is not None:
            look.file(lock)
        default = f"{path}/{_default_of(name)}"
        if look.status(default) is None:
            look.report(MISSING, default)
    for name in os.listdir(folder):
        if name in map(_default_of, done.environments):
            target = look.link(f"{path}/{name}")
            if target and (target not in done.environments or _default_of(target) != name):
                look.report(CHANGED, f"{path}/{name}")


def _text_digest(path: str) -> str:
    text = _text_or_none(path)
    return "" if text is None else hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _store(look: Inspection, wheels: Wheels, found: Surroundings) -> None:
    for name in look.folder("store"):
        if name not in ("files", "wheels"):
            look.extra(f"store/{name}")
    for name in look.folder("store/wheels"):
        path = f"store/wheels/{name}"
        key = name.removesuffix(".json")
        if not is_key(key) or name != f"{key}.json":
            look.extra(path)
        elif look.file(path) and wheels.get(key) is None:
            look.report(RECORD, path)
    for shard in look.folder("store/files"):
        if not re.fullmatch("[0-9a-f]{2}", shard):
            look.extra(f"store/files/{shard}")
            continue
        for name in look.folder(f"store/files/{shard}"):
            if is_entry(name) and name.startswith(shard):
                found.stored.append(name)
            else:
                look.extra(f"store/files/{shard}/{name}")


def _leases(look: Inspection, finished: Iterable[str]) -> None:
    names = look.folder("leases", required=bool(list(finished)))
    for name in names:
        path = f"leases/{name}"
        if not _LEASE.fullmatch(name):
            look.extra(path)
        elif look.file(path) and os.path.getsize(look.prefix.below(path)):
            look.report(CHANGED, path)
    for name in sorted(set(finished) - set(names)):
        look.report(MISSING, f"leases/{name}")


def _scripts(look: Inspection, *, required: bool) -> None:
    below = look.folder("bin", required=required)
    names = [f"bin/{name}" for name in below] + [f"bin/site/{name}" for name in look.folder("bin/site")]
    expected = {f"bin/{name}": script for name, script in SCRIPTS.items()}
    for name in names:
        if name not in expected and name not in ("bin/site", "bin/uv"):
            look.extra(name)
    if "bin/uv" in names:
        look.file("bin/uv", 0o755)
    for name, script in expected.items():
        if look.file(name, script.mode, required=required) and _text_or_none(look.prefix.below(name)) != script.text:
            look.report(CHANGED, name)


def _conflicts(look: Inspection, *, quick: bool) -> None:
    """Check what activation reads of each cog and environment; `quick` by name only."""
    expected = contradicted(look.prefix.below("cog"), look.prefix.generations, names_only=quick)
    above = "cog/conflicts"
    waiting = [f"{above}/{name}" for name in look.folder(above)]
    while waiting:
        path = waiting.pop()
        name = path.removeprefix(f"{above}/")
        if f"{name}/" in expected:
            waiting += [f"{path}/{below}" for below in look.folder(path)]
        elif name not in expected:
            look.extra(path)
        elif (wanted := expected[name]) is None:
            continue
        elif look.file(path) and not quick and _text_or_none(look.prefix.below(path)) != wanted:
            look.report(CHANGED, path)
    latest = layout.latest_name(look.prefix.below("cog", "latest"))
    for name in sorted(expected):
        known = name.startswith(f"{latest}/") and expected[name] is not None
        if known and look.status(f"{above}/{name.rstrip('/')}") is None:
            look.report(MISSING, f"{above}/{name}")


def _text_or_none(path: str) -> str | None:
    try:
        return read_text(path)
    except (OSError, DamagedDocumentError):
        return None
