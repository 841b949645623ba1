"""Telling the daemon who we are to a registry: what was given for the build, else what podman and docker keep."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

import grpc

from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.pb import session_pb2 as session
from workbench.images.buildkit.llb.session.method import Method

PATH = "/moby.filesync.v1.Auth/Credentials"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
# As BuildKit calls Docker Hub, and as podman and docker keep it.
_HUB, _HUB_KEPT = "registry-1.docker.io", ("docker.io", "https://index.docker.io/v1/")

Login = tuple[str, str]


class Logins:
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
        """Return what the daemon may call."""
        handler = grpc.unary_unary_rpc_method_handler(
            self._answer,
            request_deserializer=session.CredentialsRequest.FromString,
            response_serializer=session.CredentialsResponse.SerializeToString,
        )
        return [Method(PATH, handler)]

    def _answer(
        self, request: session.CredentialsRequest, context: grpc.ServicerContext
    ) -> session.CredentialsResponse:
        user, password = self._logins.get(request.Host) or _kept(request.Host)
        return session.CredentialsResponse(Username=user, Secret=password)


def _kept(host: str) -> Login:
    """Return what is kept for `host`; nothing of it is a login as nobody."""
    # httpx, which that imports, is not for builds that ask for no login.
    from workbench.registry.login import stored_login

    for name in _HUB_KEPT if host in (_HUB, "docker.io") else (host,):
        try:
            user, colon, password = base64.b64decode(stored_login(name, ""), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            continue
        if colon and user and password:
            return user, password.rstrip("\0")
    return "", ""
