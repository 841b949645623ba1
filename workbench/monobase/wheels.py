"""What the store knows of a wheel: every file that its installation puts into an environment, bytecode included.

A record is made once for each package, version, set of hashes and kind of Python. With it an environment
is linked together from the store: uv, its cache and the network are for packages that have no record.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from workbench.files import replace_text
from workbench.monobase.interpreters import Interpreter
from workbench.monobase.prefix import Prefix
from workbench.monobase.requirements import LockedPackage

# Part of every key: a change of what a record holds makes new ones.
_FORM = "1"
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Wheel:
    """An installed package: what was locked, where to look for it, for which Python, and its files' entries by path."""

    locked: LockedPackage
    options: tuple[str, ...]
    kind: str
    files: Mapping[str, str]

    def text(self) -> str:
        """Return the record as it is kept: the same bytes for the same wheel."""
        data = {
            "package": asdict(self.locked),
            "options": list(self.options),
            "python": self.kind,
            "files": dict(sorted(self.files.items())),
        }
        return json.dumps(data, indent=0, separators=(",", ":")) + "\n"


def key_of(locked: LockedPackage, interpreter: Interpreter) -> str:
    """Return the name of the record of `locked` for that kind of Python."""
    # A condition may ask for more of the version than the kind shows.
    full = interpreter.version if locked.conditional else ""
    text = json.dumps([_FORM, locked.text, interpreter.kind, full])
    return hashlib.sha256(text.encode()).hexdigest()


class Wheels:
    """The records below a prefix; each is read once."""

    def __init__(self, prefix: Prefix) -> None:
        self.folder = prefix.below("store", "wheels")
        self._read: dict[str, Wheel] = {}

    def path(self, key: str) -> str:
        """Return where the record `key` is, or would be."""
        return os.path.join(self.folder, f"{key}.json")

    def get(self, key: str) -> Wheel | None:
        """Return the record `key`, or None when there is none, or one that cannot be read."""
        if key not in self._read:
            try:
                with open(self.path(key), encoding="utf-8") as file:
                    data = json.load(file)
                self._read[key] = Wheel(
                    LockedPackage(**data["package"]), tuple(data["options"]), data["python"], dict(data["files"])
                )
            except (OSError, ValueError, KeyError, TypeError):
                return None
        return self._read[key]

    def add(self, key: str, wheel: Wheel) -> None:
        """Keep `wheel` as the record `key`. Its files are stored by then: a record is never ahead of them."""
        os.makedirs(self.folder, exist_ok=True)
        replace_text(self.path(key), wheel.text())
        self._read[key] = wheel

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


def below_site(path: str) -> str:
    """Return the part of `path` below site-packages: where a source is imported from, whichever the environment."""
    return path.partition("/site-packages/")[2]
