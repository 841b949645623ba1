"""The cog layer: one generation of it at a time, with every requested cog, for every Python.

A cog that the prefix does not have is installed beside it, in a folder of the user's. Nothing is written
below the prefix then, which models mount read-only: cache, store and environment are all in that folder
(fault M10).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UsageError, WorkbenchError
from workbench.monobase import layout
from workbench.monobase.choose import cog_name, cog_package
from workbench.monobase.conflicts import compare, forget
from workbench.monobase.documents import write_text
from workbench.monobase.environment import build, place_of, read_marker
from workbench.monobase.generation import Generation
from workbench.monobase.install import Toolchain
from workbench.monobase.interpreters import Interpreter, find
from workbench.monobase.layer import Layer, is_file
from workbench.monobase.leases import prepare
from workbench.monobase.names import is_cog, is_url, is_version
from workbench.monobase.prefix import Prefix, builder, point, staged
from workbench.monobase.requirements import read_lock
from workbench.monobase.resolving import resolve
from workbench.monobase.spec import python_order
from workbench.monobase.store import FileStore, digest

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CogSpec:
    """Which cogs to install: versions or addresses, the one that is the default, and the full Pythons."""

    versions: tuple[str, ...]
    default: str
    pythons: Mapping[str, str]

    @property
    def name(self) -> str:
        """The cog generation's name: by what is in it, so that another set is another generation."""
        pythons = sorted(self.pythons.values())
        text = json.dumps({"cogs": sorted(self.versions), "default": self.default, "pythons": pythons}, sort_keys=True)
        return f"g{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def cog_spec(versions: Sequence[str], default: str, pythons: Mapping[str, str]) -> CogSpec:
    """Return what is to be installed; the default may be left out when there is only one version.

    Raises UsageError for a version that is not valid, and for a default that is not in the list.
    """
    listed = tuple(dict.fromkeys(versions))
    for version in listed:
        if not is_cog(version):
            raise UsageError(
                f"{version!r} is not a version of cog",
                hint="write 0.23.1, coglet==0.23.1, or the address of a wheel: https://… or file:///…",
            )
    if not default and len(listed) == 1:
        default = listed[0]
    if default not in listed:
        what = f"{default!r} is not among" if default else "no default is named among"
        raise UsageError(f"{what} the cog versions", hint=f"--default-cog-version takes one of {', '.join(listed)}")
    return CogSpec(listed, default, dict(sorted(pythons.items())))


def build_cogs(tools: Toolchain, spec: CogSpec, pythons: Mapping[str, Interpreter], log: Log) -> str:
    """Install the cog generation of `spec`, compare it with every environment, move `latest`; return its name.

    What exists is not made again. Pythons that are not in `pythons` are skipped. The caller holds the
    prefix's lock. Raises WorkbenchError when a cog cannot be resolved or installed; `latest` stays as it is then.
    """
    folder = tools.prefix.below(layout.COG, spec.name)
    os.makedirs(folder, exist_ok=True)
    prepare(tools.prefix, f"{layout.COG}-{spec.name}")
    made: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for python, full in spec.pythons.items():
        for version in spec.versions:
            name = f"{cog_name(version)}-python{python}"
            if python not in pythons:
                skipped[name] = f"there is no Python {python} here"
                continue
            log(f"cog {spec.name} {name}")
            lock = f"{folder}/{name}.txt"
            lock_cog(tools, version, full, lock, f"{folder}/{name}")
            made[name] = build(tools, f"{folder}/{name}", lock, pythons[python]).digest
        if python in pythons:
            point(f"{folder}/default-python{python}", f"{cog_name(spec.default)}-python{python}")
    if not made:
        raise WorkbenchError("no cog can be installed", hint="; ".join(sorted(set(skipped.values()))))
    compare_cogs(tools, spec.name)
    marker = layout.GenerationMarker(_digest(made), made, skipped)
    if layout.read_done(folder) != marker:
        layout.write_done(folder, marker)
    point(tools.prefix.below(layout.COG, "latest"), spec.name)
    return spec.name


