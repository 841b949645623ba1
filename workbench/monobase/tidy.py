"""Repairing what is below a prefix outside of its environments: it is made again, or removed where nobody installed it.

What has a name at the top of the prefix that is none of ours stays: it may be anything of its owner's.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from workbench.commands import here
from workbench.monobase import layout
from workbench.monobase.cog import copy_lock
from workbench.monobase.conflicts import contradicted
from workbench.monobase.damage import ACCESS, EXTRA, RECORD, Damage
from workbench.monobase.documents import DamagedDocumentError, make_way, read_text, write_text
from workbench.monobase.inspection import FILE_MODE, FOLDER_MODE
from workbench.monobase.leases import FOLDER as LEASES
from workbench.monobase.leases import InUseError, prepare, unused
from workbench.monobase.node import SCRIPTS, install_scripts
from workbench.monobase.prefix import FOLDERS, Prefix, point, set_aside
from workbench.monobase.store import FileStore


def tidy(prefix: Prefix, damage: Iterable[Damage], repaired: list[str], failed: list[tuple[str, str]]) -> None:
    """Repair each of `damage` but records, and name it in `repaired`, or in `failed` with the reason."""
    for one in sorted(damage, key=lambda one: one.path):
        if one.kind == RECORD:
            continue
        reason = _tidy(prefix, one)
        if reason:
            failed.append((one.path, reason))
        else:
            repaired.append(one.path)


def _tidy(prefix: Prefix, damage: Damage) -> str:
    """Repair one thing; return why that is impossible, "" when it is done."""
    path = prefix.below(damage.path)
    above, _, name = damage.path.rpartition("/")
    if damage.kind == EXTRA:
        return _remove(prefix, damage.path)
    if damage.kind == ACCESS:
        return _give_access(prefix, damage.path)
    if damage.path in FOLDERS:
        os.makedirs(path, exist_ok=True)
    elif damage.path.startswith("bin/"):
        install_scripts(prefix)
    elif above == LEASES:
        _remove_odd(prefix, path)
        prepare(prefix, name)
    elif name == "latest":
        return point_latest(prefix, path)
    elif name.startswith("default-"):
        return _point_default(prefix, path)
    elif damage.entry:
        store = FileStore(prefix)
        if not store.is_whole(damage.entry):
            return f"there is no good copy of it: `{here('monobase build')}` locks that cog again"
        _remove_odd(prefix, path)
        copy_lock(store, damage.entry, path)
    else:
        # What cogs contradict is written again at the end, when the environments are as they were.
        _remove_odd(prefix, path)
    return ""


def _remove(prefix: Prefix, path: str) -> str:
    """Remove what nobody installed; in use, and at the top of the prefix, it stays."""
    folder, _, _ = path.rpartition("/")
    if not folder:
        return "nobody of ours put it there: move it away"
    generation = _leased(folder)
    with contextlib.ExitStack() as locks:
        if generation and os.path.isdir(prefix.below(path)):
            try:
                locks.enter_context(unused(prefix, generation))
            except InUseError as error:
                return f"nobody of ours put it there, and a process may run on it: {error.message}"
        set_aside(prefix, prefix.below(path))
    return ""


def _leased(folder: str) -> str:
    """Return what processes lease that run on what is in `folder`, "" for nothing."""
    above, _, name = folder.rpartition("/")
    if above == "monobase" and layout.is_generation(name):
        return name
    return f"cog-{name}" if above == "cog" and layout.is_cog_generation(name) else ""


def _give_access(prefix: Prefix, path: str) -> str:
    """Give a file or folder its mode, and to the owner of the prefix."""
    whole, owner = prefix.below(path), os.stat(prefix.root)
    found = os.lstat(whole)
    try:
        os.chown(whole, owner.st_uid, owner.st_gid, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            os.chmod(whole, FOLDER_MODE | found.st_mode & stat.S_ISGID)
        elif stat.S_ISREG(found.st_mode):
            os.chmod(whole, _mode_of(path))
    except PermissionError:
        return "only root can give it to the owner of the prefix: run it as root"
    return ""


def _mode_of(path: str) -> int:
    if path == "bin/uv":
        return FOLDER_MODE
    script = SCRIPTS.get(path.removeprefix("bin/")) if path.startswith("bin/") else None
    return script.mode if script else FILE_MODE


def _remove_odd(prefix: Prefix, path: str) -> None:
    if os.path.lexists(path):
        set_aside(prefix, path)


def point_latest(prefix: Prefix, link: str) -> str:
    """Let a `latest` point at the pinned or newest generation beside it that is finished; return why that is none.

    A link to nothing is removed.
    """
    if link == prefix.latest and (pinned := layout.pinned_name(prefix)) is not None:
        point(link, pinned)
        return ""
    folders = layout.generations(prefix) if link == prefix.latest else layout.cog_generations(prefix)
    ready = [folder.path for folder in folders if layout.read_done(folder.path) is not None]
    newest = max(ready, key=lambda path: (path if link == prefix.latest else "", os.stat(path).st_mtime), default=None)
    if newest is not None:
        point(link, os.path.basename(newest))
        return ""
    _remove_odd(prefix, link)
    return "" if link == prefix.latest else f"no cog is left: `{here('monobase build')}` with --cog-versions makes it"


def _point_default(prefix: Prefix, link: str) -> str:
    """Let the default of a Python point at its only cog; with several nobody knows which it was."""
    folder, name = os.path.split(link)
    done = layout.read_done(folder)
    python = name.removeprefix("default-")
    cogs = [cog for cog in (done.environments if done else ()) if cog.endswith(f"-{python}")]
    if len(cogs) != 1:
        return f"it may be any of {', '.join(cogs)}: `{here('monobase build')}` with the same cogs points it again"
    point(link, cogs[0])
    return ""


def write_conflicts(prefix: Prefix) -> list[str]:
    """Write what cogs and environments contradict each other in, where that is not what stands there; return where."""
    cogs = prefix.below("cog")
    written = []
    for name, text in contradicted(cogs, prefix.generations).items():
        path = f"{cogs}/conflicts/{name}"
        if name.endswith("/"):
            if os.path.lexists(path.rstrip("/")) and not os.path.isdir(path):
                os.unlink(path.rstrip("/"))
            os.makedirs(path, exist_ok=True)
        if name.endswith("/") or text is None:
            continue
        try:
            if read_text(path) == text:
                continue
        except (OSError, DamagedDocumentError):
            pass
        make_way(path)
        write_text(path, text)
        written.append(os.path.relpath(path, prefix.root))
    return written
