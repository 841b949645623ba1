"""The daemon's side of a session: it is the client there, over the bytes of a call."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping

import grpc

from tests.engine import SHORT
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.pb import session_pb2 as messages


class Dialled:
    """A session that was offered, with its `metadata`; `channel` calls what is served there."""

    def __init__(self, packets: Iterator[control.BytesMessage], metadata: Mapping[str, list[str]]) -> None:
        self.metadata = metadata
        self._folder = tempfile.mkdtemp(prefix="wbfake-", dir=SHORT)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(f"{self._folder}/session")
        listening.listen()
        self.channel = grpc.insecure_channel(f"unix:{self._folder}/session", (("grpc.default_authority", "localhost"),))
        # As BuildKit does, before and while it asks for anything.
        check = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=messages.HealthCheckRequest.SerializeToString,
            response_deserializer=messages.HealthCheckResponse.FromString,
        )
        self.health = check.future(messages.HealthCheckRequest())
        self._near, _ = listening.accept()
        listening.close()
        threading.Thread(target=self._ours, args=(packets,), daemon=True).start()

    def theirs(self) -> Iterator[control.BytesMessage]:
        try:
            while data := self._near.recv(32 * 1024):
                yield control.BytesMessage(data=data)
        except OSError:
            pass

    def _ours(self, packets: Iterator[control.BytesMessage]) -> None:
        try:
            for message in packets:
                self._near.sendall(message.data)
        except Exception:
            pass
        self.close()

    def close(self) -> None:
        self.channel.close()
        try:
            self._near.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._near.close()
        shutil.rmtree(self._folder, ignore_errors=True)
