"""Sending folders: the daemon gets the list of what is in one, and requests the files that it lacks."""

from __future__ import annotations

import os
import queue
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

import grpc

from workbench.containerfile.ignore import Patterns
from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.pb import fsutil_pb2 as fsutil
from workbench.images.buildkit.llb.session.services import Method

# Go's os.FileMode: kinds and special bits have places of their own.
_FOLDER, _LINK = 1 << 31, 1 << 27
_SPECIAL = ((stat.S_ISUID, 1 << 23), (stat.S_ISGID, 1 << 22), (stat.S_ISVTX, 1 << 20))
COPY_FOLDER = "/moby.filesync.v1.FileSync/DiffCopy"
_CHUNK = 32 * 1024
_Packet = fsutil.Packet
_Request = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A file, folder or link: its path on this machine, and its description for the daemon."""

    full: str
    stat: fsutil.Stat


def entries(
    folder: str, include: Sequence[str] = (), exclude: Sequence[str] = (), follow: Sequence[str] = ()
) -> Iterator[FolderEntry]:
    """Yield what is in `folder` and matches the patterns; a folder that is left out may come as a parent.

    Each entry comes once, parents before what is in them, in the order of bytes, as the daemon expects it.

    Everything belongs to root, as in an image: who it belongs to here means nothing there. Sockets,
    pipes and devices are left out.
    """
    included = [*include, *(followed(folder, follow) if follow else ())]
    yield from _Walk(Patterns(included), bool(included), Patterns(exclude)).below(folder, "", [])


class _Walk:
    def __init__(self, include: Patterns, some: bool, exclude: Patterns) -> None:
        self._include, self._some, self._exclude = include, some, exclude

    def below(self, folder: str, path: str, pending: list[FolderEntry]) -> Iterator[FolderEntry]:
        """Yield what is in `folder`; `pending` are its parents that were not listed yet."""
        for name in sorted(os.listdir(folder), key=os.fsencode):
            full, inner = os.path.join(folder, name), f"{path}/{name}" if path else name
            entry = _entry(full, inner)
            if entry is None:
                continue
            excluded = self._exclude.match(inner)
            included = not excluded and (not self._some or self._include.match(inner))
            if included:
                yield from pending
                pending.clear()
                yield entry
            if stat.S_ISDIR(os.lstat(full).st_mode) and not (excluded and not self._exclude.has_exceptions):
                deeper = pending if included else [*pending, entry]
                before = len(deeper)
                yield from self.below(full, inner, deeper)
                if not included and len(deeper) < before:
                    pending.clear()


def _entry(full: str, path: str) -> FolderEntry | None:
    try:
        info = os.lstat(full)
    except FileNotFoundError:
        return None  # it was removed meanwhile
    mode, size, target = stat.S_IMODE(info.st_mode) & 0o777, 0, ""
    mode |= sum(go_bit for bit, go_bit in _SPECIAL if info.st_mode & bit)
    if stat.S_ISDIR(info.st_mode):
        mode |= _FOLDER
    elif stat.S_ISLNK(info.st_mode):
        mode, target = mode | _LINK, os.readlink(full)
    elif stat.S_ISREG(info.st_mode):
        size = info.st_size
    else:
        return None
    return FolderEntry(full, fsutil.Stat(path=path, mode=mode, size=size, modTime=info.st_mtime_ns, linkname=target))


def followed(folder: str, paths: Iterable[str]) -> list[str]:
    """Return the patterns of `paths` below `folder` and of all targets of their links, links included: what they need.

    Nothing leads out of the folder: a link is read as if the folder were the root.
    """
    found: dict[str, None] = {}
    waiting = [_parts(path) for path in paths]
    while waiting:
        parts = waiting.pop()
        at: tuple[str, ...] = ()
        for index, part in enumerate(parts):
            if any(sign in part for sign in "*?["):
                names = _names(os.path.join(folder, *at), part)
                waiting += [(*at, name, *parts[index + 1 :]) for name in names]
                break
            at = (*at, part)
            full = os.path.join(folder, *at)
            if os.path.islink(full) and "/".join(at) not in found:
                found["/".join(at)] = None
                target = os.readlink(full)
                start = () if target.startswith("/") else at[:-1]
                waiting.append(_parts("/".join((*start, target, *parts[index + 1 :]))))
                break
            if os.path.islink(full):
                break
        else:
            found["/".join(at) or "**"] = None
    return list(found)


def _names(folder: str, pattern: str) -> list[str]:
    pattern_list = Patterns([pattern])
    try:
        return [name for name in os.listdir(folder) if pattern_list.match(name)]
    except OSError:
        return []


def _parts(path: str) -> tuple[str, ...]:
    """Return the parts of `path` without `.` and `..`, which cannot lead above the folder."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)


