"""What the store knows of a wheel: every file that its installation puts into an environment, bytecode included.

A record is made once for each package, version, set of hashes and kind of Python. With it an environment
is linked together from the store: uv, its cache and the network are for packages that have no record.

A record is used only when it is whole (`documents.py`), is about what its name says, and none of its paths
leaves the environment.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from workbench.monobase.documents import DamagedDocumentError, make_way, read_document, write_document
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.prefix import Prefix
from workbench.monobase.requirements import LockedPackage
from workbench.monobase.store import is_entry

# Part of every key: a change of what a record holds makes new ones.
_FORM = "2"
# NAME_MAX of Linux's file systems, in bytes.
_LONGEST = 255
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Wheel:
    """An installed package: what was locked, where to look for it, for which Python, and its files' entries by path.

    `version` is the full version of the Python where a condition decides over the package, else "".
    """

    locked: LockedPackage
    options: tuple[str, ...]
    kind: str
    version: str
    files: Mapping[str, str]

    @classmethod
    def of(
        cls, locked: LockedPackage, options: tuple[str, ...], interpreter: Interpreter, files: Mapping[str, str]
    ) -> Wheel:
        """Return what `files` are, as a package that was installed for that Python."""
        return cls(locked, options, interpreter.kind, interpreter.version if locked.conditional else "", files)

    @property
    def key(self) -> str:
        """The name of its record."""
        text = json.dumps([_FORM, self.locked.text, self.kind, self.version])
        return hashlib.sha256(text.encode()).hexdigest()

    def text(self) -> str:
        """Return the record as it is kept: the same bytes for the same wheel."""
        data = {
            "package": asdict(self.locked),
            "options": list(self.options),
            "python": self.kind,
            "version": self.version,
            "files": dict(sorted(self.files.items())),
        }
        return json.dumps(data, indent=0, separators=(",", ":")) + "\n"

    def digest(self) -> str:
        """Return the sha256 of what it puts into an environment: the key, and each path with its entry."""
        lines = "".join(f"{path}\0{entry}\n" for path, entry in sorted(self.files.items()))
        return hashlib.sha256(f"{self.key}\n{lines}".encode()).hexdigest()


def key_of(locked: LockedPackage, interpreter: Interpreter) -> str:
    """Return the name of the record of `locked` for that kind of Python."""
    # A condition may ask for more of the version than the kind shows.
    return Wheel.of(locked, (), interpreter, {}).key


def is_inside(path: str) -> bool:
    """Return whether `path` names a file below the folder that it is joined to, by its shortest name."""
    return (
        posixpath.normpath(path) == path
        and not path.startswith(("/", "../"))
        and path not in (".", "..", ".done")
        and not any(character in path for character in "\0\n")
    )


def is_key(text: str) -> bool:
    """Return whether `text` can be the name of a record."""
    return _KEY.fullmatch(text) is not None


def _parse(key: str, body: str) -> Wheel:
    """Return the record of these lines; raises ValueError, KeyError or TypeError when it cannot be the record `key`."""
    data = json.loads(body)
    package, files = data["package"], dict(data["files"])
    locked = LockedPackage(str(package["name"]), str(package["text"]), bool(package["conditional"]))
    options = tuple(str(option) for option in data["options"])
    wheel = Wheel(locked, options, str(data["python"]), str(data["version"]), files)
    if wheel.key != key or not all(
        is_inside(path) and isinstance(entry, str) and is_entry(entry) for path, entry in files.items()
    ):
        raise ValueError(key)
    return wheel


class Wheels:
    """The records below a prefix; each is read once."""

    def __init__(self, prefix: Prefix) -> None:
        self.folder = prefix.below("store", "wheels")
        self._read: dict[str, Wheel] = {}
        self._digests: dict[str, str] = {}

    def path(self, key: str) -> str:
        """Return where the record `key` is, or would be."""
        return os.path.join(self.folder, f"{key}.json")

    def get(self, key: str) -> Wheel | None:
        """Return the record `key`, or None when there is none that can be used."""
        if key not in self._read:
            try:
                self._read[key] = _parse(key, read_document(self.path(key)))
            except (OSError, DamagedDocumentError, ValueError, KeyError, TypeError, AttributeError):
                return None
        return self._read.get(key)

    def digest(self, key: str) -> str:
        """Return the digest of the record `key`; "" when there is none that can be used."""
        if (wheel := self.get(key)) is None:
            return ""
        if key not in self._digests:
            self._digests[key] = wheel.digest()
        return self._digests[key]

    def add(self, key: str, wheel: Wheel) -> None:
        """Keep `wheel` as the record `key`. Its files are stored by then: a record is never ahead of them."""
        os.makedirs(self.folder, exist_ok=True)
        write_document(self.path(key), wheel.text())
        self._digests.pop(key, None)
        self._read[key] = wheel

    def drop(self, key: str) -> None:
        """Forget the record `key`: it cannot be used, and the package is installed again."""
        self._read.pop(key, None)
        self._digests.pop(key, None)
        with contextlib.suppress(FileNotFoundError):
            make_way(self.path(key))
            os.unlink(self.path(key))

    def keys(self) -> list[str]:
        """Return the names of all records, in order."""
        names = (name.removesuffix(".json") for name in (os.listdir(self.folder) if os.path.isdir(self.folder) else ()))
        return sorted(name for name in names if _KEY.fullmatch(name))

    def bytecode(self, kind: str) -> dict[tuple[str, str], str]:
        """Return the stored bytecode for that kind of Python, by its source's path below site-packages and entry."""
        found: dict[tuple[str, str], str] = {}
        for key in self.keys():
            wheel = self.get(key)
            if wheel is not None and wheel.kind == kind:
                found.update(compiled_in(wheel.files, kind.split()[0]))
        return found


def compiled_in(files: Mapping[str, str], tag: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield ((path below site-packages, entry), entry of its bytecode) for every source of a wheel that has one."""
    for path, entry in files.items():
        if path.endswith(".py") and (made := files.get(bytecode_path(path, tag))):
            yield (below_site(path), entry.removesuffix("-x")), made


def bytecode_path(path: str, tag: str) -> str:
    """Return where Python keeps the bytecode of the source at `path`."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc"


def fits(path: str) -> bool:
    """Return whether a file system takes the name of the file `path`; Python keeps no bytecode whose name is longer."""
    return len(os.fsencode(os.path.basename(path))) <= _LONGEST


def below_site(path: str) -> str:
    """Return the part of `path` below site-packages: where a source is imported from, whichever the environment."""
    return path.partition("/site-packages/")[2]