def lock_cog(tools: Toolchain, version: str, full: str, lock: str, target: str) -> None:
    """Write the lock of a cog for that Python, unless it is there: a lock that was made once is kept (fault M17).

    The store has it too: the marker of the cog at `target` names it, so that one which was changed comes back. What
    is no lock, and has no good copy, is a mirror's or made again.
    """
    marker = read_marker(target)
    recorded = marker.lock if marker is not None else ""
    if is_file(lock) and (digest(lock) == recorded if recorded else _is_lock(lock)):
        if tools.store.is_whole(digest(lock)):
            return
        with staged(tools.prefix, "lock") as folder:
            entry = tools.store.put(shutil.copyfile(lock, os.path.join(folder, "cog.txt")))
    elif tools.store.is_whole(recorded):
        entry = recorded
    elif not (entry := tools.mirrors.cog_lock(tools.prefix, tools.store, place_of(target))):
        requirement = f"cog=={version}" if is_version(version) else version
        if is_url(version):
            requirement = f"{cog_package(version)} @ {version}"
        with staged(tools.prefix, "lock") as folder:
            made = Path(folder, "cog.txt")
            resolve(tools.uv, [requirement], [], full, made, about=f"resolving {requirement} for Python {full}")
            entry = tools.store.put(str(made))
    copy_lock(tools.store, entry, lock)


def copy_lock(store: FileStore, entry: str, lock: str) -> None:
    """Put a copy of the stored lock `entry` at `lock`: a link would change with it."""
    with open(store.path(entry), encoding="utf-8") as file:
        write_text(lock, file.read())


def _is_lock(path: str) -> bool:
    try:
        return bool(read_lock(path).packages)
    except WorkbenchError:
        return False


def compare_cogs(tools: Toolchain, name: str) -> list[str]:
    """Compare the cog generation `name` with every environment of every generation; return the conflicts that are new.

    Whoever makes an environment or a cog calls this before `latest` points at it: activation reads what is
    written here, and refuses a pair that was never compared.
    """
    cogs = tools.prefix.below(layout.COG)
    conflicts: list[str] = []
    for folder in layout.GenerationFolder(name, os.path.join(cogs, name)).environments():
        if os.path.basename(folder).startswith("cog"):
            python = os.path.basename(folder).rpartition("-python")[2]
            conflicts += compare(Layer(folder, python), tools.prefix.generations)
    forget(cogs)
    return conflicts


def compare_latest(tools: Toolchain) -> list[str]:
    """Compare the cog generation that is in use with every environment; see `compare_cogs`."""
    name = layout.latest_name(tools.prefix.below(layout.COG, "latest"))
    return compare_cogs(tools, name) if name is not None else []


def newest_pythons(generations: Sequence[Generation]) -> dict[str, str]:
    """Return the newest full version of each Python that `generations` have: "3.11" to "3.11.18"."""
    found: dict[str, str] = {}
    for generation in generations:
        for python, full in generation.pythons.items():
            found[python] = max(full, found.get(python, full), key=python_order)
    return found


def _digest(made: Mapping[str, str]) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()}"


def install_beside(
    prefix: Prefix,
    cache: str,
    version: str,
    python: str,
    by_name: Mapping[str, str],
    log: Log,
    *,
    offline: bool = False,
) -> Layer:
    """Install cog `version` for `python` ("3.11") below the folder `cache`, and return it.

    It is compared with the environments of the prefix, as those of a build are. Raises WorkbenchError
    when the folder cannot be written or the cog cannot be installed.
    """
    if not cache or not _is_writable(cache):
        raise WorkbenchError(
            f"a cog cannot be installed in {cache or 'no folder'}: it is not writable",
            hint="set MONOBASE_CACHE to a folder that is",
        )
    beside = Prefix.at(cache)
    interpreter = find(prefix, python, by_name)
    name = f"{cog_name(version)}-python{python}"
    target = beside.below("cog", name)
    with builder(beside, log=log):
        tools = Toolchain.at(beside, offline=offline)
        log(f"installing {name} into {beside.root}")
        os.makedirs(beside.below("cog"), exist_ok=True)
        lock = beside.below("cog", f"{name}.txt")
        lock_cog(tools, version, interpreter.version, lock, target)
        build(tools, target, lock, interpreter)
        layer = Layer(target, python)
        compare(layer, prefix.generations)
    return layer


def _is_writable(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
