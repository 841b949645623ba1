"""Lanes: never more slots than there are, nobody behind others' queues, in order, and every way to leave a queue."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests import chance as chances
from workbench.replicasets.api.lanes import Bounds, Full, Lane, LaneBounds, Lanes

CALLERS = ("a", "b", "c")


def test_a_thousand_requests_in_any_order() -> None:
    """Callers that hold, wait, give up and are cancelled at random: bounds hold at each moment, nothing is lost."""
    chance = chances.chance()
    bounds = Bounds(in_all=5, caller=3, waiting=4, seconds=30)
    lane, inside, refused = Lane("things", bounds), Counter[str](), 0

    async def request(caller: str) -> None:
        nonlocal refused
        try:
            async with lane.slot(caller):
                inside[caller] += 1
                assert inside[caller] <= bounds.caller and inside.total() <= bounds.in_all
                try:
                    await asyncio.sleep(chance.random() / 1000)
                finally:
                    inside[caller] -= 1
        except Full:
            refused += 1

    async def all_of_them() -> int:
        ended = []
        for _ in range(1000):
            ended.append(asyncio.create_task(request(chance.choice(CALLERS))))
            if chance.random() < 0.2:
                chance.choice(ended).cancel()
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() / 2000)
        results = await asyncio.gather(*ended, return_exceptions=True)
        assert {type(each) for each in results} <= {type(None), asyncio.CancelledError}
        return refused

    assert asyncio.run(all_of_them()) < 1000
    assert (lane.taken, lane.waiting, inside.total()) == (0, 0, 0)


def test_who_waits_behind_a_full_caller_is_let_in_before_it() -> None:
    lane = Lane("things", Bounds(in_all=3, caller=2, waiting=9, seconds=30))
    order: list[str] = []

    async def request(name: str, go_on: asyncio.Event) -> None:
        async with lane.slot(name[0]):
            order.append(name)
            await go_on.wait()

    async def script() -> None:
        events = {name: asyncio.Event() for name in ("a1", "a2", "a3", "a4", "b1", "b2")}
        tasks = []
        for name, event in events.items():
            tasks.append(asyncio.create_task(request(name, event)))
            await asyncio.sleep(0)
        assert order == ["a1", "a2", "b1"] and lane.waiting == 3
        for name, following in (("b1", ["b2"]), ("a2", ["a3"]), ("b2", []), ("a1", ["a4"])):
            events[name].set()
            before = len(order)
            for _ in range(5):
                await asyncio.sleep(0)
            assert order[before:] == following, name
        for event in events.values():
            event.set()
        await asyncio.gather(*tasks)

    asyncio.run(script())


def test_a_queue_has_an_end_and_a_turn_that_does_not_come_one_too() -> None:
    lane = Lane("things", Bounds(in_all=1, caller=1, waiting=1, seconds=0.05))

    async def script() -> None:
        async with lane.slot("a"):
            waiting = asyncio.create_task(lane.slot("a").__aenter__())
            await asyncio.sleep(0)
            with pytest.raises(Full, match="1 of one token are served and 1 wait") as full:
                await lane.slot("a").__aenter__()
            assert full.value.seconds > 0
            with pytest.raises(Full, match="none ended"):
                await waiting
            assert (lane.taken, lane.waiting) == (1, 0)

    asyncio.run(script())


def test_every_request_has_a_lane() -> None:
    lanes = Lanes(LaneBounds())
    for method, path, lane in (
        ("POST", "/api/v1/replicaSet/foo/execute", lanes.execute),
        ("POST", "/api/v1/replicaSet", lanes.change),
        ("PUT", "/nowhere", lanes.change),
        ("DELETE", "/api/v1/volumes/bar", lanes.change),
        ("GET", "/api/v1/replicaSet", lanes.read),
        ("GET", "/api/v1/replicaSet/foo/execute", lanes.read),
        ("GET", "/api/v1/events", lanes.stream),
        ("GET", "/metrics", lanes.health),
        ("POST", "/api/v1/replicaSet/foo/archive", lanes.transfer),
        ("GET", "/api/v1/replicaSet/foo/logs", lanes.transfer),
    ):
        assert lanes.of(method, path) is lane, path
    assert LaneBounds().threads() > lanes.bounds.execute.in_all + lanes.bounds.change.in_all
