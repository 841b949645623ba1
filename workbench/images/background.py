"""Work that is done while something else is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_background(work: Callable[[], T]) -> Future[T]:
    """Start `work` in a thread of its own and return what will be its outcome, an error too.

    Nobody waits for the thread at the end of the program, as one of a pool is waited for: an engine
    that does not respond would block a build that was interrupted.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="in_background", daemon=True).start()
    return outcome
