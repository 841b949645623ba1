from __future__ import annotations

import threading

import pytest

from workbench.errors import WorkbenchError
from workbench.images.background import in_background


def test_the_outcome_is_there_when_the_work_is_done() -> None:
    go = threading.Event()
    outcome = in_background(lambda: go.wait(60))
    assert not outcome.done()
    go.set()
    assert outcome.result(60) is True


def test_an_error_is_raised_where_the_outcome_is_wanted() -> None:
    def fail() -> None:
        raise WorkbenchError("the engine is gone")

    with pytest.raises(WorkbenchError, match="the engine is gone"):
        in_background(fail).result(60)


def test_nobody_waits_for_it_at_the_end_of_the_program() -> None:
    before = set(threading.enumerate())
    go = threading.Event()
    outcome = in_background(go.wait)
    (thread,) = set(threading.enumerate()) - before
    assert thread.daemon
    go.set()
    outcome.result(60)
