"""Records and markers: small text files whose last line is the sha256 of all lines above it.

What such a file names is used only when it is whole. A byte that was changed, a file that ends too early, and
anything that is no regular file (a link, a folder, a pipe) are one thing: damaged.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat

from workbench.files import replace_text, unfollowed

_SIGN = "sha256:"
# A record of the largest wheels (CUDA, 20,000 files) has 4 MB. Whatever is larger is none, and is not read.
_LARGEST = 256 * 2**20


class DamagedDocumentError(Exception):
    """A record or marker is not what was written."""


def with_digest(body: str) -> str:
    """Return the text of a document of these lines."""
    return f"{body}{_SIGN}{hashlib.sha256(body.encode()).hexdigest()}\n"


def read_document(path: str) -> str:
    """Return the lines of the document at `path`, without the last.

    Raises FileNotFoundError when nothing is there, DamagedDocumentError when it is not what was written, and
    OSError when it cannot be read.
    """
    data = _bytes_of(path)
    body, sign, digest = data.rpartition(_SIGN.encode())
    if not sign or digest != f"{hashlib.sha256(body).hexdigest()}\n".encode():
        raise DamagedDocumentError(path)
    return body.decode()


def write_document(path: str, body: str) -> None:
    """Put the document of the lines `body` at `path`, whole; what has its name goes, a folder too."""
    write_text(path, with_digest(body))


def write_text(path: str, text: str) -> None:
    """Put `text` at `path`, whole, for all to read; what has its name goes, a folder too."""
    make_way(path)
    replace_text(path, text)


def make_way(path: str) -> None:
    """Remove a folder that has the name of a file or link: moved aside first, so that it disappears at once."""
    if not os.path.islink(path) and os.path.isdir(path):
        folder, name = os.path.split(path)
        aside = os.path.join(folder, f".{name}.aside")
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(path, aside)
        shutil.rmtree(aside)


def read_text(path: str) -> str:
    """Return the text of the regular file at `path`; raises DamagedDocumentError when it is another kind, OSError."""
    return _bytes_of(path).decode(errors="surrogateescape")


def _bytes_of(path: str) -> bytes:
    try:
        with open(path, "rb", opener=unfollowed) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
                raise DamagedDocumentError(path)
            return file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        if not os.path.lexists(path) or stat.S_ISREG(os.lstat(path).st_mode):
            raise
        raise DamagedDocumentError(path) from error
