"""Taking the file that an exporter sends to the client, for daemons that keep no images."""

from __future__ import annotations

import os
from collections.abc import Iterator

import grpc

from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.session.method import Method

PATH = "/moby.filesync.v1.FileSend/DiffCopy"


class Received:
    """Writes what is sent beside `path`; `keep` puts it there, once the build says that it is whole, `drop` does not.

    A call that is broken off ends like one that is done, so it cannot be told here.
    """

    def __init__(self, path: str) -> None:
        self._path, self._partial = path, f"{path}.partial"

    def keep(self) -> None:
        """Put what was sent, if anything was, in its place."""
        if os.path.exists(self._partial):
            os.replace(self._partial, self._path)

    def drop(self) -> None:
        """Leave nothing of it."""
        if os.path.exists(self._partial):
            os.unlink(self._partial)

    def methods(self) -> list[Method]:
        """Return what the daemon may call."""
        handler = grpc.stream_stream_rpc_method_handler(
            self._take,
            request_deserializer=control.BytesMessage.FromString,
            response_serializer=control.BytesMessage.SerializeToString,
        )
        return [Method(PATH, handler)]

    def _take(
        self, sent: Iterator[control.BytesMessage], context: grpc.ServicerContext
    ) -> Iterator[control.BytesMessage]:
        try:
            with open(self._partial, "wb") as file:
                for message in sent:
                    file.write(message.data)
        except OSError as error:
            context.abort(grpc.StatusCode.UNKNOWN, f"{error.filename}: {error.strerror}")
        yield from ()
