"""What the page uses of other projects: fetched with npm, held to the digests in page/libraries.toml, and served."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.errors import WorkbenchError

# Where they are, in the state folder of the service.
FOLDER = "page"
_LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page", "libraries.toml")
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class LibraryPackage:
    """A package of npm's: its SHA-512, and the SHA-256 of each file that is taken of it, by its path in there."""

    name: str
    version: str
    sha512: str
    files: Mapping[str, str]


def _packages() -> tuple[LibraryPackage, ...]:
    with open(_LIST, "rb") as file:
        return tuple(LibraryPackage(**each) for each in tomllib.load(file)["packages"])


PACKAGES = _packages()
# The digest of each file by its name, which is that in the folder and that in the page.
DIGESTS = {os.path.basename(path): sha256 for each in PACKAGES for path, sha256 in each.files.items()}


class Libraries:
    """The files in a folder. What is not there yet may be there later; what has another digest is not there."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self._read: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        """Return a file, None when it is not there."""
        if name not in self._read:
            try:
                with open(os.path.join(self._folder, name), "rb") as file:
                    content = file.read()
            except OSError:
                return None
            if hashlib.sha256(content).hexdigest() != DIGESTS[name]:
                return None
            self._read[name] = content
        return self._read[name]


def fetch(folder: str, packages: Sequence[LibraryPackage] = ()) -> list[str]:
    """Put the files of `packages`, by default the page's, into `folder`, all or none; return name@version of each.

    Raises WorkbenchError: there is no npm, it does not get a package, or that is another one than the list has.
    """
    contents: dict[str, bytes] = {}
    wanted = packages or PACKAGES
    for package in wanted:
        contents |= _files(package)
    try:
        os.makedirs(folder, exist_ok=True)
        for name, content in contents.items():
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                file.write(content)
            os.replace(file.name, os.path.join(folder, name))
    except OSError as error:
        raise WorkbenchError(f"the page's terminal cannot be kept: {error.strerror}", where=folder) from None
    return [f"{each.name}@{each.version}" for each in wanted]


def _files(package: LibraryPackage) -> dict[str, bytes]:
    """Return the files of a package by their names."""
    wanted = f"{package.name}@{package.version}"
    with tempfile.TemporaryDirectory(prefix="workbench-npm-") as folder:
        # Nothing of the package is run.
        command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, wanted]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except FileNotFoundError:
            hint = "`apt-get install npm` on Debian; or fetch it elsewhere, and copy the folder `page` of its --state"
            raise WorkbenchError("npm is needed to fetch the page's terminal, and is not here", hint=hint) from None
        except subprocess.TimeoutExpired:
            raise WorkbenchError(f"npm did not get {wanted} within {_SECONDS} seconds") from None
        archives = [name for name in os.listdir(folder) if name.endswith(".tgz")]
        if done.returncode or len(archives) != 1:
            reason = done.stderr.strip()[-500:] or f"it ended with {done.returncode}"
            raise WorkbenchError(
                f"npm does not get {wanted}: {reason}", hint="`npm ping` shows whether it reaches its registry"
            )
        path = os.path.join(folder, archives[0])
        with open(path, "rb") as archive:
            found = hashlib.file_digest(archive, "sha512").hexdigest()
        if found != package.sha512:
            raise WorkbenchError(f"{wanted} is not the package that was looked at: its SHA-512 is {found}")
        with tarfile.open(path) as members:
            return {os.path.basename(name): _member(members, f"package/{name}") for name in package.files}


def _member(members: tarfile.TarFile, name: str) -> bytes:
    file = members.extractfile(name)
    assert file is not None
    return file.read()
