"""Taking the file that an exporter sends to the client, for daemons that keep no images."""

from __future__ import annotations

import os
from collections.abc import Iterator

import grpc

from workbench.build.buildkit.pb import control_pb2 as control
from workbench.build.buildkit.session.method import Method

PATH = "/moby.filesync.v1.FileSend/DiffCopy"


class Received:
    """Writes what is sent to `path`, which is there only when it is whole."""

    def __init__(self, path: str) -> None:
        self._path = path

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
        partial = f"{self._path}.partial"
        try:
            with open(partial, "wb") as file:
                for message in sent:
                    file.write(message.data)
            # What is broken off ends like what is whole, but for this.
            if context.is_active():
                os.replace(partial, self._path)
        except OSError as error:
            context.abort(grpc.StatusCode.UNKNOWN, f"{error.filename}: {error.strerror}")
        finally:
            if os.path.exists(partial):
                os.unlink(partial)
        yield from ()
