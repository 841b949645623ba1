"""Waiting for a workbench that ends instead."""

from __future__ import annotations

import pytest

from workbench import podman
from workbench.errors import WorkbenchError
from workbench.launch import opening
from workbench.launch.workbenches import Workbench
from workbench.podman import Completed


def workbench(state: str) -> Workbench:
    # Nobody listens at port 1.
    return Workbench("own", state, "localhost/own:1", "sha256:0", 1, "")


def test_one_that_ended_a_moment_ago_is_named_by_its_last_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the end of the program and podman's cleaning up the container is `stopped`, and then `exited`."""
    calls: list[str] = []

    def run(*arguments: str, seconds: float | None = None) -> Completed:
        calls.append(arguments[0])
        return Completed(0, "3\n" if arguments[0] == "wait" else "the disk is full\n", "")

    def find(_name: str) -> Workbench:
        return workbench("exited" if "wait" in calls else "stopped")

    monkeypatch.setattr(podman, "run", run)
    monkeypatch.setattr(opening, "find", find)
    with pytest.raises(WorkbenchError) as caught:
        opening.wait_until_open(workbench("running"), seconds=60)
    assert caught.value.message.endswith("does not run: it is exited\n  | the disk is full")
    assert calls == ["wait", "logs"]
