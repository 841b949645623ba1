"""Measures the files of an image. `image_sizes` passes this file to the image's Python; it prints JSON.

Nothing is judged here, and only the standard library is used. A file is counted once, however many names it has, and
belongs to one package: that of the operating system or of Python whose record names it, the innermost of npm's that it
lies in, else to its folder.
"""

import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
from importlib.metadata import distributions

OS, PYTHON, NPM, FOLDER = "os", "python", "npm", "folder"
_DPKG = "/var/lib/dpkg/info"
_RPM = "[%{=NAME}\t%{=VERSION}-%{=RELEASE}\t%{FILENAMES}\n]"
_MODULES = "/node_modules/"

# A kind, a name, a version.
Owner = tuple[str, str, str]


def dpkg_owners(folder: str = _DPKG) -> dict[str, Owner]:
    """Return the packages of Debian's by the paths of their files, by their real folders."""
    if not shutil.which("dpkg-query"):
        return {}
    command = ["dpkg-query", "--show", "--showformat=${binary:Package}\t${Version}\n"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    owners: dict[str, Owner] = {}
    for name, version in (line.split("\t") for line in listed.splitlines()):
        try:
            with open(f"{folder}/{name}.list", encoding="utf-8", errors="surrogateescape") as file:
                paths = file.read().splitlines()
        except OSError:
            continue
        owners.update({real(path): (OS, name.partition(":")[0], version) for path in paths})
    return owners


def rpm_owners() -> dict[str, Owner]:
    """Return the packages of RPM's by the paths of their files, by their real folders."""
    if not shutil.which("rpm"):
        return {}
    listed = subprocess.run(["rpm", "-qa", "--qf", _RPM], capture_output=True, text=True, check=True).stdout
    rows = (line.split("\t") for line in listed.splitlines())
    return {real(row[2]): (OS, row[0], row[1]) for row in rows if len(row) == 3}


def python_owners(path: list[str]) -> dict[str, Owner]:
    """Return the packages of Python's on `path` by the paths of their files."""
    owners: dict[str, Owner] = {}
    for found in distributions(path=path):
        owner = (PYTHON, found.metadata["Name"] or "?", found.version)
        for file in found.files or ():
            owners[os.path.normpath(str(found.locate_file(file)))] = owner
    return owners


_FOLDERS: dict[str, str] = {}


def real(path: str) -> str:
    """Return a path with the real name of its folder: /bin is /usr/bin on systems where they are one."""
    folder, _, name = path.rpartition("/")
    if folder not in _FOLDERS:
        _FOLDERS[folder] = os.path.realpath(folder) if folder else ""
    return f"{_FOLDERS[folder].rstrip('/')}/{name}"


_MANIFESTS: dict[str, str] = {}


def npm_owner(path: str) -> Owner:
    """Return the package of npm's that a path below a node_modules lies in."""
    before, _, rest = path.rpartition(_MODULES)
    name = "/".join(rest.split("/")[: 2 if rest.startswith("@") else 1])
    folder = f"{before}{_MODULES}{name}"
    if folder not in _MANIFESTS:
        try:
            with open(f"{folder}/package.json", encoding="utf-8") as file:
                _MANIFESTS[folder] = str(json.load(file).get("version", ""))
        except (OSError, ValueError, AttributeError):
            _MANIFESTS[folder] = ""
    return (NPM, name, _MANIFESTS[folder])


def measure(root: str, owners: dict[str, Owner]) -> dict[Owner, list[int]]:
    """Return how many bytes and files each owner has of those below `root`, on its file system alone."""
    device, seen = os.lstat(root).st_dev, set()
    found: dict[Owner, list[int]] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if os.lstat(os.path.join(folder, name)).st_dev == device]
        for name in files:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode) or status.st_dev != device or status.st_ino in seen:
                continue
            if status.st_nlink > 1:
                seen.add(status.st_ino)
            owner = owners.get(path) or owners.get(source(path))
            if owner is None:
                owner = npm_owner(path) if _MODULES in path else (FOLDER, shown_folder(folder), "")
            counts = found.setdefault(owner, [0, 0])
            counts[0] += status.st_size
            counts[1] += 1
    return found


def source(path: str) -> str:
    """Return of what a file is the bytecode, "" where it is none: no record names what is compiled at installation."""
    try:
        return importlib.util.source_from_cache(path) if path.endswith(".pyc") else ""
    except ValueError:
        return ""


def shown_folder(folder: str) -> str:
    """Return the folder that a file without a package is counted in: two levels, three below the application's."""
    parts = folder.strip("/").split("/")
    return "/" + "/".join(parts[: 3 if parts[:2] == ["opt", "app-root"] else 2])


def main() -> None:
    """Print what was found, as a list of rows."""
    owners = {**python_owners(sys.path), **dpkg_owners(), **rpm_owners()}
    rows = [[*owner, *counts] for owner, counts in measure("/", owners).items()]
    print(json.dumps(rows, ensure_ascii=True))


if __name__ == "__main__":
    main()
