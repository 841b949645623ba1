"""One environment: made beside its place from the store, put there whole by a rename, with a marker of what it is.

The marker, `.done`, names the lock, the Python, the record of each package, and a digest over every file. It is
used only when it is whole, is that of the folder which it is in, and agrees with itself.
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
from workbench.monobase.documents import DamagedDocumentError, read_document, write_document
from workbench.monobase.frame import CONFIG, config_text, frame_links, site_packages
from workbench.monobase.install import Toolchain, install
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.prefix import set_aside, staged
from workbench.monobase.requirements import LockedPackage, LockFile, read_lock
from workbench.monobase.store import ChangedError, FileStore, digest
from workbench.monobase.wheels import Wheels, is_key, key_of

DONE = ".done"
# Before what a symbolic link points at, where a manifest has the store's entry for a file.
LINK = "->"


# How often an environment is put together when files of the store turn out to be damaged meanwhile.
_ATTEMPTS = 3


class RecordError(WorkbenchError):
    """The records of packages do not make an environment."""


@dataclass(frozen=True, slots=True)
class EnvironmentMarker:
    """The content of `.done`, the marker of a finished environment.

    `digest` is over the manifest, `place` its folder and the one above ("g00001/python3.12-plain"), `lock` the
    sha256 of the requirements, `wheels` the digest of each package's record by its key, in the order in which they
    were laid down; `frame` is the part of the manifest that comes from no package. (`activate.sh` reads the digest
    from the second line.)
    """

    digest: str
    place: str
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
    keys = {key_of(locked, interpreter): locked for locked in lock.packages}
    if existing is not None and existing.lock == lock_digest and is_recorded(existing, tools.wheels):
        return existing
    for attempt in range(_ATTEMPTS):
        _install_missing(tools, interpreter, lock, keys, claims or Claims())
        if existing is not None and existing.lock == lock_digest and is_recorded(existing, tools.wheels):
            return existing
        try:
            return assemble(tools, target, lock_digest, interpreter, list(keys))
        except (ChangedError, RecordError):
            # What is not in the store as it was stored is fetched again, and nothing is built of it (fault M4).
            if attempt + 1 == _ATTEMPTS:
                raise
            _drop_unusable(tools, keys)
    raise AssertionError("unreachable")


def is_recorded(marker: EnvironmentMarker, wheels: Wheels) -> bool:
    """Return whether the records of an environment are those that it was made from."""
    return all(wheels.digest(key) == recorded for key, recorded in marker.wheels.items())


def _drop_unusable(tools: Toolchain, keys: Iterable[str]) -> None:
    """Drop the records that name a file which the store does not have as it was stored."""
    for key in keys:
        wheel = tools.wheels.get(key)
        if wheel is not None and not all(map(tools.store.is_whole, set(wheel.files.values()))):
            tools.wheels.drop(key)


def assemble(
    tools: Toolchain, target: str, lock_digest: str, interpreter: Interpreter, keys: list[str], digest: str = ""
) -> EnvironmentMarker:
    """Link an environment together from the records `keys`, and put it at `target` by a rename, whatever is there.

    Processes that run on the one before find the same files in the new one, and keep what they have open.
    With `digest` it must be that one. Raises ChangedError and RecordError, and leaves `target` as it is then.
    """
    with staged(tools.prefix, "environment") as folder:
        root = os.path.join(folder, "environment")
        marker = _assemble(tools, root, place_of(target), lock_digest, interpreter, keys)
        if digest and marker.digest != digest:
            raise RecordError("its records do not make what was installed", where=target)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.lexists(target):
            os.rename(root, target)
        elif os.path.isdir(target) and not os.path.islink(target):
            exchange(root, target)
        else:
            set_aside(tools.prefix, target)
            os.rename(root, target)
    return marker


def place_of(folder: str) -> str:
    """Return the place of an environment that its marker names: its folder and the one above."""
    above, name = os.path.split(folder)
    return f"{os.path.basename(above)}/{name}"


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
    tools: Toolchain, root: str, place: str, lock_digest: str, interpreter: Interpreter, keys: list[str]
) -> EnvironmentMarker:
    """Link an environment together at `root`, its marker last."""
    os.makedirs(root)
    config = os.path.join(root, CONFIG)
    with open(config, "w", encoding="utf-8") as file:
        file.write(config_text(interpreter))
    tools.store.put(config)
    os.unlink(config)
    frame = frame_of(interpreter)
    files = manifest_of(tools.wheels, keys, frame)
    records = {key: tools.wheels.digest(key) for key in keys}
    for folder in sorted({os.path.dirname(path) for path in files} | {site_packages(interpreter.minor)}):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    for path, entry in files.items():
        place_entry(tools.store, entry, f"{root}/{path}")
    marker = EnvironmentMarker(digest_of(files), place, lock_digest, interpreter, records, frame)
    write_document(os.path.join(root, DONE), marker.text())
    return marker


def frame_of(interpreter: Interpreter) -> dict[str, str]:
    """Return the part of the manifest that comes from no package."""
    config = hashlib.sha256(config_text(interpreter).encode()).hexdigest()
    return {CONFIG: config} | {path: LINK + to for path, to in frame_links(interpreter).items()}


def place_entry(store: FileStore, entry: str, path: str) -> None:
    """Make the file or link of a manifest's `entry` at `path`, which must not exist."""
    if entry.startswith(LINK):
        os.symlink(entry.removeprefix(LINK), path)
    else:
        store.link(entry, path)


def read_marker(folder: str) -> EnvironmentMarker | None:
    """Return the marker of the environment in `folder`; None when it has none that can be used."""
    try:
        if os.path.islink(folder):
            return None
        data = json.loads(read_document(os.path.join(folder, DONE)))
        python = Interpreter(**data["python"])
        wheels, frame = dict(data["wheels"]), dict(data["frame"])
        marker = EnvironmentMarker(data["digest"], data["place"], data["lock"], python, wheels, frame)
    except (OSError, DamagedDocumentError, ValueError, KeyError, TypeError):
        return None
    if marker.place != place_of(folder) or marker.frame != frame_of(python) or not all(map(is_key, wheels)):
        return None
    return marker


def manifest_of(wheels: Wheels, keys: Iterable[str], frame: Mapping[str, str]) -> dict[str, str]:
    """Return every file of an environment by its path: the store's entry, or `->` and what a link points at.

    Where two packages have one path, the later one wins. Raises RecordError when a record is gone.
    """
    files: dict[str, str] = {}
    for key in keys:
        wheel = wheels.get(key)
        if wheel is None:
            raise RecordError(
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
