"""What takes minutes to make, kept from one test run to the next by the digest of what it is made from."""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.catalogues import REPOSITORY
from tests.engine import Engine

# Where they are kept, and whether: 0 makes them anew and keeps none.
FOLDER, KEEP = "WORKBENCH_TEST_IMAGES", "WORKBENCH_KEEP_TEST_IMAGES"


# What this process has made.
_MADE: set[Path] = set()


def digest_of(sources: Iterable[Path]) -> str:
    """Return the sha256 of files, and of all files below folders, with their names.

    The week counts too: what a distribution has in its archive is part of such an image, and changes.
    """
    digest = hashlib.sha256(f"{datetime.date.today():%G-%V}".encode())
    for source in sources:
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(REPOSITORY)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _folder() -> Path:
    return Path(os.environ.get(FOLDER, Path.home() / ".cache/workbench-images/tests"))


def kept(engine: Engine, kind: str, digest: str, make: Callable[[], str]) -> str:
    """Return the name of the image that `make` makes, loaded from what an earlier run kept where there is such a one.

    `digest` identifies what the image is made from. One image of a kind is kept.
    """
    folder = _folder()
    archive = folder / f"{kind}-{digest}.tar"
    with _locked(folder, kind):
        return _load_or_make(engine, archive, kind, make)


def kept_file(kind: str, digest: str, make: Callable[[Path], None]) -> Path:
    """Return the file that `make` writes to the path it is given, or the one that an earlier run kept.

    `digest` identifies what it is made from. One file of a kind is kept; with KEEP=0 it is made anew once in a process.
    """
    folder = _folder()
    file = folder / f"{kind}-{digest}"
    with _locked(folder, kind):
        if not file.exists() or (os.environ.get(KEEP) == "0" and file not in _MADE):
            new = folder / f".{kind}-{secrets.token_hex(8)}.new"
            try:
                make(new)
                for old in folder.glob(f"{kind}-*"):
                    old.unlink()
                new.rename(file)
            finally:
                new.unlink(missing_ok=True)
        _MADE.add(file)
    return file


@contextmanager
def _locked(folder: Path, kind: str) -> Iterator[None]:
    """Hold a lock, so that of two processes that need an image one makes it and the other waits for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{kind}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _load_or_make(engine: Engine, archive: Path, kind: str, make: Callable[[], str]) -> str:
    folder = archive.parent
    if (
        os.environ.get(KEEP) != "0"
        and archive.exists()
        and (loaded := engine.try_("load", "--quiet", "--input", str(archive))).returncode == 0
    ):
        return loaded.stdout.decode().strip().rpartition(" ")[2]
    image = make()
    if os.environ.get(KEEP) != "0":
        new = folder / f".{kind}-{secrets.token_hex(8)}.new"
        try:
            engine("save", "--quiet", "--format", "oci-archive", "--output", str(new), image)
            for old in folder.glob(f"{kind}-*.tar"):
                old.unlink(missing_ok=True)
            new.rename(archive)
        finally:
            new.unlink(missing_ok=True)
    return image
