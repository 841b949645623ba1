"""Which files of a model's folder go into its image: all but those that .dockerignore and common sense leave out."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.model.lock import LOCK

IGNORE = ".dockerignore"
# Histories, environments and what was made of the sources; and what by its name holds secrets.
_ALWAYS = (
    *("**/.git", "**/.venv", "**/venv", "**/__pycache__", "**/*.pyc", "**/.mypy_cache", "**/.pytest_cache", "logs"),
    *("**/.env", "**/.env.*", "**/.netrc", "**/.ssh", "**/id_rsa", "**/id_ed25519", "**/.cog", IGNORE, LOCK),
)


@dataclass(frozen=True, slots=True)
class _Pattern:
    expression: re.Pattern[str]
    takes_back: bool


def source_files(folder: str) -> list[str]:
    """Return the files and links of the model in `folder` that its image gets, sorted, relative to it.

    Raises WorkbenchError for a link that leads out of the folder, for what is neither file, link nor
    folder, and for a .dockerignore that cannot be read.
    """
    patterns = _patterns(folder)
    found = []
    root = os.path.realpath(folder)
    for above, folders, names in os.walk(folder):
        relative = os.path.relpath(above, folder)
        relative = "" if relative == "." else f"{relative}/"
        linked = [name for name in folders if os.path.islink(os.path.join(above, name))]
        # A folder may hold what is taken back: it is left out whole only when nothing can be.
        keeps = any(pattern.takes_back for pattern in patterns)
        folders[:] = [
            name for name in folders if name not in linked and (keeps or not _left_out(relative + name, patterns))
        ]
        for name in [*names, *linked]:
            path = relative + name
            if _left_out(path, patterns):
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
    return sorted(found)


def lay(folder: str, files: Sequence[str], target: str) -> None:
    """Put `files` of `folder` below `target`, linked where they can be; whoever is in group 0 may use them."""
    os.makedirs(target, exist_ok=True)
    os.chmod(target, 0o775)
    for path in files:
        source, laid = os.path.join(folder, path), os.path.join(target, path)
        above = target
        for part in path.split("/")[:-1]:
            above = os.path.join(above, part)
            if not os.path.isdir(above):
                os.mkdir(above)
                os.chmod(above, 0o775)
        try:
            _lay_one(source, laid)
        except OSError as error:
            raise WorkbenchError(f"cannot be taken into the image: {error.strerror}", where=source) from None


def _lay_one(source: str, laid: str) -> None:
    if os.path.islink(source):
        os.symlink(os.readlink(source), laid)
        return
    mode = stat.S_IMODE(os.stat(source).st_mode)
    # The same for every umask that it was checked out with: an image does not depend on that.
    wanted = 0o775 if mode & 0o100 else 0o664
    if mode == wanted:
        try:
            os.link(source, laid)
            return
        except OSError:
            pass  # another file system, or not ours: a copy does as well
    shutil.copyfile(source, laid)
    os.chmod(laid, wanted)


def _left_out(path: str, patterns: Sequence[_Pattern]) -> bool:
    """Return whether the last pattern that fits `path`, or a folder above it, leaves it out."""
    out = False
    for pattern in patterns:
        if pattern.expression.fullmatch(path):
            out = not pattern.takes_back
    return out


def _patterns(folder: str) -> list[_Pattern]:
    lines: list[str] = []
    path = os.path.join(folder, IGNORE)
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError):
        raise WorkbenchError("cannot be read", where=path) from None
    given = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    found = [_Pattern(re.compile(_expression(line.lstrip("!").strip())), line.startswith("!")) for line in given]
    # Ours last: no line of a .dockerignore brings a secret in by taking back more than was meant.
    return [*found, *(_Pattern(re.compile(_expression(line)), False) for line in _ALWAYS)]


def _expression(pattern: str) -> str:
    """Return a .dockerignore pattern as an expression over whole paths; what it fits, it fits with all below it."""
    return "".join(_parts(os.path.normpath(pattern.strip("/") or "."))) + "(?:/.*)?"


def _parts(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            yield "(?:.*/)?"
            at += 3
        elif pattern.startswith("**", at):
            yield ".*"
            at += 2
        elif pattern[at] == "*":
            yield "[^/]*"
            at += 1
        elif pattern[at] == "?":
            yield "[^/]"
            at += 1
        else:
            yield re.escape(pattern[at])
            at += 1
