"""Which files of a model's folder go into its image: all but those that .dockerignore and our own list exclude."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence

from workbench.containerfile.ignore import Patterns, broken, ignored_lines
from workbench.errors import FaultsError, WorkbenchError
from workbench.models.lock import LOCK, WEIGHTLESS_LOCK

IGNORE = ".dockerignore"
# Histories, environments and generated files; and files that by their names hold secrets.
_ALWAYS = (
    *("**/.git", "**/.venv", "**/venv", "**/__pycache__", "**/*.pyc", "**/.mypy_cache", "**/.pytest_cache", "logs"),
    *("**/.env", "**/.env.*", "**/.netrc", "**/.ssh", "**/id_rsa", "**/id_ed25519", "**/.cog", IGNORE, LOCK),
    WEIGHTLESS_LOCK,
)


def source_files(folder: str) -> list[str]:
    """Return the files and links of the model in `folder` that its image gets, sorted, relative to it.

    A folder in which nothing of it is stands among them, with a slash at its end. Raises WorkbenchError for a link that
    leads out of the folder, for what is neither file, link nor folder, and for a .dockerignore that cannot be read;
    FaultsError for one with patterns that docker does not take.
    """
    patterns = ignored(folder)
    found: list[str] = []
    empty: set[str] = set()
    root = os.path.realpath(folder)
    for above, folders, names in os.walk(folder):
        relative = os.path.relpath(above, folder)
        relative = "" if relative == "." else f"{relative}/"
        linked = [name for name in folders if os.path.islink(os.path.join(above, name))]
        # An exception may include part of a folder: it is excluded whole only without exceptions.
        folders[:] = [
            name
            for name in folders
            if name not in linked and (patterns.has_exceptions or not patterns.match(relative + name))
        ]
        empty |= {f"{relative}{name}/" for name in folders if not patterns.match(relative + name)}
        for name in [*names, *linked]:
            path = relative + name
            if patterns.match(path):
                continue
            full = os.path.join(above, name)
            mode = os.lstat(full).st_mode
            if stat.S_ISLNK(mode):
                real = os.path.realpath(full)
                if os.path.isabs(os.readlink(full)) or os.path.commonpath((real, root)) != root:
                    hint = f"copy what it leads to, or name it in {IGNORE}"
                    raise WorkbenchError("the link leads out of the model's folder", where=full, hint=hint)
            elif not stat.S_ISREG(mode):
                raise WorkbenchError("is neither file nor folder", where=full, hint=f"name it in {IGNORE}")
            found.append(path)
    above_some = {
        "/".join(parts[:depth]) + "/"
        for path in [*found, *empty]
        for parts in [path.rstrip("/").split("/")]
        for depth in range(1, len(parts))
    }
    return sorted([*found, *(empty - above_some)])


def copy_sources(folder: str, files: Sequence[str], target: str) -> None:
    """Put `files` of `folder` below `target`, linked where possible; group 0 may use them."""
    os.makedirs(target, exist_ok=True)
    os.chmod(target, 0o775)
    for path in files:
        source, copy = os.path.join(folder, path), os.path.join(target, path)
        above = target
        for part in filter(None, path.split("/")[:-1]):
            above = os.path.join(above, part)
            if not os.path.isdir(above):
                os.mkdir(above)
                os.chmod(above, 0o775)
        if path.endswith("/"):
            continue
        try:
            _copy_one(source, copy)
        except OSError as error:
            raise WorkbenchError(f"cannot be copied into the image: {error.strerror}", where=source) from None


def _copy_one(source: str, copy: str) -> None:
    if os.path.islink(source):
        os.symlink(os.readlink(source), copy)
        return
    mode = stat.S_IMODE(os.stat(source).st_mode)
    # The same for every umask of the checkout: the image does not depend on it.
    required = 0o775 if mode & 0o100 else 0o664
    if mode == required:
        try:
            os.link(source, copy)
            return
        except OSError:
            pass  # another file system, or not ours: copy it
    shutil.copyfile(source, copy)
    os.chmod(copy, required)


def ignored(folder: str) -> Patterns:
    """Return the patterns of .dockerignore and our own; raises as `source_files` does for them."""
    lines: list[tuple[int, str]] = []
    path = os.path.join(folder, IGNORE)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            lines = ignored_lines(file.read())
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError):
        raise WorkbenchError("cannot be read", where=path) from None
    faults = [(f"{path}:{number}", f"{line!r} is no pattern: {why}") for number, line in lines if (why := broken(line))]
    if faults:
        raise FaultsError("a key could go into the image unseen", faults, hint=f"docker takes no such {IGNORE} either")
    # Ours last: no exception of a .dockerignore includes a secret by accident.
    return Patterns([*(line for _, line in lines), *_ALWAYS])
