"""The cog layer: one generation of it at a time, with every requested cog, for every Python.

A cog that the prefix does not have is installed beside it, in a folder of the user's. Nothing is written
below the prefix then, which models mount read-only: cache, store and environment are all in that folder
(fault M10).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from workbench.errors import UsageError, WorkbenchError
from workbench.files import replace_text
from workbench.monobase import layout
from workbench.monobase.choose import cog_name
from workbench.monobase.conflicts import compare, forget
from workbench.monobase.environment import build
from workbench.monobase.generation import Generation
from workbench.monobase.install import Workshop
from workbench.monobase.interpreters import Interpreter, find
from workbench.monobase.layer import Layer
from workbench.monobase.leases import prepare
from workbench.monobase.names import is_url, is_version
from workbench.monobase.prefix import Prefix, builder, point, staged
from workbench.monobase.resolving import resolve

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CogWish:
    """Which cogs to install: versions or https addresses, the one that is the default, and the full Pythons."""

    versions: tuple[str, ...]
    default: str
    pythons: Mapping[str, str]

    @property
    def name(self) -> str:
        """The cog generation's name: by what is in it, so that another set is another generation."""
        pythons = sorted(self.pythons.values())
        text = json.dumps({"cogs": sorted(self.versions), "default": self.default, "pythons": pythons}, sort_keys=True)
        return f"g{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def cog_wish(versions: Sequence[str], default: str, pythons: Mapping[str, str]) -> CogWish:
    """Return what is to be installed; the default may be left out when there is one only.

    Raises UsageError for a version that is none, and for a default that is not in the list.
    """
    listed = tuple(dict.fromkeys(versions))
    for version in listed:
        if not is_version(version) and not is_url(version):
            raise UsageError(f"{version!r} is no version of cog", hint="write 0.23.1, or an https address of a wheel")
    if not default and len(listed) == 1:
        default = listed[0]
    if default not in listed:
        what = f"{default!r} is not among" if default else "no default is named among"
        raise UsageError(f"{what} the cog versions", hint=f"--default-cog-version takes one of {', '.join(listed)}")
    return CogWish(listed, default, dict(sorted(pythons.items())))


def build_cogs(shop: Workshop, wish: CogWish, pythons: Mapping[str, Interpreter], tell: Tell) -> str:
    """Install the cog generation of `wish`, compare it with every environment, move `latest`; return its name.

    What is there is not made again. Pythons that are not in `pythons` are left out. The prefix's lock is
    ours. Raises WorkbenchError when a cog cannot be resolved or installed; `latest` stays as it is then.
    """
    folder = shop.prefix.below(layout.COG, wish.name)
    os.makedirs(folder, exist_ok=True)
    prepare(shop.prefix, f"{layout.COG}-{wish.name}")
    made: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for python, full in wish.pythons.items():
        for version in wish.versions:
            name = f"{cog_name(version)}-python{python}"
            if python not in pythons:
                skipped[name] = f"there is no Python {python} here"
                continue
            tell(f"cog {wish.name} {name}")
            lock = f"{folder}/{name}.txt"
            lock_cog(shop, version, full, lock)
            made[name] = build(shop, f"{folder}/{name}", lock, pythons[python]).digest
        if python in pythons:
            point(f"{folder}/default-python{python}", f"{cog_name(wish.default)}-python{python}")
    if not made:
        raise WorkbenchError("no cog can be installed", hint="; ".join(sorted(set(skipped.values()))))
    compare_cogs(shop, wish.name)
    marker = layout.GenerationMarker(_digest(made), made, skipped)
    if layout.read_done(folder) != marker:
        layout.write_done(folder, marker)
    point(shop.prefix.below(layout.COG, "latest"), wish.name)
    return wish.name


def lock_cog(shop: Workshop, version: str, full: str, lock: str) -> None:
    """Write the lock of a cog for that Python, if it is not there: one that was made once is kept (fault M17)."""
    if os.path.exists(lock):
        return
    asked = f"cog @ {version}" if is_url(version) else f"cog=={version}"
    with staged(shop.prefix, "lock") as folder:
        made = Path(folder, "cog.txt")
        resolve(shop.uv, [asked], [], full, made, about=f"resolving {asked} for Python {full}")
        replace_text(lock, made.read_text())


def compare_cogs(shop: Workshop, name: str) -> list[str]:
    """Compare the cog generation `name` with every environment of every generation; return what is found anew.

    For whoever makes an environment or a cog, before a `latest` points at it: activation reads what is
    written here, and takes nothing that nobody compared.
    """
    cogs = shop.prefix.below(layout.COG)
    told: list[str] = []
    for folder in layout.Place(name, os.path.join(cogs, name)).environments():
        if os.path.basename(folder).startswith("cog"):
            python = os.path.basename(folder).rpartition("-python")[2]
            told += compare(Layer(folder, python), shop.prefix.generations)
    forget(cogs)
    return told


def compare_latest(shop: Workshop) -> list[str]:
    """Compare the cog generation that is in use with every environment; see `compare_cogs`."""
    name = layout.latest_name(shop.prefix.below(layout.COG, "latest"))
    return compare_cogs(shop, name) if name is not None else []


def newest_pythons(generations: Sequence[Generation]) -> dict[str, str]:
    """Return the newest full version of each Python that `generations` have: "3.11" to "3.11.18"."""
    found: dict[str, str] = {}
    for generation in generations:
        for python, full in generation.pythons.items():
            found[python] = max(full, found.get(python, full), key=Version)
    return found


def _digest(made: Mapping[str, str]) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()}"


def install_beside(
    prefix: Prefix,
    cache: str,
    version: str,
    python: str,
    by_name: Mapping[str, str],
    tell: Tell,
    *,
    offline: bool = False,
) -> Layer:
    """Install cog `version` for `python` ("3.11") below the folder `cache`, and return it.

    It is compared with the environments of the prefix, as those of a build are. Raises WorkbenchError
    when the folder cannot be written, or the cog not be installed.
    """
    if not cache or not _is_writable(cache):
        raise WorkbenchError(
            f"a cog cannot be installed in {cache or 'no folder'}: it cannot be written",
            hint="name a folder that can, in MONOBASE_CACHE",
        )
    beside = Prefix.at(cache)
    interpreter = find(prefix, python, by_name)
    name = f"{cog_name(version)}-python{python}"
    target = beside.below("cog", name)
    with builder(beside, tell=tell):
        shop = Workshop.at(beside, offline=offline)
        tell(f"installing {name} into {beside.root}")
        os.makedirs(beside.below("cog"), exist_ok=True)
        lock = beside.below("cog", f"{name}.txt")
        lock_cog(shop, version, interpreter.version, lock)
        build(shop, target, lock, interpreter)
        layer = Layer(target, python)
        compare(layer, prefix.generations)
    return layer


def _is_writable(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
