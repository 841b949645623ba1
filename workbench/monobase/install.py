"""Installing packages that the store has no record of: uv puts them in a folder, the store takes their files."""

from __future__ import annotations

import base64
import binascii
import csv
import os
import posixpath
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError
from workbench.monobase.bytecode import Compilers
from workbench.monobase.documents import write_text
from workbench.monobase.frame import create_frame, site_packages
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.mirrors import Mirrors
from workbench.monobase.prefix import Prefix, staged
from workbench.monobase.requirements import LockedPackage, LockFile
from workbench.monobase.store import DigestMismatchError, FileStore
from workbench.monobase.uv import Uv, find_uv
from workbench.monobase.wheels import Wheel, Wheels, below_site, bytecode_path, fits, key_of
from workbench.packages import normalized_name


@dataclass(frozen=True, slots=True)
class Toolchain:
    """What environments are made with: a prefix that the caller has locked, its store, uv, compilers and mirrors."""

    prefix: Prefix
    store: FileStore
    wheels: Wheels
    uv: Uv
    compilers: Compilers
    mirrors: Mirrors = field(default_factory=Mirrors)

    @classmethod
    def at(cls, prefix: Prefix, *, offline: bool = False, jobs: int = 1, mirrors: Mirrors | None = None) -> Toolchain:
        """Return the tools for `prefix`; raises WorkbenchError when there is no uv."""
        uv = find_uv(prefix, offline=offline)
        return cls(prefix, FileStore(prefix), Wheels(prefix), uv, Compilers(jobs), mirrors or Mirrors())


def install(tools: Toolchain, interpreter: Interpreter, lock: LockFile, packages: Sequence[LockedPackage]) -> None:
    """Install `packages` of `lock` for that Python and keep a record of each: from a mirror, else by uv.

    What uv installs is compared with the list in the wheel, because uv links from its cache, and who
    writes into an environment writes into that too (fault M4). A package that differs is installed
    again by itself (two packages may have one path) and, if it still differs, from a cache of its own.
    Raises WorkbenchError with uv's words when that fails.
    """
    packages = tools.mirrors.take(tools.prefix, tools.store, tools.wheels, interpreter, lock.options, packages)
    if not packages:
        return
    with staged(tools.prefix, "install") as folder:
        root = os.path.join(folder, "environment")
        install_packages(root, tools.uv, interpreter, lock.options, packages)
        again = _take(root, tools, interpreter, lock.options, packages)
    for locked in again:
        with staged(tools.prefix, "install") as folder:
            root = os.path.join(folder, "environment")
            install_packages(root, tools.uv, interpreter, lock.options, [locked])
            if not _take(root, tools, interpreter, lock.options, [locked]):
                continue
        with fetched(tools, interpreter, lock.options, locked) as root:
            take_installed(root, tools, interpreter, lock.options, locked)


def take_installed(
    root: str, tools: Toolchain, interpreter: Interpreter, options: tuple[str, ...], locked: LockedPackage
) -> None:
    """Store the package that was `fetched` into `root`, and record it.

    Its archive has the locked hash: if its list of files differs, the list is wrong.
    """
    _take(root, tools, interpreter, options, [locked], check_list=False)


@contextmanager
def fetched(tools: Toolchain, interpreter: Interpreter, options: Sequence[str], locked: LockedPackage) -> Iterator[str]:
    """Yield an environment with `locked` alone, from a cache of its own; the prefix's drops what it had of it."""
    with staged(tools.prefix, "fetch") as folder:
        root = os.path.join(folder, "environment")
        install_packages(root, tools.uv.with_cache(os.path.join(folder, "cache")), interpreter, options, [locked])
        tools.uv.run("cache", "clean", locked.name, about=f"dropping {locked.name} from uv's cache")
        yield root


