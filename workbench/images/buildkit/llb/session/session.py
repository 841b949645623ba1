"""What a build may request from this machine, and the server that provides it."""

from __future__ import annotations

import hashlib
import os
import secrets as randomness
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from workbench.images.buildkit.llb.bridge import private_folder
from workbench.images.buildkit.llb.failures import SessionLostError, named
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.session.agents import AgentService
from workbench.images.buildkit.llb.session.client_id import client_id
from workbench.images.buildkit.llb.session.files import FolderService
from workbench.images.buildkit.llb.session.services import (
    ExportedFile,
    Login,
    LoginService,
    Method,
    Secret,
    SecretService,
    health,
)

_CHUNK = 32 * 1024
_READY_SECONDS = 20.0
_END_SECONDS = 2.0
# A step, a secret, a health check and several folders may be requested at once, and connections to an agent stay.
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Session:
    """What a build may have from this machine.

    `files` are the folders that local sources name; `secrets` are bytes or paths by id; `auth` is
    user and password by registry; for other registries the logins that podman and docker store are used;
    `agents` are the sockets of ssh agents by id; `output` is the file that an exporter such as `oci` or `docker`
    writes here.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    auth: Mapping[str, Login] = field(default_factory=dict, repr=False)
    agents: Mapping[str, str] = field(default_factory=dict)
    output: str = ""

    @property
    def key(self) -> str:
        """The key by which the daemon recognises folders that it was sent before: a digest of whose and where they are.

        Of two clients with a folder of the same path, one would get files that the other sent.
        """
        paths = sorted(f"{name}\0{os.path.abspath(folder)}" for name, folder in self.files.items())
        whose = "\0".join([client_id(), *paths])
        return hashlib.sha256(whose.encode(errors="surrogateescape")).hexdigest()[:32]


class OpenSession:
    """A session that the daemon uses: its id, and how many bytes of files it requested."""

    def __init__(self, folders: FolderService, exported: ExportedFile | None) -> None:
        self.id = randomness.token_hex(16)
        self._folders = folders
        self._exported = exported

    def keep(self) -> None:
        """Put the exported file in its place: the build has succeeded."""
        if self._exported is not None:
            self._exported.keep()

    @property
    def sent(self) -> int:
        """The bytes of files that were sent."""
        return self._folders.sent


@contextmanager
def open_session(channel: grpc.Channel, address: str, session: Session) -> Iterator[OpenSession]:
    """Yield the session once the daemon uses it; raises a BuildKitError when it refuses it.

    Afterwards server, threads and socket are gone.
    """
    folders = FolderService(session.files)
    methods = [*folders.methods(), *SecretService(session.secrets).methods(), *LoginService(session.auth).methods()]
    methods += AgentService(session.agents).methods() if session.agents else []
    exported = ExportedFile(session.output) if session.output else None
    methods += exported.methods() if exported else []
    opened = OpenSession(folders, exported)
    folder = private_folder()
    pool = ThreadPoolExecutor(_THREADS, "buildkit-session")
    server = _server(pool, [*methods, health()], f"{folder}/socket")
    near = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        near.connect(f"{folder}/socket")
        tunnel = _Tunnel(channel, near, opened.id, session.key, [method.path for method in methods])
        try:
            tunnel.wait(address)
            yield opened
        finally:
            tunnel.close()
    finally:
        near.close()
        server.stop(None).wait()
        pool.shutdown()
        if exported is not None:
            exported.drop()
        shutil.rmtree(folder, ignore_errors=True)


def _server(pool: ThreadPoolExecutor, methods: list[Method], path: str) -> grpc.Server:
    server = grpc.server(pool, options=(("grpc.so_reuseport", 0),))
    services: dict[str, dict[str, grpc.RpcMethodHandler]] = {}  # type: ignore[type-arg]
    for method in methods:
        _, service, name = method.path.split("/")
        services.setdefault(service, {})[name] = method.handler
    handlers = [grpc.method_handlers_generic_handler(service, found) for service, found in services.items()]
    server.add_generic_rpc_handlers(handlers)
    server.add_insecure_port(f"unix:{path}")
    server.start()
    return server


class _Tunnel:
    """Carries the bytes between the daemon, which is the client here, and the server in this process."""

    def __init__(self, channel: grpc.Channel, near: socket.socket, name: str, key: str, paths: list[str]) -> None:
        call = channel.stream_stream(
            "/moby.buildkit.v1.Control/Session",
            request_serializer=control.BytesMessage.SerializeToString,
            response_deserializer=control.BytesMessage.FromString,
        )
        prefix = "x-docker-expose-session-"
        metadata = [(f"{prefix}uuid", name), (f"{prefix}name", "workbench-images"), (f"{prefix}sharedkey", key)]
        metadata += [(f"{prefix}grpc-method", path) for path in paths]
        self._near = near
        self._ready = threading.Event()
        self._error: grpc.RpcError | None = None
        self._call = call(self._from_server(), metadata=tuple(metadata))
        self._thread = threading.Thread(target=self._to_server, name="buildkit-session", daemon=True)
        self._thread.start()

    def wait(self, address: str) -> None:
        """Wait until the daemon sends something."""
        if not self._ready.wait(_READY_SECONDS):
            raise SessionLostError(f"the BuildKit at {address} does not use the session that was offered")
        if self._error is not None:
            raise named(self._error.code(), self._error.details() or "", address)

    def close(self) -> None:
        """End it in both directions."""
        self._call.cancel()
        try:
            self._near.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        # As with Status: what this does not end, the channel's end does.
        self._thread.join(_END_SECONDS)

    def _from_server(self) -> Iterator[control.BytesMessage]:
        try:
            while data := self._near.recv(_CHUNK):
                yield control.BytesMessage(data=data)
        except OSError:
            pass

    def _to_server(self) -> None:
        try:
            for message in self._call:
                self._near.sendall(message.data)
                self._ready.set()
        except grpc.RpcError as error:
            self._error = error
        except OSError:
            pass
        self._ready.set()
