"""Handing out secrets to the steps that ask for them, and never to a log."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import grpc

from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.pb import session_pb2 as session
from workbench.images.buildkit.llb.session.method import Method

PATH = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
# The most that BuildKit takes.
LARGEST = 500 * 1024
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

Secret = bytes | str


class Secrets:
    """Serves secrets by id: bytes as they are, or the path of a file, which is read when a step asks."""

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        for name, secret in secrets.items():
            if not _ID.fullmatch(name):
                raise WorkbenchError(f"{name!r} cannot be the id of a secret", hint="use letters, digits, _ . and -")
            size = len(secret) if isinstance(secret, bytes) else _size(name, secret)
            if size > LARGEST:
                raise WorkbenchError(
                    f"the secret {name} has {size} bytes, and BuildKit takes {LARGEST} at most",
                    where=secret if isinstance(secret, str) else "",
                )
        self._secrets = dict(secrets)

    def methods(self) -> list[Method]:
        """Return what the daemon may call."""
        handler = grpc.unary_unary_rpc_method_handler(
            self._answer,
            request_deserializer=session.GetSecretRequest.FromString,
            response_serializer=session.GetSecretResponse.SerializeToString,
        )
        return [Method(PATH, handler)]

    def _answer(self, request: session.GetSecretRequest, context: grpc.ServicerContext) -> session.GetSecretResponse:
        secret = self._secrets.get(request.ID)
        if secret is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no secret {request.ID}")
            raise AssertionError("abort raises")
        if isinstance(secret, str):
            try:
                with open(secret, "rb") as file:
                    secret = file.read(LARGEST + 1)
            except OSError as error:
                context.abort(grpc.StatusCode.UNKNOWN, f"the file of the secret {request.ID}: {error.strerror}")
                raise AssertionError("abort raises") from None
        return session.GetSecretResponse(data=secret)


def _size(name: str, path: str) -> int:
    try:
        with open(path, "rb"):
            return os.path.getsize(path)
    except OSError as error:
        raise WorkbenchError(f"the file of the secret {name} cannot be read: {error.strerror}", where=path) from None
