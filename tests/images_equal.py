"""Are two images the same? Every path of their file systems and their whole configuration, but for MAY_DIFFER."""

from __future__ import annotations

import fnmatch
import hashlib
import importlib.util
import json
import marshal
import posixpath
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.dockerd import Dockerd
from tests.engine import Engine

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_TYPES = {
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "pipe",
}
# Compared as they are; the others, such as what the image was made from, are history.
_SETTINGS = (
    *("Env", "User", "WorkingDir", "Cmd", "Entrypoint", "Labels", "ExposedPorts"),
    *("Volumes", "StopSignal", "Healthcheck", "Shell", "OnBuild"),
)
# The magic number of Python's bytecode is followed by the date and size of its source.
_BYTECODE_HEADER = 16


@dataclass(frozen=True)
class MayDiffer:
    """What two builds of one recipe need not have in common: of the paths that fit, all or the content only; why."""

    paths: str
    why: str
    wholly: bool = False


MAY_DIFFER = (
    MayDiffer("var/log/*", "logs have the time of each line"),
    MayDiffer("var/cache/ldconfig/aux-cache", "ldconfig keeps dates and inode numbers of libraries there"),
    MayDiffer("var/lib/texmf/ls-R", "TeX's list of files is in the order in which the disk has them"),
    MayDiffer("var/lib/texmf/web2c/*.log", "logs of TeX's formats have the time at which they were made"),
    MayDiffer("var/lib/texmf/web2c/metafont/mf.base", "Metafont notes the minute at which it was made"),
    MayDiffer("var/lib/texmf/web2c/*.fmt", "a TeX format notes its minute, LuaTeX's words are in a random order"),
    MayDiffer(
        "opt/code-server/*/Makefile", "gyp names what a Makefile depends on in a random order; it is not run again"
    ),
    MayDiffer("etc/resolv.conf", "the builder's name servers, mounted for steps; left behind by some", wholly=True),
    MayDiffer("etc/hosts", "the builder's table of hosts, mounted for steps; left behind by some", wholly=True),
)
LABELS_MAY_DIFFER = {
    "io.buildah.version": "podman writes which version of its library built the image",
}


@dataclass(frozen=True)
class Entry:
    """A path of an image: its type, permissions, owner, what it holds (a hash, a link's target, a device), xattrs."""

    type: str
    mode: int
    owner: tuple[int, int]
    content: str
    xattrs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Contents:
    """An image as it is compared: its paths, and its configuration."""

    paths: Mapping[str, Entry]
    config: Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Difference:
    """What is not the same: a path or a setting, which of its sides, and both."""

    where: str
    what: str
    one: str
    other: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.one} / {self.other}"


def of_podman(engine: Engine, image: str) -> Contents:
    """Read an image out of podman's store."""

    def save(file: Path) -> None:
        engine("save", "--quiet", "--format=docker-archive", f"--output={file}", image)

    return _saved(engine.folder, save)


def of_dockerd(dockerd: Dockerd, image: str) -> Contents:
    """Read an image out of dockerd's store."""

    def save(file: Path) -> None:
        with dockerd.download(f"/images/{image}/get") as source, file.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)

    return _saved(dockerd.folder, save)


def differences(one: Contents, other: Contents) -> list[Difference]:
    """Return what is not the same in two images and is not in MAY_DIFFER, in order."""
    found: list[Difference] = []
    for path in sorted({*one.paths, *other.paths}):
        excuse = next((may for may in MAY_DIFFER if fnmatch.fnmatchcase(path, may.paths)), None)
        if excuse is not None and excuse.wholly:
            continue
        found += _of_path(path, one.paths.get(path), other.paths.get(path), content=excuse is None)
    for key in _SETTINGS:
        ours, theirs = _setting(one.config, key), _setting(other.config, key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            found += [
                Difference(f"{key} {name}", "value", str(ours.get(name)), str(theirs.get(name)))
                for name in sorted({*ours, *theirs})
                if ours.get(name) != theirs.get(name)
            ]
        elif ours != theirs:
            found.append(Difference(key, "value", str(ours), str(theirs)))
    return found


def _of_path(path: str, one: Entry | None, other: Entry | None, *, content: bool) -> Iterator[Difference]:
    if one is None or other is None:
        yield Difference(path, "is there", *("no" if each is None else each.type for each in (one, other)))
        return
    sides: tuple[tuple[str, Callable[[Entry], str]], ...] = (
        ("type", lambda entry: entry.type),
        ("mode", lambda entry: f"{entry.mode:04o}"),
        ("owner", lambda entry: "{}:{}".format(*entry.owner)),
        ("content", lambda entry: entry.content),
        ("xattrs", lambda entry: str(entry.xattrs)),
    )
    for what, side in sides:
        ours, theirs = side(one), side(other)
        if ours != theirs and (content or what != "content"):
            yield Difference(path, what, ours, theirs)
            if what == "type":
                return


def _setting(config: Mapping[str, Any], key: str) -> object:
    """Return a setting as it is compared: what is empty is not there, and the order of variables is no matter."""
    value = config.get(key)
    if key == "Env":
        return dict(entry.split("=", 1) for entry in value or ())
    if key == "Labels":
        return {name: text for name, text in (value or {}).items() if name not in LABELS_MAY_DIFFER}
    if key == "WorkingDir" and value == "/":
        return None
    return value or None


def of_archive(file: Path) -> Contents:
    """Read an image out of a file that `docker save` could have written."""
    with tarfile.open(file) as archive:
        (manifest,) = json.load(_member(archive, "manifest.json"))
        config = json.load(_member(archive, manifest["Config"]))["config"]
        paths: dict[str, Entry] = {}
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=_member(archive, layer)) as packed:
                _apply(packed, paths)
    return Contents(paths, config)


