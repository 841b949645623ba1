"""Lists of operating system packages: one name a line, blank lines and comments between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.catalog.tree import CatalogueTree
from workbench.errors import FaultsError

# A name of Debian (policy 5.6.1) or of RPM, with what apt and dnf take behind it: an architecture or a stream
# (:i386), a version (=1.2-3), an archive (/bookworm-backports). A last `-` would have apt remove the package.
_NAME = re.compile(
    r"@?[A-Za-z0-9](?:[A-Za-z0-9+._-]*[A-Za-z0-9+])?"
    r"(?::[A-Za-z0-9][A-Za-z0-9+._~^-]*)?"
    r"(?:=[A-Za-z0-9][A-Za-z0-9+.:~-]*|/[A-Za-z0-9][A-Za-z0-9.-]*)?"
)
_COMMENT = re.compile(r"(?:^|\s)#.*")
_HINT = "write one package a line; comments begin with #"


def packages_of(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each line of a list that names something: its number, what it says, whether that is a package's name.

    A byte order mark and the line ends of Windows are no part of a name.
    """
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if word := _COMMENT.sub("", line).strip():
            yield number, word, _NAME.fullmatch(word) is not None


def read_os_packages(tree: CatalogueTree, path: str) -> tuple[str, ...]:
    """Return the packages of the list at `path`, in its order, each once.

    Raises FaultsError with file and line for everything that is no package's name, and WorkbenchError for
    a list that cannot be read.
    """
    lines = list(packages_of(tree.text(path)))
    if faults := [(f"{tree.place(path)}:{number}", _message(word)) for number, word, fits in lines if not fits]:
        what = "the list of packages cannot be installed" if len(faults) > 1 else faults[0][1]
        raise FaultsError(what, faults, hint=_HINT)
    return tuple(dict.fromkeys(word for _, word, _ in lines))


def _message(word: str) -> str:
    return f"{word[:80]!r} is no name of a package"
