from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from workbench.errors import WorkbenchError
from workbench.images.build_all import run_graph
from workbench.process import stream

CHAIN = {"base": "elsewhere", "runtime": "base", "left": "runtime", "right": "runtime", "top": "right"}


def test_each_comes_after_the_one_below() -> None:
    done: list[str] = []
    assert run_graph(CHAIN, done.append) == dict.fromkeys(CHAIN)
    assert done[:2] == ["base", "runtime"]
    assert done.index("right") < done.index("top")
    assert sorted(done) == sorted(CHAIN)


def test_where_it_forks_both_are_done_at_once() -> None:
    together = threading.Barrier(2)

    def work(name: str) -> None:
        if name in ("left", "right"):
            together.wait(timeout=20)

    assert run_graph(CHAIN, work) == dict.fromkeys(CHAIN)


def test_one_that_fails_stops_what_stands_on_it_and_no_other() -> None:
    failure = WorkbenchError("no")

    def work(name: str) -> None:
        if name == "right":
            raise failure

    assert run_graph(CHAIN, work) == {"base": None, "runtime": None, "left": None, "right": failure}


def test_a_bug_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        run_graph(CHAIN, lambda name: print(1 // 0))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_children_of_all(number: signal.Signals) -> None:
    sleepers: list[int] = []
    interrupted: list[str] = []
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"

    def note(line: str) -> None:
        sleepers.append(int(line))
        if len(sleepers) == 2:
            os.kill(os.getpid(), number)

    def work(name: str) -> None:
        if name in ("left", "right"):
            try:
                stream([sys.executable, "-c", program], note, patience=0.5)
            except KeyboardInterrupt:
                interrupted.append(name)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_graph(CHAIN, work)
    assert time.monotonic() - began < 30
    assert sorted(interrupted) == ["left", "right"]
    assert len(sleepers) == 2
    for sleeper in sleepers:
        with pytest.raises(ProcessLookupError):
            os.kill(sleeper, 0)
