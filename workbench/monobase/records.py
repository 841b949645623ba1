"""Making a record again whose file is damaged: from an environment that has the package, else from a mirror or index.

The lock says what was to be installed, and the marker of the environment has the digest of the record that was made:
what is made again is taken only when it is that one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from workbench.errors import WorkbenchError
from workbench.monobase.environment import EnvironmentMarker
from workbench.monobase.install import Toolchain, fetched, file_digests, lists, take_installed
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.requirements import LockedPackage, read_lock
from workbench.monobase.store import FileStore, digest
from workbench.monobase.wheels import Wheel, bytecode_path, key_of


def restore_record(
    tools: Toolchain, key: str, environments: Mapping[str, EnvironmentMarker], locks: Mapping[str, str]
) -> None:
    """Make the record `key`, which the `environments` (markers by folder) have, again.

    Raises WorkbenchError when no lock in `locks` (paths by sha256) names the package, when it cannot be fetched, and
    when what is fetched is not what was installed; there is no record then.
    """
    folder, marker = next(iter(environments.items()))
    locked, options = _locked(key, environments, locks)
    for folder, marker in environments.items():
        wheel = _installed(folder, tools.store, marker.python, options, locked)
        if wheel is not None and wheel.digest() == marker.wheels[key]:
            tools.wheels.add(key, wheel)
            return
    tools.wheels.drop(key)
    tools.mirrors.take(tools.prefix, tools.store, tools.wheels, marker.python, options, [locked])
    if tools.wheels.digest(key) == marker.wheels[key]:
        return
    tools.wheels.drop(key)
    with fetched(tools, marker.python, options, locked) as root:
        take_installed(root, tools, marker.python, options, locked)
    if tools.wheels.digest(key) != marker.wheels[key]:
        raise WorkbenchError(f"{locked.name} installs other files now than {os.path.basename(folder)} has")


def _locked(
    key: str, environments: Mapping[str, EnvironmentMarker], locks: Mapping[str, str]
) -> tuple[LockedPackage, tuple[str, ...]]:
    for marker in environments.values():
        if path := locks.get(marker.lock):
            lock = read_lock(path)
            for locked in lock.packages:
                if key_of(locked, marker.python) == key:
                    return locked, lock.options
    names = ", ".join(sorted(map(os.path.basename, environments)))
    raise WorkbenchError(f"the lock of {names} is not here, so that nobody can say what the record was")


def _installed(
    root: str, store: FileStore, interpreter: Interpreter, options: tuple[str, ...], locked: LockedPackage
) -> Wheel | None:
    """Return the record of a package as it is in the environment at `root`; None when some of it is not there.

    Nothing is changed. It may be damaged there too: the caller compares the digest.
    """
    files = {}
    try:
        listed = lists(root, interpreter)
        rows = file_digests(listed[locked.name], interpreter) if locked.name in listed else {}
        for path, expected in rows.items():
            files[path] = _entry(os.path.join(root, path), store, expected)
            compiled = bytecode_path(path, interpreter.tag)
            if path.endswith(".py") and os.path.lexists(os.path.join(root, compiled)):
                files[compiled] = _entry(os.path.join(root, compiled), store, "")
    except (OSError, ValueError, WorkbenchError):
        return None
    return Wheel.of(locked, options, interpreter, files)


def _entry(path: str, store: FileStore, expected: str) -> str:
    """Return the entry of a file: by its list and the store, which may have it, else by reading it; raises OSError."""
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError(path)
    suffix = "-x" if found.st_mode & 0o100 else ""
    return expected + suffix if expected and store.is_whole(expected + suffix) else digest(path) + suffix
