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
from workbench.images.buildkit.llb.following import Following
from workbench.images.buildkit.llb.gateway import Answer, Gateway
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.session.session import Session, started
from workbench.images.buildkit.llb.status import Watch

# How long the daemon may take to stop a build that was given up, and to say how one ended that failed.
_PATIENCE_SECONDS = 10.0
# How much later than what is asked of a build the daemon may say that this has ended.
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
    """A cache outside of the daemon: its kind (`registry`, `inline`, `local`) and what that wants to know (`ref`)."""

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
    function: Callable[[Gateway], Answer] | None = None,
) -> dict[str, str]:
    """Run the build that `request` describes and return what its exporter says; see Daemon.build."""
    request.Ref = randomness.token_hex(16)
    with ExitStack() as stack:
        offered = stack.enter_context(started(calls.channel, calls.address, session)) if session else None
        request.Session = offered.id if offered else ""
        with _lock:
            solving = calls.begin(f"{CONTROL}/Solve", request, control.SolveResponse)
            _running.add(solving)
        following = Following(calls, request.Ref, watch, solving)
        try:
            if function is not None:
                _steer(Gateway(calls, request.Ref, request.Cache.Imports), solving, function)
            answer = solving.result()
            following.stop(_PATIENCE_SECONDS)
            if offered is not None:
                offered.keep()
            return dict(answer.ExporterResponse)
        except (BuildKitError, grpc.RpcError, grpc.FutureCancelledError) as error:
            failure = _cause(calls, solving, error)
            solving.cancel()
            following.stop(_PATIENCE_SECONDS, unheard=_LATE_SECONDS)
            if solving in _interrupted:
                raise KeyboardInterrupt from None
            raise _failure(failure, following) from None
        except BaseException:
            solving.cancel()
            following.stop(_PATIENCE_SECONDS)
            raise
        finally:
            solving.cancel()
            following.give_up()
            with _lock:
                _running.discard(solving)
                _interrupted.discard(solving)


def _steer(gateway: Gateway, solving: Solve, function: Callable[[Gateway], Answer]) -> None:
    solving.add_done_callback(lambda _: gateway.end())
    try:
        answer = function(gateway)
        try:
            gateway.give(answer)
        except BuildKitError:
            # The end of the build may overtake the answer to what ended it.
            if not solving.done():
                raise
    except NoSuchJobError:
        raise
    except BuildKitError as error:
        try:
            gateway.give_up(error.detail or error.message)
        except BuildKitError:
            solving.cancel()
        raise


def _cause(calls: Calls, solving: Solve, error: Exception) -> BuildKitError:
    """Return what is wrong, once the daemon has ended the build: that a call has no build any more is not it."""
    told = None
    try:
        solving.result(_LATE_SECONDS if isinstance(error, NoSuchJobError) else _PATIENCE_SECONDS)
    except grpc.RpcError as failed:
        told = calls.failure(failed)
    except (grpc.FutureTimeoutError, grpc.FutureCancelledError):
        pass
    if isinstance(error, BuildKitError) and not (told and isinstance(error, NoSuchJobError)):
        return error
    return told or BuildKitError(f"the build at {calls.address} was given up")


def _failure(error: BuildKitError, following: Following) -> BuildKitError:
    """Return the error of the step that failed, where it is that what failed."""
    if type(error) is not BuildKitError or (failed := following.failed) is None:
        return error
    step, said, lines = failed
    return StepFailedError(step, exit_code(said), lines, detail=said)