class FolderService:
    """Serves `folders` by name. `sent` counts the bytes of files that were requested."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        for name, folder in folders.items():
            if not os.path.isdir(folder):
                raise WorkbenchError(f"there is no folder to send as {name}", where=folder)
        self._folders = dict(folders)
        self._lock = threading.Lock()
        self.sent = 0

    def methods(self) -> list[Method]:
        """Return the methods that the daemon may call."""
        handler = grpc.stream_stream_rpc_method_handler(
            self._copy, request_deserializer=_Packet.FromString, response_serializer=_Packet.SerializeToString
        )
        return [Method(COPY_FOLDER, handler)]

    def _copy(self, packets: Iterator[fsutil.Packet], context: grpc.ServicerContext) -> Iterator[fsutil.Packet]:
        metadata = _metadata(context)
        name = next(iter(metadata.get("dir-name", ())), "")
        if name not in self._folders:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no folder {name!r} is offered")
        # Requests come while the list is still on its way, and would block the daemon if nobody read them.
        requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        threading.Thread(target=_read_requests, args=(packets, requests), name="buildkit-files", daemon=True).start()
        listed = []
        try:
            for entry in entries(
                self._folders[name],
                metadata.get("include-patterns", ()),
                metadata.get("exclude-patterns", ()),
                metadata.get("followpaths", ()),
            ):
                listed.append(entry.full)
                yield _Packet(type=_Packet.PACKET_STAT, stat=entry.stat)
            yield _Packet(type=_Packet.PACKET_STAT)
            while (request := requests.get())[0] == _Packet.PACKET_REQ:
                yield from self._file(listed[request[1]], request[1])
            if request[0] == _Packet.PACKET_FIN:
                yield _Packet(type=_Packet.PACKET_FIN)
        except OSError as error:
            context.abort(grpc.StatusCode.UNKNOWN, f"{error.filename}: {error.strerror}")

    def _file(self, full: str, number: int) -> Iterator[fsutil.Packet]:
        with open(full, "rb") as file:
            while data := file.read(_CHUNK):
                with self._lock:
                    self.sent += len(data)
                yield _Packet(type=_Packet.PACKET_DATA, ID=number, data=data)
        yield _Packet(type=_Packet.PACKET_DATA, ID=number)


def _read_requests(packets: Iterator[fsutil.Packet], requests: queue.SimpleQueue[_Request]) -> None:
    """Read what the daemon sends, to the end of the call."""
    try:
        for packet in packets:
            requests.put((packet.type, packet.ID))
    except grpc.RpcError:
        pass
    requests.put((_Packet.PACKET_ERR, 0))


def _metadata(context: grpc.ServicerContext) -> dict[str, list[str]]:
    """Return the metadata of a call by key; another key marks values that are encoded: those that are not ASCII."""
    found: dict[str, list[str]] = {}
    for key, value in context.invocation_metadata():
        found.setdefault(key, []).append(value if isinstance(value, str) else value.decode())
    encoded = {key.removesuffix("-encoded") for key in found if key.endswith("-encoded")}
    return {
        key: [unquote_plus(value) for value in values] if key in encoded else values for key, values in found.items()
    }
