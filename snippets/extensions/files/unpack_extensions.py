"""Fetches extensions of VS Code, checks their digests and unpacks them, for a step of a build.

    unpack_extensions.py ADDRESS FOLDER PUBLISHER.NAME@VERSION[@PLATFORM]=sha256:DIGEST …

ADDRESS is that of an Open VSX; a secret WORKBENCH_OPENVSX has another one. Each extension gets a folder of its own in
FOLDER. One with archives for several platforms stands there once for each, and one that has none for this machine is
left out, which is printed.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import platform
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path, PurePosixPath

_SECRET = Path("/run/secrets/WORKBENCH_OPENVSX")
_WORD = re.compile(r"([^@=.]+)\.([^@=]+)@([^@=]+)(?:@([^@=]+))?=sha256:([0-9a-f]{64})")
# Open VSX's words for the machines that `uname -m` names.
_PLATFORMS = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}
# What a .vsix has beside the extension, such as its manifest, stays out.
_INSIDE = "extension"
_TRIES = 3
_SECONDS = 60


class Refused(Exception):
    """Why an extension is not there, in a line."""


def archive_path(publisher: str, name: str, version: str, target: str) -> str:
    """Return the path of an archive at an Open VSX, as the README of Open Data Hub's codeserver has it (2026-11-30)."""
    folder, file = f"api/{publisher}/{name}", f"{publisher}.{name}-{version}"
    return (
        f"{folder}/{target}/{version}/file/{file}@{target}.vsix" if target else f"{folder}/{version}/file/{file}.vsix"
    )


def fetch(address: str, path: str) -> bytes:
    """Return what is at `path` below `address`, in which user and password may stand; raises Refused."""
    parts = urllib.parse.urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    url = urllib.parse.urlunsplit((parts.scheme, host, f"{parts.path.rstrip('/')}/{path}", "", ""))
    request = urllib.request.Request(url)
    if "@" in parts.netloc:
        user = urllib.parse.unquote(parts.netloc.rpartition("@")[0])
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
    for left in reversed(range(_TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:
                return bytes(response.read())
        except (OSError, HTTPException, ValueError) as error:
            is_final = isinstance(error, ValueError) or (isinstance(error, urllib.error.HTTPError) and error.code < 500)
            if is_final or not left:
                raise Refused(f"cannot be fetched from {url}: {error}") from None
            time.sleep(_TRIES - left)
    raise AssertionError


def unpack(data: bytes, folder: Path, name: str, version: str) -> None:
    """Unpack the extension in the .vsix `data` into `folder`; raises Refused for an archive of anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [
                each for each in archive.infolist() if not each.is_dir() and each.filename.startswith(f"{_INSIDE}/")
            ]
            manifest = json.loads(archive.read(f"{_INSIDE}/package.json"))
            found = f"{manifest['publisher']}.{manifest['name']}@{manifest['version']}"
            if found.lower() != f"{name}@{version}".lower():
                raise Refused(f"is the archive of {found}")
            for each in files:
                path = PurePosixPath(each.filename)
                mode = each.external_attr >> 16
                # A file, or no mode at all: no link leads out of the folder.
                if ".." in path.parts or "\\" in each.filename or mode & 0o170000 not in (0, 0o100000):
                    raise Refused(f"has {each.filename!r}, which may not be in it")
                target = folder.joinpath(*path.parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(each))
                # Some extensions bring programs.
                target.chmod(0o755 if mode & 0o111 else 0o644)
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise Refused(f"is no archive of an extension: {error!r}") from None


def install(address: str, folder: Path, words: list[str], machine: str) -> list[str]:
    """Install the extensions of `words` for `machine` (as `uname -m` has it); return those that it has none of.

    Raises SystemExit with a line for the first that cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing: dict[str, None] = {}
    installed = set()
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None:
            raise SystemExit(f"{word} is no extension with its version and digest")
        publisher, short, version, target, digest = match.groups(default="")
        name = f"{publisher}.{short}"
        if target not in ("", _PLATFORMS.get(machine)):
            missing[name] = None
            continue
        try:
            data = fetch(address, archive_path(publisher, short, version, target))
            if (own := hashlib.sha256(data).hexdigest()) != digest:
                raise Refused(f"is not the archive that was pinned: its sha256 is {own}")
            unpack(data, folder / f"{name}-{version}".lower(), name, version)
        except Refused as error:
            raise SystemExit(f"extension {name} {version} {error}") from None
        installed.add(name)
        print(f"extension {name} {version}")
    return [name for name in missing if name not in installed]


if __name__ == "__main__":
    given, to, *extensions = sys.argv[1:]
    source = _SECRET.read_text().strip() if _SECRET.exists() else ""
    for each in install(source or given, Path(to), extensions, platform.machine()):
        print(f"extension {each}: no archive is pinned for {platform.machine()}, so it is left out")
