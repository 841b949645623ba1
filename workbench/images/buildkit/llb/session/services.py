"""What a session serves beside folders: health checks, secrets, logins, and the file that an exporter sends."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.pb import session_pb2 as session

GET_SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
# The most that BuildKit takes.
LARGEST = 500 * 1024
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
Secret = bytes | str
CREDENTIALS = "/moby.filesync.v1.Auth/Credentials"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
# As BuildKit calls Docker Hub, and as podman and docker store it.
_HUB, _HUB_STORED = "registry-1.docker.io", ("docker.io", "https://index.docker.io/v1/")
Login = tuple[str, str]
SEND_FILE = "/moby.filesync.v1.FileSend/DiffCopy"


@dataclass(frozen=True, slots=True)
class Method:
    """A method that the daemon may call: its path, `/service/Method`, and its handler."""

    path: str
    handler: grpc.RpcMethodHandler[Any, Any]


def health() -> Method:
    """Return the health check that the daemon calls every few seconds: without a response it drops the session."""
    handler = grpc.unary_unary_rpc_method_handler(
        _serving,
        request_deserializer=session.HealthCheckRequest.FromString,
        response_serializer=session.HealthCheckResponse.SerializeToString,
    )
    return Method("/grpc.health.v1.Health/Check", handler)


def _serving(request: session.HealthCheckRequest, context: grpc.ServicerContext) -> session.HealthCheckResponse:
    return session.HealthCheckResponse(status=session.HealthCheckResponse.SERVING)


class SecretService:
    """Serves secrets by id: bytes as they are, or the path of a file, which is read when a step requests it."""

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
        """Return the methods that the daemon may call."""
        handler = grpc.unary_unary_rpc_method_handler(
            self._respond,
            request_deserializer=session.GetSecretRequest.FromString,
            response_serializer=session.GetSecretResponse.SerializeToString,
        )
        return [Method(GET_SECRET, handler)]

    def _respond(self, request: session.GetSecretRequest, context: grpc.ServicerContext) -> session.GetSecretResponse:
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


class LoginService:
    """Serves user and password by registry."""

    def __init__(self, logins: Mapping[str, Login]) -> None:
        for host, (user, password) in logins.items():
            if not _HOST.fullmatch(host):
                raise WorkbenchError(f"{host!r} is no registry", hint="write HOST or HOST:PORT")
            if not user or not password or ":" in user or not (user + password).isprintable():
                raise WorkbenchError(
                    f"the login for {host} cannot be one",
                    hint="neither may be empty or hold control characters, and a user has no colon",
                )
        self._logins = dict(logins)

    def methods(self) -> list[Method]:
        """Return the methods that the daemon may call."""
        handler = grpc.unary_unary_rpc_method_handler(
            self._respond,
            request_deserializer=session.CredentialsRequest.FromString,
            response_serializer=session.CredentialsResponse.SerializeToString,
        )
        return [Method(CREDENTIALS, handler)]

    def _respond(
        self, request: session.CredentialsRequest, context: grpc.ServicerContext
    ) -> session.CredentialsResponse:
        user, password = self._logins.get(request.Host) or _stored(request.Host)
        return session.CredentialsResponse(Username=user, Secret=password)


def _stored(host: str) -> Login:
    """Return the stored login for `host`; an empty one is anonymous."""
    # It imports httpx, which builds without a login do without.
    from workbench.registry.login import stored_login

    for name in _HUB_STORED if host in (_HUB, "docker.io") else (host,):
        try:
            user, colon, password = base64.b64decode(stored_login(name, ""), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            continue
        if colon and user and password:
            return user, password.rstrip("\0")
    return "", ""


class ExportedFile:
    """Writes what is sent beside `path`. `keep` puts it in place, once the build has succeeded; `drop` removes it.

    A call that breaks off looks like one that ended, so this class cannot decide it by itself.
    """

    def __init__(self, path: str) -> None:
        self._path, self._partial = path, f"{path}.partial"

    def keep(self) -> None:
        """Put what was sent, if anything was, in its place."""
        if os.path.exists(self._partial):
            os.replace(self._partial, self._path)

    def drop(self) -> None:
        """Remove what was written."""
        if os.path.exists(self._partial):
            os.unlink(self._partial)

    def methods(self) -> list[Method]:
        """Return the methods that the daemon may call."""
        handler = grpc.stream_stream_rpc_method_handler(
            self._write,
            request_deserializer=control.BytesMessage.FromString,
            response_serializer=control.BytesMessage.SerializeToString,
        )
        return [Method(SEND_FILE, handler)]

    def _write(
        self, messages: Iterator[control.BytesMessage], context: grpc.ServicerContext
    ) -> Iterator[control.BytesMessage]:
        try:
            with open(self._partial, "wb") as file:
                for message in messages:
                    file.write(message.data)
        except OSError as error:
            context.abort(grpc.StatusCode.UNKNOWN, f"{error.filename}: {error.strerror}")
        yield from ()
