from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.build.buildkit import fake


@pytest.fixture
def daemon() -> Iterator[fake.Running]:
    """A fake BuildKit."""
    with fake.started() as running:
        yield running


@pytest.fixture
def no_threads() -> Iterator[None]:
    """What the test starts has ended with it."""
    before = set(threading.enumerate())
    yield
    ours = [one for one in threading.enumerate() if one not in before and one.name.startswith("buildkit")]
    # gRPC joins the threads of a server that has stopped a moment later.
    deadline = time.monotonic() + 10
    while any(one.is_alive() for one in ours) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [one for one in ours if one.is_alive()]