def install_packages(
    root: str, uv: Uv, interpreter: Interpreter, options: Sequence[str], packages: Sequence[LockedPackage]
) -> None:
    """Let uv install `packages` into a new environment at `root`."""
    create_frame(root, interpreter)
    requirements = os.path.join(root, "requirements.txt")
    with open(requirements, "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in (*options, *(locked.text for locked in packages))))
    several = f"{len(packages)} packages" if len(packages) > 1 else packages[0].text.partition(" ")[0]
    uv.install(root, requirements, about=f"installing {several} for Python {interpreter.minor}")
    for record in lists(root, interpreter).values():
        _forget_cache(record)


def _forget_cache(record: str) -> None:
    """Remove uv's note of when it cached a wheel from a folder: the same package would be another one each time."""
    note = os.path.join(os.path.dirname(record), "uv_cache.json")
    if not os.path.lexists(note) or not os.path.exists(record):
        return
    os.unlink(note)
    with open(record, encoding="utf-8", newline="") as opened:
        lines = [line for line in opened if "/uv_cache.json," not in line]
    write_text(record, "".join(lines))


def _take(
    root: str,
    tools: Toolchain,
    interpreter: Interpreter,
    options: tuple[str, ...],
    packages: Sequence[LockedPackage],
    *,
    check_list: bool = True,
) -> list[LockedPackage]:
    """Store what is installed below `root`, record it, and return the packages that differ from their own list."""
    again: list[LockedPackage] = []
    listed = lists(root, interpreter)
    for locked in packages:
        if locked.name not in listed and not locked.conditional:
            raise WorkbenchError(f"uv installed no {locked.name} for Python {interpreter.version}")
        rows = file_digests(listed[locked.name], interpreter) if locked.name in listed else {}
        try:
            files = {
                path: tools.store.put(os.path.join(root, path), expected if check_list else "")
                for path, expected in rows.items()
            }
        except (DigestMismatchError, FileNotFoundError):
            again.append(locked)
            continue
        files |= _bytecode(root, tools, interpreter, {path: files[path] for path in files if _is_source(path)})
        # One by one, so that a killed process has not done the first for nothing.
        tools.wheels.add(key_of(locked, interpreter), Wheel.of(locked, options, interpreter, files))
    return again


def lists(root: str, interpreter: Interpreter) -> dict[str, str]:
    """Return the path of the list of files (RECORD) of every installed package, by its name."""
    site = os.path.join(root, site_packages(interpreter.minor))
    found: dict[str, str] = {}
    for folder in os.listdir(site):
        if folder.endswith(".dist-info"):
            name = folder.removesuffix(".dist-info").rpartition("-")[0]
            record = os.path.join(site, folder, "RECORD")
            if os.path.isfile(record):
                found[normalized_name(name)] = record
    return found


def file_digests(record: str, interpreter: Interpreter) -> dict[str, str]:
    """Return the files that the RECORD at `record` lists, by their paths in the environment, with their sha256 or "".

    Raises WorkbenchError when one is outside of the environment.
    """
    found = {}
    with open(record, encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.reader(opened) if row]
    for row in rows:
        path = posixpath.normpath(posixpath.join(site_packages(interpreter.minor), row[0]))
        if path.startswith(("../", "/")):
            raise WorkbenchError(f"a package wants to write outside of its environment: {row[0]}", where=record)
        if not path.endswith(f".{interpreter.tag}.pyc"):  # bytecode is ours to make
            found[path] = _digest_of(row[1] if len(row) > 1 else "")
    return found


def _digest_of(text: str) -> str:
    kind, _, encoded = text.partition("=")
    if kind != "sha256":
        return ""
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex()
    except (binascii.Error, ValueError):
        return ""


def _is_source(path: str) -> bool:
    return path.endswith(".py") and bool(below_site(path))


def _bytecode(root: str, tools: Toolchain, interpreter: Interpreter, sources: Mapping[str, str]) -> dict[str, str]:
    """Return the bytecode of `sources` (entries by path) by its path; what is stored already is not compiled."""
    stored = tools.wheels.bytecode(interpreter.kind)
    found, missing = {}, {}
    for path, entry in sources.items():
        name = below_site(path)
        made = stored.get((name, entry.removesuffix("-x")), "")
        if made and tools.store.is_whole(made):
            found[bytecode_path(path, interpreter.tag)] = made
        elif fits(bytecode_path(path, interpreter.tag)):
            # From the store: the one in the folder may be another package's by the same name.
            missing[name] = tools.store.path(entry)
    if missing:
        files = tools.compilers.compile(interpreter, missing, os.path.join(root, ".bytecode"))
        for path in sources:
            if (file := files.get(below_site(path))) is not None:
                found[bytecode_path(path, interpreter.tag)] = tools.store.put(file)
        shutil.rmtree(os.path.join(root, ".bytecode"))
    return found
