"""Limits of what a set wrote, its times and ends of lines, and versions that are kept as images."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replicasets.call_faults import Faults
from tests.replicasets.fakes import IMAGE, FakeEngine, MemoryStore, service
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Forbidden, Invalid, NotFound
from workbench.replicasets.operations.logs import Logs, _time
from workbench.replicasets.requests import LogsRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

NOW = datetime(2026, 11, 30, 14, 0, tzinfo=UTC)


class Given:
    """Pieces that were written, and whether it was closed."""

    def __init__(self, *pieces: tuple[int, bytes]) -> None:
        self.pieces, self.closed = pieces, False

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        yield from self.pieces

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(Faults(), carries=False)


@pytest.fixture
def rs(engine: FakeEngine, tmp_path: Path) -> ReplicaSets:
    made = service(tmp_path, engine, MemoryStore(engine.faults))
    made.run(RunRequest(IMAGE, "foo"), Caller("op"))
    engine.standing["foo-1"].lines = ("one", "two")
    return made


def test_lines_of_the_current_and_of_a_former_version(rs: ReplicaSets, engine: FakeEngine) -> None:
    assert list(rs.logs("foo", LogsRequest(tail=1), Caller("op"))) == [(1, b"two\n")]
    rs.restart("foo", Caller("op"))
    assert list(rs.logs("foo", LogsRequest(), Caller("op"))) == []
    with pytest.raises(NotFound, match="version 1 of foo is kept as an image, which has nothing of") as kept:
        rs.logs("foo", LogsRequest(version=1), Caller("op"))
    assert kept.value.code is Code.LOGS
    engine.remove("foo-2")
    with pytest.raises(NotFound, match="foo-2 no longer exists in the engine"):
        rs.logs("foo", LogsRequest(), Caller("op"))
    with pytest.raises(NotFound, match="foo has no version 7"):
        rs.logs("foo", LogsRequest(version=7), Caller("op"))
    with pytest.raises(NotFound, match="there is no set foo"):
        rs.logs("foo", LogsRequest(), Caller("other"))
    with pytest.raises(Forbidden):
        rs.logs("foo", LogsRequest(), Caller("other", sees_all=True))


@pytest.mark.parametrize("request_", [LogsRequest(tail=100_001), LogsRequest(max_bytes=0), LogsRequest(since="soon")])
def test_what_is_no_request(request_: LogsRequest, rs: ReplicaSets) -> None:
    with pytest.raises(Invalid):
        rs.logs("foo", request_)


def test_it_is_cut_where_it_is_too_much() -> None:
    given_ = Given((1, b"abc"), (2, b"de"), (1, b"f"))
    logs = Logs(given_, 4)
    assert (list(logs), logs.cut, given_.closed) == ([(1, b"abc"), (2, b"d")], True, True)
    whole = Logs(Given((1, b"abcd")), 4)
    assert (list(whole), whole.cut) == ([(1, b"abcd")], False)


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.text("a\r\n", min_size=1).map(str.encode))))
def test_ends_of_lines_of_a_terminal_are_plain_wherever_they_are_cut(pieces: list[tuple[int, bytes]]) -> None:
    found = list(Logs(Given(*pieces), 1 << 20))
    for stream in (1, 2):
        whole, plain = (b"".join(text for number, text in each if number == stream) for each in (pieces, found))
        assert plain == whole.replace(b"\r\n", b"\n")


def test_times() -> None:
    assert _time("", NOW) == 0 and _time("9999w", NOW) == 0
    assert _time("90s", NOW) == NOW.timestamp() - 90 and _time("2h", NOW) == NOW.timestamp() - 7200
    assert _time("2026-11-30T14:00:00", NOW) == _time("2026-11-30T15:00:00+01:00", NOW) == NOW.timestamp()
