"""Writing a recipe folder: whole or not at all, whatever happens in between."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from workbench.catalog.questions import differences
from workbench.commands import here
from workbench.compose.recipe import MANIFEST, RECORDS, Recipe, RecipeFile
from workbench.errors import FaultsError, WorkbenchError
from workbench.files import entries_below, exchange
from workbench.recipes.read import read_manifest

# What becomes of a file. DELETE is for what an earlier recipe had there, KEEP for what is the user's own.
CREATE, IDENTICAL, REPLACE, DELETE, KEEP = "create", "identical", "replace", "delete", "keep"
# Where recipe folders go by default.
DEFAULT_OUT = "recipes"
_STAGING = ".staging"


@dataclass(frozen=True, slots=True)
class Written:
    """What writing a recipe did: the folder, and for each path create, identical, replace, delete or keep."""

    folder: str
    files: dict[str, str]


def folder_of(recipe: Recipe, out: str) -> str:
    """Return the folder of `recipe` below `out`: it is named like the tag."""
    return os.path.join(out, str(recipe.tag))


def compare(recipe: Recipe, folder: str) -> dict[str, str]:
    """Return create, identical, replace, delete or keep for each path of `recipe` and each that is in `folder`.

    What is there and not in the recipe is deleted when an earlier recipe made it, as its recipe.toml says; else
    it is the user's own, and kept. Records of an earlier build are neither: they go when the folder is replaced.
    """
    found = {path: IDENTICAL if _is_folder(folder, path) else CREATE for path in recipe.files}
    earlier = _earlier(folder)
    # A file cannot stand where the recipe has a folder, nor a folder where it has a file.
    folders = {path[:at] for path in recipe.files for at, sign in enumerate(path) if sign == "/"}
    for path in entries_below(folder):
        if path in recipe.files:
            found[path] = IDENTICAL if _same(recipe, path, os.path.join(folder, path)) else REPLACE
        elif path not in RECORDS and path.rstrip("/") not in folders:
            above = {path[:at] for at, sign in enumerate(path) if sign == "/"}
            found[path] = DELETE if path in earlier or above & recipe.files.keys() else KEEP
        elif path in folders:
            found[path] = DELETE
    return dict(sorted(found.items()))


def _is_folder(folder: str, path: str) -> bool:
    """Return whether `path` is an empty folder of a recipe, and a folder in `folder`, whatever is in it."""
    full = os.path.join(folder, path.rstrip("/"))
    return path.endswith("/") and os.path.isdir(full) and not os.path.islink(full)


def _earlier(folder: str) -> Mapping[str, str]:
    """Return what the recipe.toml in `folder` lists, the file itself included; nothing where there is none."""
    try:
        return {**read_manifest(folder).files, MANIFEST: ""} if os.path.isdir(folder) else {}
    except WorkbenchError:
        return {}


def _same(recipe: Recipe, path: str, full: str) -> bool:
    file = recipe.files[path]
    if path.endswith("/"):
        return True
    if not os.path.isfile(full) or os.path.islink(full) or bool(os.stat(full).st_mode & 0o100) != file.executable:
        return False
    with open(full, "rb") as existing:
        return existing.read() == file.data


def write(recipe: Recipe, out: str, *, force: bool = False, clean: bool = False) -> Written:
    """Write `recipe` into its folder below `out` and return what was done.

    An existing folder whose recipe differs is left as it is: FaultsError says what differs
    (the selection first). With `force` it is replaced, and the files that are the user's own stay; with `clean`
    too they go. Raises WorkbenchError when the disk refuses; then nothing is left behind.
    """
    folder = folder_of(recipe, out)
    exists = os.path.lexists(folder)
    files = compare(recipe, folder) if exists else dict.fromkeys(sorted(recipe.files), CREATE)
    if clean:
        files = {path: DELETE if status == KEEP else status for path, status in files.items()}
    if exists and all(status in (IDENTICAL, KEEP) for status in files.values()):
        return Written(folder, files)
    if exists and not force:
        raise refusal(recipe, folder, files)
    kept = {path: os.path.join(folder, path) for path, status in files.items() if status == KEEP}
    with disk_errors(out):
        replace_folder(out, str(recipe.tag), recipe.files, kept)
    return Written(folder, files)


def replace_folder(out: str, name: str, files: Mapping[str, RecipeFile], kept: Mapping[str, str] | None = None) -> None:
    """Make the folder `name` below `out` hold `files`, copies of what is `kept` and nothing else: in one step, or not.

    `kept` is a full path for each path. Raises OSError when the disk refuses; then nothing is left behind.
    """
    folder = os.path.join(out, name)
    # A folder of its own for what is being written: looking for what a killed run left there
    # stays cheap however many recipes stand beside it.
    staging = os.path.join(out, _STAGING)
    staged = os.path.join(staging, f"{os.getpid()}.{name}")
    try:
        _stage(out, staging, staged)
        _fill(files, staged)
        for path, full in (kept or {}).items():
            _make_folders(staged, os.path.dirname(path))
            if not path.endswith("/"):
                _copy(full, os.path.join(staged, path))
        if os.path.lexists(folder):
            exchange(staged, folder)
        else:
            os.rename(staged, folder)
    finally:
        _remove(staged)
        _remove_if_empty(staging)


def _copy(full: str, to: str) -> None:
    """Copy a file as it is, a link as a link; raises OSError for what is neither."""
    if not os.path.islink(full) and not os.path.isfile(full):
        raise OSError(errno.EINVAL, "it is neither a file nor a link", full)
    shutil.copy2(full, to, follow_symlinks=False)


def _stage(out: str, staging: str, staged: str) -> None:
    os.makedirs(out, exist_ok=True)
    while True:
        try:
            if not os.path.isdir(staging):
                os.mkdir(staging)
            _remove_abandoned(staging)
            os.mkdir(staged)
            return
        except (FileExistsError, FileNotFoundError):
            # Another run made the folder just now, or ended and took the empty one away: again.
            if os.path.lexists(staged) or (os.path.lexists(staging) and not os.path.isdir(staging)):
                raise


def _fill(files: Mapping[str, RecipeFile], staged: str) -> None:
    # The modes are set by hand: the same folder comes out under any umask.
    os.chmod(staged, 0o755)
    for path, file in files.items():
        full = os.path.join(staged, path)
        parent = os.path.dirname(path)
        if parent and not os.path.isdir(os.path.join(staged, parent)):
            _make_folders(staged, parent)
        if path.endswith("/"):
            continue
        with open(full, "wb") as target:
            target.write(file.data)
        os.chmod(full, 0o755 if file.executable else 0o644)


def _make_folders(staged: str, parent: str) -> None:
    at = staged
    for name in parent.split("/") if parent else ():
        at = os.path.join(at, name)
        if not os.path.isdir(at):
            os.mkdir(at)
            os.chmod(at, 0o755)


def refusal(recipe: Recipe, folder: str, files: dict[str, str]) -> FaultsError:
    """Return the error that says what stands in the way of `recipe` in `folder`; `files` is what compare returned."""
    faults = []
    try:
        theirs = read_manifest(folder).selection
    except WorkbenchError:
        what = "exists and is no recipe of ours"
    else:
        manifest = os.path.join(folder, MANIFEST)
        changed = differences(theirs, recipe.selection)
        faults = [(manifest, f"{name} was {old!r}, now {new!r}") for name, (old, new) in changed.items()]
        what = "was made from another selection" if faults else "was changed since it was made, or the catalogue was"
    words = {REPLACE: "differs", CREATE: "is missing there", DELETE: "is of the recipe that was there"}
    faults += [(os.path.join(folder, path), words[status]) for path, status in files.items() if status in words]
    own = " Your own files stay." if KEEP in files.values() else ""
    update = here(f"update {shlex.quote(folder)}")
    hint = f"see how with --diff, keep your changes with `{update}`, give another --out, or replace it with --force."
    return FaultsError(f"{folder} {what}", faults, hint=f"{hint}{own}")


def _remove_abandoned(staging: str) -> None:
    """Remove what a killed run of ours left: its process is gone."""
    for name in os.listdir(staging):
        process = name.partition(".")[0]
        if process.isdigit() and not _is_running(int(process)):
            _remove(os.path.join(staging, name))


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return process != os.getpid()  # our own number, left by an earlier process that had it


def _remove_if_empty(staging: str) -> None:
    try:
        os.rmdir(staging)
    except OSError:
        pass  # another run is writing there, or it is gone already


def _remove(folder: str) -> None:
    if os.path.lexists(folder):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def disk_errors(out: str) -> Iterator[None]:
    """Turn an OSError of writing below `out` into a WorkbenchError."""
    try:
        yield
    except OSError as error:
        raise WorkbenchError(
            f"the recipe cannot be written: {error.strerror}",
            where=str(error.filename or out),
            hint="nothing was written; fix that, or give another --out",
        ) from None
