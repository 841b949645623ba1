"""One environment: made beside its place from the store, put there whole by a rename, with a marker of what it is.

The marker, `.done`, names the lock, the Python, the record of each package, and a digest over every file.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.files import exchange
from workbench.monobase.frame import CONFIG, config_text, frame_links, site_packages
from workbench.monobase.install import Toolchain, install
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.prefix import staged
from workbench.monobase.requirements import LockedPackage, LockFile, read_lock
from workbench.monobase.store import FileStore, digest
from workbench.monobase.wheels import Wheels, key_of

DONE = ".done"
# Before what a symbolic link points at, where a manifest has the store's entry for a file.
LINK = "->"


@dataclass(frozen=True, slots=True)
class EnvironmentMarker:
    """The content of `.done`, the marker of a finished environment.

    `digest` is over the manifest, `lock` the sha256 of the requirements, `wheels` the sha256 of each
    package's record by its key, in the order in which they were laid down; `frame` is the part of the
    manifest that comes from no package.
    """

    digest: str
    lock: str
    python: Interpreter
    wheels: Mapping[str, str]
    frame: Mapping[str, str]

    def text(self) -> str:
        """Return the text of the file."""
        return json.dumps(asdict(self), indent=1) + "\n"


class Claims:
    """Which packages are being installed, so that environments made at once do each of them once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._claimed: set[str] = set()

    def take(self, keys: Iterable[str]) -> set[str]:
        """Claim those of `keys` that are free; when others have all of them, wait until they have fewer."""
        wanted = set(keys)
        with self._changed:
            if free := wanted - self._claimed:
                self._claimed |= free
                return free
            self._changed.wait()
            return set()

    def drop(self, keys: Iterable[str]) -> None:
        """Release `keys`, installed or not."""
        with self._changed:
            self._claimed -= set(keys)
            self._changed.notify_all()


def build(
    tools: Toolchain, target: str, requirements: str, interpreter: Interpreter, claims: Claims | None = None
) -> EnvironmentMarker:
    """Make the environment `target` of a requirements file with hashes; an existing one of the same lock stays.

    `tools` is for a prefix whose lock the caller holds and on whose file system `target` is. Raises
    WorkbenchError when the lock is not valid, and when uv or the disk fail; `target` is never half made.
    """
    lock = read_lock(requirements)
    lock_digest = digest(lock.path)
    existing = read_marker(target)
    if existing is not None and existing.lock == lock_digest:
        return existing
    keys = {key_of(locked, interpreter): locked for locked in lock.packages}
    _install_missing(tools, interpreter, lock, keys, claims or Claims())
    with staged(tools.prefix, "environment") as folder:
        root = os.path.join(folder, "environment")
        marker = _assemble(tools, root, lock_digest, interpreter, list(keys))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            # Never finished, or damaged. Processes that run on it find the same files in the new one.
            exchange(root, target)
        else:
            os.rename(root, target)
    return marker


def _install_missing(
    tools: Toolchain, interpreter: Interpreter, lock: LockFile, keys: Mapping[str, LockedPackage], claims: Claims
) -> None:
    while missing := [key for key in keys if tools.wheels.get(key) is None]:
        ours = claims.take(missing)
        try:
            # Another thread may just have finished it.
            still = [keys[key] for key in keys if key in ours and tools.wheels.get(key) is None]
            if still:
                install(tools, interpreter, lock, still)
        finally:
            claims.drop(ours)


def _assemble(
    tools: Toolchain, root: str, lock_digest: str, interpreter: Interpreter, keys: list[str]
) -> EnvironmentMarker:
    """Link an environment together at `root`, its marker last."""
    os.makedirs(root)
    config = os.path.join(root, CONFIG)
    with open(config, "w", encoding="utf-8") as file:
        file.write(config_text(interpreter))
    frame = {CONFIG: tools.store.put(config)}
    os.unlink(config)
    frame |= {path: LINK + to for path, to in frame_links(interpreter).items()}
    records = {key: digest(tools.wheels.path(key)) for key in keys}
    files = manifest_of(tools.wheels, keys, frame)
    for folder in sorted({os.path.dirname(path) for path in files} | {site_packages(interpreter.minor)}):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    for path, entry in files.items():
        place_entry(tools.store, entry, f"{root}/{path}")
    marker = EnvironmentMarker(digest_of(files), lock_digest, interpreter, records, frame)
    with open(os.path.join(root, DONE), "w", encoding="utf-8") as file:
        file.write(marker.text())
    return marker


def place_entry(store: FileStore, entry: str, path: str) -> None:
    """Make the file or link of a manifest's `entry` at `path`, which must not exist."""
    if entry.startswith(LINK):
        os.symlink(entry.removeprefix(LINK), path)
    else:
        store.link(entry, path)


def read_marker(folder: str) -> EnvironmentMarker | None:
    """Return the marker of the environment in `folder`; None when it has no readable one: it is not finished."""
    try:
        with open(os.path.join(folder, DONE), encoding="utf-8") as file:
            data = json.load(file)
        python = Interpreter(**data["python"])
        return EnvironmentMarker(data["digest"], data["lock"], python, dict(data["wheels"]), dict(data["frame"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def manifest_of(wheels: Wheels, keys: Iterable[str], frame: Mapping[str, str]) -> dict[str, str]:
    """Return every file of an environment by its path: the store's entry, or `->` and what a link points at.

    Where two packages have one path, the later one wins. Raises WorkbenchError when a record is gone.
    """
    files: dict[str, str] = {}
    for key in keys:
        wheel = wheels.get(key)
        if wheel is None:
            raise WorkbenchError(
                "the record of a package is gone or damaged",
                where=wheels.path(key),
                hint=f"`{here('monobase repair')}` makes it again",
            )
        files.update(wheel.files)
    return {**files, **frame}


def digest_of(manifest: Mapping[str, str]) -> str:
    """Return the digest over a manifest."""
    lines = "".join(f"{path}\0{entry}\n" for path, entry in sorted(manifest.items()))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
