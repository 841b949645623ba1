"""Which builder builds: the one that was requested, else what this machine has. Every verb chooses here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from workbench import podman
from workbench.errors import UsageError, WorkbenchError
from workbench.images.builder import Builder
from workbench.images.named_builders import named_builder
from workbench.images.podman.store import PODMAN
from workbench.images.shared_cache import UNSHARED, SharedCache
from workbench.images.store import ImageStore
from workbench.names import pick

PODMAN_BACKEND, BUILDKIT_BACKEND = "podman", "buildkit"
BACKENDS = (PODMAN_BACKEND, BUILDKIT_BACKEND)
# The variable that chooses the builder where no flag does; the other two are those of buildctl and docker.
BUILDER = "WORKBENCH_BUILDER"
_HOSTS = ("BUILDKIT_HOST", "DOCKER_HOST")
_SOCKETS = ("/var/run/docker.sock", "/run/buildkit/buildkitd.sock")


@dataclass(frozen=True, slots=True)
class BuilderChoice:
    """The name of a backend, why it was chosen, and BuildKit's address and folder of certificates ("" for podman).

    Where `others` may build too, the least busy of them all does, and `address` is the first.
    """

    name: str
    why: str
    address: str = ""
    certificates: str = ""
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" at {self.address}" if self.address else ""
        return f"{self.name}{where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Backend:
    """A builder, the store of its images, and why it was chosen.

    `repository` is where the builder pushes what it builds, for it keeps nothing itself; "" for one with a store.
    """

    choice: BuilderChoice
    builder: Builder
    store: ImageStore
    repository: str = ""


def choose(
    requested: str = "",
    address: str = "",
    certificates: str = "",
    *,
    environment: Mapping[str, str] = os.environ,
    sockets: tuple[str, ...] = _SOCKETS,
) -> BuilderChoice:
    """Return which backend builds: `requested`, else by an `address`, by WORKBENCH_BUILDER, or what this machine has.

    podman is taken before a BuildKit where both exist. An address may be the name of a builder. Raises UsageError for a
    backend that is none, or an address that it has no use for; WorkbenchError when there is nothing that builds; and
    what `named_builder` raises.
    """
    variable = environment.get(BUILDER, "")
    name, why = "", ""
    if requested:
        name, why = pick(requested, BACKENDS, "backend"), "--backend requests it"
    elif address:
        name, why = BUILDKIT_BACKEND, "--buildkit names it"
    elif variable:
        name, why = pick(variable, BACKENDS, f"backend (in {BUILDER})"), f"{BUILDER} requests it"
    elif podman.is_installed():
        name, why = PODMAN_BACKEND, "it is installed"
    if name == PODMAN_BACKEND:
        if address or certificates:
            raise UsageError("podman is no BuildKit, and has no use for an address", hint="give --backend buildkit")
        return BuilderChoice(name, why)
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
    if known_by == f"{_HOSTS[1]} names it" and where.startswith("ssh://"):
        raise UsageError(
            f"{_HOSTS[1]} names a Docker Engine behind SSH ({where}), whose images cannot be managed from here",
            hint="forward its socket: `ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST`, then "
            "--buildkit unix:///tmp/docker.sock",
        )
    why = why or f"podman is not installed, and {known_by}"
    if (named := named_builder(where, environment)) is not None:
        first, *others = named.addresses
        own = named.certificates if others or first.startswith("tcp:") else ""
        return BuilderChoice(BUILDKIT_BACKEND, why, first, certificates or own, tuple(others))
    if not certificates and where == environment.get("DOCKER_HOST") and environment.get("DOCKER_TLS_VERIFY"):
        certificates = environment.get("DOCKER_CERT_PATH", "")
    return BuilderChoice(BUILDKIT_BACKEND, why, where, certificates)


def _usual(environment: Mapping[str, str], sockets: tuple[str, ...]) -> tuple[str, str]:
    """Return where a BuildKit is when no flag names it, and how that is known; "" when it is not."""
    for variable in _HOSTS:
        if environment.get(variable):
            return environment[variable], f"{variable} names it"
    for path in sockets:
        if os.path.exists(path):
            return f"unix://{path}", "its socket exists"
    return "", ""


def select(
    requested: str = "",
    address: str = "",
    certificates: str = "",
    *,
    options: tuple[str, ...] = (),
    shared: SharedCache = UNSHARED,
    cache: bool = True,
    push: str = "",
) -> Backend:
    """Return the backend that `choose` chooses, ready to build with the engine's `options`.

    Its steps are `shared` through a registry; without `cache`, none are taken from there. `push` is the repository
    that images go to, where the builder pushes them itself. Raises what `choose` and `open_backend` raise.
    """
    if shared.sources and not cache:
        raise UsageError("--no-cache builds every step again, and takes none from --cache-from")
    return open_backend(choose(requested, address, certificates), options, shared, push)


def open_backend(
    choice: BuilderChoice, options: tuple[str, ...] = (), shared: SharedCache = UNSHARED, push: str = ""
) -> Backend:
    """Return the builder of `choice`, which takes the engine's `options`, and the store of its images.

    Its steps are `shared` through a registry; a BuildKit that keeps no images pushes them to `push`. Raises UsageError
    for options that the builder does not take, for a place that cannot keep its steps and for an address that is none,
    WorkbenchError when nothing responds there.
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
    return _buildkit(choice, shared, push)


def _buildkit(choice: BuilderChoice, shared: SharedCache, push: str) -> Backend:
    # Whoever builds with podman never loads gRPC.
    from workbench.images.buildkit.builder import BuildKitBuilder
    from workbench.images.buildkit.carry import CarryingBuilder, PullingBuilder
    from workbench.images.buildkit.engine_api import EngineApi
    from workbench.images.buildkit.llb.address import parse
    from workbench.images.buildkit.llb.sockets import is_engine, open_connection
    from workbench.images.buildkit.registry_store import RegistryStore
    from workbench.images.buildkit.store import DockerdStore

    if choice.others:
        from workbench.images.buildkit.least_busy import least_busy

        chosen, why = least_busy((choice.address, *choice.others), choice.certificates)
        certificates = choice.certificates if chosen.startswith("tcp:") else ""
        choice = BuilderChoice(choice.name, f"{choice.why}; {why}", chosen, certificates)
    address = parse(choice.address, choice.certificates)
    with closing(open_connection(address)) as connection:
        has_store = is_engine(connection, address)
    builder = BuildKitBuilder(address, shared, push)
    if has_store:
        store = DockerdStore(EngineApi(address))
        return Backend(choice, CarryingBuilder(builder, store), store)
    if push:
        registry = RegistryStore(address)
        return Backend(choice, PullingBuilder(builder, address, registry.digest), registry, push)
    if not podman.is_installed():
        raise WorkbenchError(
            f"the BuildKit at {address} keeps no images, and podman, which would, is not installed",
            hint="give --push REPO, and the daemon pushes there, or install podman",
        )
    return Backend(choice, PullingBuilder(builder, address), PODMAN)
