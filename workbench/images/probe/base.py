"""What a base image has: read out of its files before anything is built on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from workbench.images.buildkit.llb.failures import BuildKitError
from workbench.images.validate import APP_ROOT
from workbench.packages import normalized_name

_OS_RELEASE = "/etc/os-release"
_DPKG = "/var/lib/dpkg/status"
_AUTOMATIC = "/var/lib/apt/extended_states"
_USERS = "/etc/passwd"
_GROUPS = "/etc/group"
_ENVIRONMENT = f"{APP_ROOT}/pyvenv.cfg"
_SETTING = re.compile(r"([A-Z][A-Z0-9_]*)=(?:\"([^\"]*)\"|'([^']*)'|(\S*))")
_PYTHON_FOLDER = re.compile(r"python(3\.[0-9]+)")
_DIST = re.compile(r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[^-]+)\.dist-info")
_FILES = (_OS_RELEASE, _DPKG, _AUTOMATIC, _USERS, _GROUPS, _ENVIRONMENT)
_AT_ONCE = 4
_ABSENT = ("no such file", "not found", "not a directory", "does not exist")


class Entry(Protocol):
    """What a folder of a tree has."""

    @property
    def path(self) -> str:
        """Its name."""


class FileTree(Protocol):
    """A tree of files that can be read, such as gateway.Ref. Raises BuildKitError for what does not exist."""

    def read_file(self, path: str) -> bytes:
        """Return what is in a file."""

    def read_dir(self, path: str) -> list[Any]:
        """Return the entries of a folder."""


@dataclass(frozen=True, slots=True)
class BaseInfo:
    """What is known of a base image; what its files do not have is empty.

    `system` is its os-release; `python` the version (3.11) of its environment in /opt/app-root, and
    `packages` what is installed there, by normalised name; `os_packages` are dpkg's, and `chosen`
    those that were not only brought by others; `groups` is the group of each user by number, and
    `has_groups` whether there is a list of groups, without which BuildKit looks up nobody; `compares`
    is whether it has programs that compare trees, which joins need.
    """

    image: str
    system: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    os_packages: Mapping[str, str] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()
    cuda: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    has_groups: bool = False
    compares: bool = False

    @property
    def kind(self) -> str:
        """Return what system it is, as far as archives of packages go: debian-12 for one."""
        system = "-".join(self.system.get(name, "") for name in ("ID", "VERSION_ID"))
        return re.sub(r"[^a-z0-9.-]", "", system.lower()).strip("-") or "other"

    @property
    def system_name(self) -> str:
        """The name of the system, "" when it has none."""
        return self.system.get("PRETTY_NAME") or self.system.get("ID", "")

    def __str__(self) -> str:
        parts = [
            self.system_name or "an unnamed system",
            f"Python {self.python}" if self.python else "no Python of ours",
        ]
        parts += [f"{len(self.packages)} Python packages"] if self.python else []
        parts += [f"{len(self.os_packages)} OS packages"] if self.os_packages else []
        return ", ".join([*parts, f"CUDA {self.cuda}" if self.cuda else "no CUDA"])


def inspect_base(image: str, tree: FileTree, config: Mapping[str, Any]) -> BaseInfo:
    """Return what the image's files (`tree`) and its `config` have."""
    environment = dict(entry.partition("=")[::2] for entry in (config.get("config") or {}).get("Env") or ())
    # Each read takes the daemon some milliseconds, most of which it waits.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        reads = {path: pool.submit(_text, tree, path) for path in _FILES}
        texts = {path: read.result() for path, read in reads.items()}
    python = _python(texts[_ENVIRONMENT], tree)
    os_packages = dict(_dpkg(texts[_DPKG]))
    return BaseInfo(
        image=image,
        system=os_release(texts[_OS_RELEASE]),
        python=python,
        packages=dict(_dists(tree, python)) if python else {},
        os_packages=os_packages,
        chosen=frozenset(os_packages) - _automatic(texts[_AUTOMATIC]),
        cuda=environment.get("CUDA_VERSION", ""),
        compares=bool(python) or _compares({*names_in(tree, "/bin"), *names_in(tree, "/usr/bin")}),
        groups=_groups(texts[_USERS]),
        has_groups=bool(texts[_GROUPS]),
    )


def names_in(tree: FileTree, folder: str) -> list[str]:
    """Return the names of what a folder of the tree has, none when there is no such folder."""
    try:
        return sorted(entry.path for entry in tree.read_dir(folder))
    except BuildKitError as error:
        _raise_unless_absent(error)
        return []


def os_release(text: str) -> dict[str, str]:
    """Return the settings of an os-release file."""
    found = {}
    for line in text.splitlines():
        if match := _SETTING.fullmatch(line.strip()):
            found[match[1]] = match[2] or match[3] or match[4] or ""
    return found


def _text(tree: FileTree, path: str) -> str:
    try:
        return tree.read_file(path).decode(errors="replace")
    except BuildKitError as error:
        _raise_unless_absent(error)
        return ""


def _raise_unless_absent(error: BuildKitError) -> None:
    if not any(sign in f"{error.detail} {error.message}".lower() for sign in _ABSENT):
        raise error


def _python(settings: str, tree: FileTree) -> str:
    """Return the version of the environment: what its settings say, else the newest that has packages."""
    for line in settings.splitlines():
        name, _, value = line.partition("=")
        if name.strip() in ("version", "version_info"):
            return ".".join(value.strip().split(".")[:2])
    found = [match[1] for name in names_in(tree, f"{APP_ROOT}/lib") if (match := _PYTHON_FOLDER.fullmatch(name))]
    return max(found, key=lambda version: int(version.partition(".")[2]), default="")


def _dists(tree: FileTree, python: str) -> Iterator[tuple[str, str]]:
    for name in names_in(tree, f"{APP_ROOT}/lib/python{python}/site-packages"):
        if match := _DIST.fullmatch(name):
            yield normalized_name(match["name"]), match["version"]


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each paragraph of a Debian control file, as far as they stand on one line."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line for line in paragraph.splitlines() if line[:1].strip() and ":" in line]
        if lines:
            yield {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _dpkg(text: str) -> Iterator[tuple[str, str]]:
    for package in _paragraphs(text):
        if package.get("Status") == "install ok installed" and "Package" in package:
            yield package["Package"], package.get("Version", "")


def _automatic(text: str) -> frozenset[str]:
    return frozenset(
        package["Package"]
        for package in _paragraphs(text)
        if package.get("Auto-Installed") == "1" and "Package" in package
    )


def _compares(programs: set[str]) -> bool:
    return "sh" in programs and ("busybox" in programs or {"awk", "find", "tar"} <= programs)


def _groups(text: str) -> dict[str, str]:
    """Return the group of every user by number, out of a passwd file."""
    rows = [line.split(":") for line in text.splitlines()]
    return {row[2]: row[3] for row in rows if len(row) >= 4 and row[2].isdigit() and row[3].isdigit()}
