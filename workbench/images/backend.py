"""Which builder builds: the one that was asked for, else what this machine has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from workbench import podman
from workbench.errors import UsageError, WorkbenchError
from workbench.images.builder import Builder
from workbench.images.shared_cache import UNSHARED, SharedCache
from workbench.images.store import PODMAN, Store
from workbench.names import pick

PODMAN_BACKEND, BUILDKIT_BACKEND = "podman", "buildkit"
BACKENDS = (PODMAN_BACKEND, BUILDKIT_BACKEND)
# What the builder is chosen by where no flag says it; the other two are those of buildctl and docker.
BUILDER = "WORKBENCH_BUILDER"
_HOSTS = ("BUILDKIT_HOST", "DOCKER_HOST")
_SOCKETS = ("/var/run/docker.sock", "/run/buildkit/buildkitd.sock")


@dataclass(frozen=True, slots=True)
class Choice:
    """The name of a backend, BuildKit's address and folder of certificates ("" for podman), and why it is this one."""

    name: str
    why: str
    address: str = ""
    certificates: str = ""

    def __str__(self) -> str:
        where = f" at {self.address}" if self.address else ""
        return f"{self.name}{where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Backend:
    """A builder, where its images lie, and how it came to be this one."""

    choice: Choice
    builder: Builder
    store: Store


def choose(
    asked: str = "",
    address: str = "",
    certificates: str = "",
    *,
    environment: Mapping[str, str] = os.environ,
    sockets: tuple[str, ...] = _SOCKETS,
) -> Choice:
    """Return which backend builds: `asked` for, else by WORKBENCH_BUILDER, by an `address`, or what is here.

    podman is taken before a BuildKit where both are. Raises UsageError for a backend that is none,
    or an address that it has no use for; WorkbenchError when there is nothing that builds.
    """
    said = environment.get(BUILDER, "")
    name, why = "", ""
    if asked:
        name, why = pick(asked, BACKENDS, "backend"), "--backend asks for it"
    elif address:
        name, why = BUILDKIT_BACKEND, "--buildkit names it"
    elif said:
        name, why = pick(said, BACKENDS, f"backend (in {BUILDER})"), f"{BUILDER} asks for it"
    elif podman.is_installed():
        name, why = PODMAN_BACKEND, "it is installed"
    if name == PODMAN_BACKEND:
        if address or certificates:
            raise UsageError("podman is no BuildKit, and has no use for an address", hint="give --backend buildkit")
        return Choice(name, why)
    where, known_by = address, ""
    if not where:
        where, known_by = _usual(environment, sockets)
    if not where:
        missing = "no BuildKit is known here" if name else "there is neither podman nor a BuildKit here"
        raise WorkbenchError(
            missing,
            hint=f"name one with --buildkit ADDRESS or {_HOSTS[0]}"
            if name
            else "install podman (Debian: apt-get install podman), or name a BuildKit with --buildkit ADDRESS",
        )
    why = why or f"podman is not installed, and {known_by}"
    if not certificates and where == environment.get("DOCKER_HOST") and environment.get("DOCKER_TLS_VERIFY"):
        certificates = environment.get("DOCKER_CERT_PATH", "")
    return Choice(BUILDKIT_BACKEND, why, where, certificates)


def _usual(environment: Mapping[str, str], sockets: tuple[str, ...]) -> tuple[str, str]:
    """Return where a BuildKit is without being told by a flag, and how that is known; "" when it is not."""
    for variable in _HOSTS:
        if environment.get(variable):
            return environment[variable], f"{variable} names it"
    for path in sockets:
        if os.path.exists(path):
            return f"unix://{path}", "it is there"
    return "", ""


def opened(choice: Choice, options: tuple[str, ...] = (), shared: SharedCache = UNSHARED) -> Backend:
    """Return the builder of `choice` and the store of its images, which takes the engine's `options`.

    Its steps are `shared` through a registry. Raises UsageError for options that the builder does not
    take, for a place that is none for its steps and for an address that is none, WorkbenchError when
    nothing answers there.
    """
    shared.check()
    if choice.name == PODMAN_BACKEND:
        from workbench.images.podman.builder import PodmanBuilder, check_options

        check_options(options)
        return Backend(choice, PodmanBuilder(shared), PODMAN)
    if options:
        raise UsageError(
            f"{options[0]} is an option of podman, and BuildKit builds", hint="leave it out, or give --backend podman"
        )
    return _buildkit(choice, shared)


def _buildkit(choice: Choice, shared: SharedCache) -> Backend:
    # Whoever builds with podman never loads gRPC.
    from workbench.images.buildkit.builder import BuildKitBuilder
    from workbench.images.buildkit.carry import WithBases, WithoutStore
    from workbench.images.buildkit.engine_api import EngineApi
    from workbench.images.buildkit.llb.address import parse
    from workbench.images.buildkit.llb.sockets import is_engine, open_connection
    from workbench.images.buildkit.store import DockerdStore

    address = parse(choice.address, choice.certificates)
    builder = BuildKitBuilder(address, shared)
    with closing(open_connection(address)) as connection:
        has_store = is_engine(connection, address)
    if not has_store:
        return Backend(choice, WithoutStore(builder, address), PODMAN)
    store = DockerdStore(EngineApi(address))
    return Backend(choice, WithBases(builder, store), store)