def _saved(folder: Path, save: Callable[[Path], None]) -> Contents:
    with tempfile.TemporaryDirectory(dir=folder, prefix="compared-") as scratch:
        file = Path(scratch) / "image.tar"
        save(file)
        return of_archive(file)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    assert file is not None, name
    return file


def _apply(layer: tarfile.TarFile, paths: dict[str, Entry]) -> None:
    """Lay a layer over `paths`: what it removes first, for that concerns the layers below only."""
    members = [(_path(member.name), member) for member in layer.getmembers()]
    for path, _ in members:
        folder, _, name = path.rpartition("/")
        if name == _OPAQUE:
            _remove_below(paths, folder)
        elif name.startswith(_WHITEOUT):
            gone = posixpath.join(folder, name.removeprefix(_WHITEOUT))
            paths.pop(gone, None)
            _remove_below(paths, gone)
    for path, member in members:
        if path.rpartition("/")[2].startswith(_WHITEOUT) or not path:
            continue
        if member.islnk():
            # Another name of a file: which of them is the first is no matter.
            paths[path] = paths[_path(member.linkname)]
            continue
        entry = _entry(layer, member)
        before = paths.get(path)
        # Looked through only where a folder was: a real image has tens of thousands of paths.
        if entry.type != "folder" and before is not None and before.type == "folder":
            _remove_below(paths, path)
        paths[path] = entry


def _entry(layer: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    kind = _TYPES.get(member.type, "file")
    xattrs = {key: value for key, value in member.pax_headers.items() if key.startswith("SCHILY.xattr.")}
    content = ""
    if kind == "symlink":
        content = member.linkname
    elif kind == "device":
        content = f"{member.type.decode()} {member.devmajor}:{member.devminor}"
    elif kind == "file":
        content = _digest(_member_of(layer, member), bytecode=member.name.endswith(".pyc"))
    # A symlink has no permissions of its own; tools write what they like.
    mode = 0o777 if kind == "symlink" else member.mode & 0o7777
    return Entry(kind, mode, (member.uid, member.gid), content, tuple(sorted(xattrs.items())))


def _member_of(layer: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = layer.extractfile(member)
    assert file is not None, member.name
    return file


def _digest(file: IO[bytes], *, bytecode: bool) -> str:
    """Return the hash of a file; of bytecode that is checked by its source's date, without that date.

    Of bytecode it is that of the code: in the file, which of its objects are marked as shared depends on what else the
    process that compiled it had in memory (Python/marshal.c, w_ref, 3.11), and uv deals the files out as they come.
    """
    digest = hashlib.sha256()
    if bytecode:
        header = file.read(_BYTECODE_HEADER)
        # The second word is how it is checked: 0 is by date.
        digest.update(header[:8] + header[12:] if header[4:8] == bytes(4) else header)
        if header.startswith(importlib.util.MAGIC_NUMBER):
            # Version 0 of the format marks nothing as shared.
            digest.update(marshal.dumps(marshal.load(file), 0))
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def _remove_below(paths: dict[str, Entry], folder: str) -> None:
    prefix = f"{folder}/" if folder else ""
    for path in [path for path in paths if path.startswith(prefix)]:
        del paths[path]


def _path(name: str) -> str:
    return posixpath.normpath(name).lstrip("/").removeprefix("./") if name not in (".", "./", "/") else ""
