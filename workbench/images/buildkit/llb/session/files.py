"""Sending folders: the daemon is told what is there, and asks for the files that are not as it has them."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_plus

import grpc

from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.pb import fsutil_pb2 as fsutil
from workbench.images.buildkit.llb.session.method import Method
from workbench.images.buildkit.llb.session.tree import entries

PATH = "/moby.filesync.v1.FileSync/DiffCopy"
_CHUNK = 32 * 1024
_Packet = fsutil.Packet
_Question = tuple[int, int]


class Files:
    """Serves `folders` by name. `sent` counts the bytes of files that were asked for."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        for name, folder in folders.items():
            if not os.path.isdir(folder):
                raise WorkbenchError(f"there is no folder to send as {name}", where=folder)
        self._folders = dict(folders)
        self._lock = threading.Lock()
        self.sent = 0

    def methods(self) -> list[Method]:
        """Return what the daemon may call."""
        handler = grpc.stream_stream_rpc_method_handler(
            self._copy, request_deserializer=_Packet.FromString, response_serializer=_Packet.SerializeToString
        )
        return [Method(PATH, handler)]

    def _copy(self, asked: Iterator[fsutil.Packet], context: grpc.ServicerContext) -> Iterator[fsutil.Packet]:
        wishes = _wishes(context)
        name = next(iter(wishes.get("dir-name", ())), "")
        if name not in self._folders:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no folder {name!r} is offered")
        # Questions come while the list is still on its way, and would block the daemon if nobody took them.
        questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        threading.Thread(target=_hear, args=(asked, questions), name="buildkit-files", daemon=True).start()
        listed = []
        try:
            for entry in entries(
                self._folders[name],
                wishes.get("include-patterns", ()),
                wishes.get("exclude-patterns", ()),
                wishes.get("followpaths", ()),
            ):
                listed.append(entry.full)
                yield _Packet(type=_Packet.PACKET_STAT, stat=entry.stat)
            yield _Packet(type=_Packet.PACKET_STAT)
            while (question := questions.get())[0] == _Packet.PACKET_REQ:
                yield from self._file(listed[question[1]], question[1])
            if question[0] == _Packet.PACKET_FIN:
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


def _hear(asked: Iterator[fsutil.Packet], questions: queue.SimpleQueue[_Question]) -> None:
    """Take what the daemon says, to the end of the call."""
    try:
        for packet in asked:
            questions.put((packet.type, packet.ID))
    except grpc.RpcError:
        pass
    questions.put((_Packet.PACKET_ERR, 0))


def _wishes(context: grpc.ServicerContext) -> dict[str, list[str]]:
    """Return the metadata of a call by key; a value that is no ASCII comes encoded, which another key tells."""
    found: dict[str, list[str]] = {}
    for key, value in context.invocation_metadata():
        found.setdefault(key, []).append(value if isinstance(value, str) else value.decode())
    encoded = {key.removesuffix("-encoded") for key in found if key.endswith("-encoded")}
    return {
        key: [unquote_plus(value) for value in values] if key in encoded else values for key, values in found.items()
    }
