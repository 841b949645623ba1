"""Following a build in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc

from workbench.images.buildkit.llb.calls import CONTROL, Calls, Future
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.status import Reading, Watch

# A build may be asked about before the daemon has begun it.
_RETRY_SECONDS = 0.02
_END_SECONDS = 2.0


class Following:
    """Hands the events of `build` to `watch` as they come. What `watch` raises ends the build, and `stop` raises it."""

    def __init__(self, calls: Calls, build: str, watch: Watch, solving: Future[control.SolveResponse]) -> None:
        self._calls, self._build, self._watch, self._solving = calls, build, watch, solving
        self._reading = Reading()
        self._given_up = threading.Event()
        self._known = False
        self._call: Any = None
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, name="buildkit-status", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> tuple[str, str, tuple[str, ...]] | None:
        """Name, error and last lines of the step that failed."""
        return self._reading.failed

    def stop(self, seconds: float, unheard: float | None = None) -> None:
        """Wait so long for the last event, which comes when every step has stopped, and then for no more.

        Where nothing was heard yet, `unheard` is how long: a daemon that refused the build looks for it all the same.
        """
        if unheard is not None:
            self._thread.join(unheard)
        if unheard is None or self._known:
            self._thread.join(seconds)
        self.give_up()
        if self._raised is not None:
            raise self._raised

    def give_up(self) -> None:
        """Wait for no more."""
        self._given_up.set()
        if self._call is not None:
            self._call.cancel()
        # Where the daemon died at the wrong moment, gRPC tells the end of a cancelled call only with its channel's.
        self._thread.join(_END_SECONDS)

    def _follow(self) -> None:
        try:
            while not self._given_up.is_set():
                if self._heard():
                    break
                # It is not there yet, or the build ended before anybody asked.
                if self._solving.done() or self._given_up.wait(_RETRY_SECONDS):
                    break
            for event in self._reading.end():
                self._watch(event)
        except BaseException as error:
            self._raised = error
            self._solving.cancel()

    def _heard(self) -> bool:
        """Return whether the daemon knew the build, after all that it told."""
        try:
            for answer in self._answers():
                self._known = True
                for event in self._reading.read(answer):
                    self._watch(event)
        except grpc.RpcError as error:
            # How the build ended is the Solve's to say; a daemon that is gone ends that too.
            return self._known or "no such job" not in (error.details() or "")
        return True

    def _answers(self) -> Iterator[control.StatusResponse]:
        request = control.StatusRequest(Ref=self._build)
        self._call = self._calls.stream(f"{CONTROL}/Status", request, control.StatusResponse)
        if self._given_up.is_set():
            self._call.cancel()
        yield from self._call
