"""Lists of operating system packages: one name a line, blank lines and comments between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.catalog.faults import Faults
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Bundle, Catalogue, Ide
from workbench.catalog.views import every_view
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


def package_lists(view: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield the path of every list of a catalogue, with the system or family that it is for, "" for all.

    They are those of bundles and IDEs, and of the bases, each for its own system.
    """
    parts: list[Bundle | Ide] = [*view.bundles.values(), *view.ides.values()]
    for part in parts:
        yield from ((path, variant) for variant, path in part.os_packages.items())
    for name in view.systems:
        if view.tree.exists(path := f"base/{name}/os-packages.txt"):
            yield path, name


def package_list_faults(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Return every line that is no package's name, of the lists of the catalogue and of each release's own."""
    faults = Faults()
    # A release whose folder cannot be used is reported by whoever checks that.
    for view in every_view(catalogue, Faults()):
        for path, _ in package_lists(view):
            with faults:
                read_os_packages(view.tree, path)
    return list(dict.fromkeys(faults.found))


def _message(word: str) -> str:
    return f"{word[:80]!r} is no name of a package"
