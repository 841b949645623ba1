"""Asking the tests' dockerd as the product does, and whoever looks on while it builds."""

from __future__ import annotations

from tests.dockerd import Dockerd
from workbench.images.buildkit.engine_api import EngineApi
from workbench.images.buildkit.llb.address import parse
from workbench.images.buildkit.store import DockerdStore


def store_of(dockerd: Dockerd) -> DockerdStore:
    return DockerdStore(EngineApi(parse(dockerd.address)))


class Lines:
    """A watcher that keeps what it receives."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[int, int, str]] = []

    def step(self, number: int, total: int, title: str) -> None:
        self.steps.append((number, total, title))

    def line(self, text: str) -> None:
        self.lines.append(text)
