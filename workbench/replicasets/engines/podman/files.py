"""Files into and out of a container: podman's archive calls."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from urllib.parse import quote

from workbench.replicasets.engines.capabilities import FileKind
from workbench.replicasets.engines.podman.http import LONG_SECONDS, PodmanHttp
from workbench.replicasets.errors import EngineGone

_STAT = "X-Docker-Container-Path-Stat"
# Go's io/fs.FileMode: devices, pipes, sockets.
_OTHER = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21


class PodmanFiles:
    """See CopyingFiles. podman (4.3, 5.4) looks paths up within the container: in its mounts, and from its root."""

    def __init__(self, http: PodmanHttp) -> None:
        self._http = http

    def file_kind(self, name: str, path: str) -> FileKind:
        """Return what is at a path."""
        described = self._http.head(_archive(name), {"path": path}, _STAT, found=True)
        if not described:
            return FileKind.NONE
        details = json.loads(base64.b64decode(described))
        if details.get("isDir"):
            return FileKind.FOLDER
        return FileKind.OTHER if int(details.get("mode", 0)) & _OTHER else FileKind.FILE

    def files(self, name: str, path: str) -> PodmanArchive:
        """Return the archive of what is at a path."""
        return PodmanArchive(self._http, name, path)

    def add_files(self, name: str, folder: str, pieces: Iterable[bytes]) -> None:
        """Unpack an archive in a folder; all of it is its main user's."""
        self._http.send(
            "PUT",
            _archive(name),
            pieces,
            {"path": folder, "copyUIDGID": True, "noOverwriteDirNonDir": True},
            LONG_SECONDS,
        )


class PodmanArchive:
    """See FileStream."""

    def __init__(self, http: PodmanHttp, name: str, path: str) -> None:
        self._open, self._closed = ExitStack(), False
        stream = http.stream(_archive(name), query={"path": path}, method="GET", read=LONG_SECONDS)
        self._pieces = self._open.enter_context(stream)

    def __iter__(self) -> Iterator[bytes]:
        """Yield its pieces."""
        try:
            with self._open:
                yield from self._pieces
        except EngineGone:
            if not self._closed:
                raise

    def close(self) -> None:
        """Have the iteration end, from any thread."""
        self._closed = True
        self._pieces.end()


def _archive(name: str) -> str:
    return f"/containers/{quote(name, safe='')}/archive"
