"""What is sent as it comes, and is broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from workbench.replicasets.api.streaming import Lasting


class Source:
    """Writes until it is closed."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_what_a_client_broke_off_is_closed_at_once(version: str) -> None:
    """It holds a connection to the engine, which the garbage collector would close in a thread of its own choice."""

    def endless() -> Iterator[str]:
        while not source.closed:
            yield "x"

    source = Source()
    content = endless()

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:  # noqa: ANN401  ASGI
        if version == "2.4" and message.get("body"):
            raise OSError("the client went away")

    async def respond() -> None:
        scope = {"type": "http", "asgi": {"spec_version": version}}
        try:
            await Lasting(content, source, "text/plain")(scope, receive, send)
        except Exception:
            assert version == "2.4"

    asyncio.run(respond())
    assert getattr(content, "gi_frame") is None and source.closed  # noqa: B009  no attribute of an iterator
