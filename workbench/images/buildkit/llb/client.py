"""A running BuildKit: its capabilities, and building with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from workbench.images.background import in_background
from workbench.images.buildkit.llb import solving
from workbench.images.buildkit.llb.address import Address, parse
from workbench.images.buildkit.llb.calls import CONTROL, Calls
from workbench.images.buildkit.llb.failures import NotBuildKitError, TooOldError
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.pb import gateway_pb2 as gateway
from workbench.images.buildkit.llb.session.session import Session
from workbench.images.buildkit.llb.solving import Cache, Export
from workbench.images.buildkit.llb.status import Event, Watch
from workbench.images.buildkit.llb.transport import channel

_INFO_SECONDS = 30.0


def _unwatched(event: Event) -> None:
    """Ignore the event."""


@dataclass(frozen=True, slots=True)
class DaemonInfo:
    """A daemon's description of itself: the enabled capabilities of graphs and of gateways, and its workers."""

    graph: frozenset[str]
    gateway: frozenset[str]
    workers: tuple[str, ...]


class Daemon:
    """A BuildKit; `is_engine` when it is part of a Docker Engine, which stores images itself (exporter `moby`)."""

    def __init__(self, calls: Calls, *, is_engine: bool) -> None:
        self._calls = calls
        self.is_engine = is_engine
        self._lock = threading.Lock()
        self._info: DaemonInfo | None = None

    @property
    def address(self) -> str:
        """Where it is."""
        return self._calls.address

    def capabilities(self) -> frozenset[str]:
        """Return which capabilities graphs may use: those that are enabled, not all that it knows."""
        return self._read_info().graph

    def frontend_capabilities(self) -> frozenset[str]:
        """Return which capabilities the function of a build may use."""
        return self._read_info().gateway

    def version(self) -> str:
        """Return the version of BuildKit, "" when it does not report one."""
        try:
            response = self._calls.call(
                f"{CONTROL}/Info", control.InfoRequest(), control.InfoResponse, seconds=_INFO_SECONDS
            )
        except TooOldError:
            return ""
        return response.buildkitVersion.version

    def running(self) -> int | None:
        """Return how many builds run there now, of all clients; None for a daemon that does not know (before 0.11)."""
        request = control.BuildHistoryRequest(ActiveOnly=True, EarlyExit=True)
        path = f"{CONTROL}/ListenBuildHistory"
        try:
            events = self._calls.stream(path, request, control.BuildHistoryEvent, _INFO_SECONDS)
            return len({event.record.Ref for event in events})
        except grpc.RpcError as error:
            failure = self._calls.failure(error)
            if isinstance(failure, TooOldError):
                return None
            raise failure from None

    def describe(self, build: Gateway | None = None) -> str:
        """Return one line about it for a log; `build` is a build in progress, which saves starting one for it."""
        version = in_background(self.version)
        if build is not None:
            with self._lock:
                self._info = _info_of(build.ping())
        kind = "the BuildKit of a Docker Engine" if self.is_engine else "a BuildKit of its own"
        joins = "with" if {"mergeop", "diffop"} <= self.capabilities() else "without"
        return (
            f"{self.address}: {kind}, {version.result() or 'of a version before 0.11'}, "
            f"{len(self.capabilities())} capabilities, {joins} merge and diff"
        )

    def build(
        self,
        function: Callable[[Gateway], BuildResult],
        *,
        exporter: str = "",
        exporter_attributes: Mapping[str, str] | None = None,
        session: Session | None = None,
        watch: Watch = _unwatched,
        cache_from: Sequence[Cache] = (),
        cache_to: Sequence[Cache] = (),
        entitlements: Sequence[str] = (),
    ) -> dict[str, str]:
        """Build what `function` decides on, export it, and return what the exporter reports.

        `function` runs in this thread, `watch` is called in another one, in order. An exporter of
        "" makes no image and fills the cache only. Raises a BuildKitError when something fails, and
        whatever `function` and `watch` raise; then, and at Ctrl-C, the daemon has ended the build
        before this returns, or has not ended it ten seconds after the request.
        """
        request = self._request(Export(exporter, exporter_attributes or {}), cache_from, cache_to, entitlements)
        return solving.solve(self._calls, request, session, watch, function)

    def solve_frontend(
        self,
        frontend: str,
        attributes: Mapping[str, str],
        *,
        exporter: str = "",
        exporter_attributes: Mapping[str, str] | None = None,
        session: Session | None = None,
        watch: Watch = _unwatched,
        cache_from: Sequence[Cache] = (),
        cache_to: Sequence[Cache] = (),
        entitlements: Sequence[str] = (),
    ) -> dict[str, str]:
        """Build with a frontend of the daemon's own, `dockerfile.v0` for one, as `build` does."""
        request = self._request(Export(exporter, exporter_attributes or {}), cache_from, cache_to, entitlements)
        request.Frontend = frontend
        request.FrontendAttrs.update(attributes)
        return solving.solve(self._calls, request, session, watch)

    def _request(
        self, export: Export, cache_from: Sequence[Cache], cache_to: Sequence[Cache], entitlements: Sequence[str]
    ) -> control.SolveRequest:
        return control.SolveRequest(
            Exporter=export.kind,
            ExporterAttrs=dict(export.attributes),
            Cache=control.CacheOptions(
                Exports=[cache.entry() for cache in cache_to], Imports=[cache.entry() for cache in cache_from]
            ),
            Entitlements=list(entitlements),
        )

    def _read_info(self) -> DaemonInfo:
        with self._lock:
            if self._info is None:
                pongs: list[gateway.PongResponse] = []

                def ping(build: Gateway) -> BuildResult:
                    pongs.append(build.ping())
                    return BuildResult()

                self.build(ping)
                self._info = _info_of(pongs[0])
            return self._info


def _info_of(pong: gateway.PongResponse) -> DaemonInfo:
    return DaemonInfo(
        frozenset(one.ID for one in pong.LLBCaps if one.Enabled),
        frozenset(one.ID for one in pong.FrontendAPICaps if one.Enabled),
        tuple(worker.ID for worker in pong.Workers),
    )


@contextmanager
def connect(address: str | Address, *, certificates: str = "") -> Iterator[Daemon]:
    """Yield the BuildKit at `address`: unix:///path or tcp://host:port, of a Docker Engine or of its own.

    With a folder of `certificates` (ca.pem, and cert.pem with key.pem), TLS is spoken. Raises a
    BuildKitError that says what listens there instead.
    """
    where = parse(address, certificates) if isinstance(address, str) else address
    with channel(where) as (made, is_engine):
        calls = Calls(made, str(where))
        try:
            calls.call(
                f"{CONTROL}/ListWorkers",
                control.ListWorkersRequest(),
                control.ListWorkersResponse,
                seconds=_INFO_SECONDS,
            )
        except TooOldError:
            raise NotBuildKitError(f"what listens at {where} speaks gRPC and is no BuildKit") from None
        yield Daemon(calls, is_engine=is_engine)
