"""One build from its request to its end: the Solve that lasts as long as it, its Status, its session, its gateway."""

from __future__ import annotations

import secrets as randomness
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import grpc

from workbench.images.buildkit.llb.calls import CONTROL, Calls, Future
from workbench.images.buildkit.llb.failures import (
    BuildKitError,
    NoSuchJobError,
    StepFailedError,
    exit_code,
)
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.session.session import Session, open_session
from workbench.images.buildkit.llb.status import StatusFollower, Watch

# How long the daemon may take to stop a cancelled build, and to report how a failed one ended.
_PATIENCE_SECONDS = 10.0
# How much later than a failed call of a build the daemon may report that the build has ended.
_LATE_SECONDS = 1.0

Solve = Future[control.SolveResponse]
# The builds of all threads.
_lock = threading.Lock()
_running: set[Solve] = set()
_interrupted: set[Solve] = set()


@dataclass(frozen=True, slots=True)
class Export:
    """Where what was built goes: `moby` (a Docker Engine's store), `image`, `oci`, `docker`, or "" for nowhere."""

    kind: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache outside of the daemon: its kind (`registry`, `inline`, `local`) and its attributes (`ref`)."""

    kind: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def entry(self) -> control.CacheOptionsEntry:
        """Return it as a request has it."""
        return control.CacheOptionsEntry(Type=self.kind, Attrs=dict(self.attributes))


def stop_all() -> None:
    """End the builds of all threads, for the main one: each raises KeyboardInterrupt in its thread."""
    with _lock:
        _interrupted.update(_running)
        running = list(_running)
    for solve in running:
        solve.cancel()


def solve(
    calls: Calls,
    request: control.SolveRequest,
    session: Session | None,
    watch: Watch,
    function: Callable[[Gateway], BuildResult] | None = None,
) -> dict[str, str]:
    """Run the build that `request` describes and return what its exporter reports; see Daemon.build."""
    request.Ref = randomness.token_hex(16)
    with ExitStack() as stack:
        opened = stack.enter_context(open_session(calls.channel, calls.address, session)) if session else None
        request.Session = opened.id if opened else ""
        with _lock:
            solving = calls.start(f"{CONTROL}/Solve", request, control.SolveResponse)
            _running.add(solving)
        status = StatusFollower(calls, request.Ref, watch, solving)
        try:
            if function is not None:
                _control(Gateway(calls, request.Ref, request.Cache.Imports), solving, function)
            response = solving.result()
            status.stop(_PATIENCE_SECONDS)
            if opened is not None:
                opened.keep()
            return dict(response.ExporterResponse)
        except (BuildKitError, grpc.RpcError, grpc.FutureCancelledError) as error:
            failure = _cause(calls, solving, error)
            solving.cancel()
            status.stop(_PATIENCE_SECONDS, first=_LATE_SECONDS)
            if solving in _interrupted:
                raise KeyboardInterrupt from None
            raise _failure(failure, status) from None
        except BaseException:
            solving.cancel()
            status.stop(_PATIENCE_SECONDS)
            raise
        finally:
            solving.cancel()
            status.cancel()
            with _lock:
                _running.discard(solving)
                _interrupted.discard(solving)


def _control(gateway: Gateway, solving: Solve, function: Callable[[Gateway], BuildResult]) -> None:
    solving.add_done_callback(lambda _: gateway.end())
    try:
        result = function(gateway)
        try:
            gateway.finish(result)
        except BuildKitError:
            # The end of the build may overtake the response to the call that ended it.
            if not solving.done():
                raise
    except NoSuchJobError:
        raise
    except BuildKitError as error:
        try:
            gateway.fail(error.detail or error.message)
        except BuildKitError:
            solving.cancel()
        raise


def _cause(calls: Calls, solving: Solve, error: Exception) -> BuildKitError:
    """Return the cause, once the daemon has ended the build: a call that failed because its build is gone is none."""
    reported = None
    try:
        solving.result(_LATE_SECONDS if isinstance(error, NoSuchJobError) else _PATIENCE_SECONDS)
    except grpc.RpcError as failed:
        reported = calls.failure(failed)
    except (grpc.FutureTimeoutError, grpc.FutureCancelledError):
        pass
    if isinstance(error, BuildKitError) and not (reported and isinstance(error, NoSuchJobError)):
        return error
    return reported or BuildKitError(f"the build at {calls.address} was cancelled")


def _failure(error: BuildKitError, status: StatusFollower) -> BuildKitError:
    """Return the error of the failed step, where it was a step that failed."""
    if type(error) is not BuildKitError or (failed := status.failed) is None:
        return error
    step, detail, lines = failed
    return StepFailedError(step, exit_code(detail), lines, detail=detail)
