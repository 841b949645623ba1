"""Whose turn it is: the order, what is kept free for whom, and what leaving leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests import chance as chances
from tests.engine import TINY
from tests.replicasets.conftest import GPUS
from workbench.replicasets.claims import Ledger
from workbench.replicasets.errors import Conflict, Exhausted, GpusBusy
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.turns import MOST_WAITING, Turns, Waiting
from workbench.replicasets.values import Claim


def ledger(*held: tuple[str, str, int]) -> Ledger:
    """Sets, their owners, and how many GPUs they hold."""
    claims = [Claim("gpu", f"{name}{n}", name, name, (1,), owner) for name, owner, count in held for n in range(count)]
    return Ledger(tuple(claims), 1)


def queue(*requests: tuple[str, str, int]) -> tuple[Turns, dict[str, Waiting]]:
    turns = Turns()
    return turns, {name: turns.enter(name, owner, gpus, "") for name, owner, gpus in requests}


def call(turns: Turns, now: Ledger, free: int) -> None:
    assert turns.call(now, free, turns.count)


def order(turns: Turns, of: Ledger) -> list[str]:
    return [each.waiting.set for each in turns.places(of)]


def test_who_holds_least_is_next_and_then_who_came_first() -> None:
    turns, _ = queue(("a1", "a", 1), ("a2", "a", 1), ("a3", "a", 1), ("b1", "b", 1), ("c1", "c", 2), ("b2", "b", 1))
    assert order(turns, ledger()) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert order(turns, ledger(("a0", "a", 2), ("c0", "c", 1))) == ["b1", "c1", "b2", "a1", "a2", "a3"]


def test_nobody_is_called_past_one_who_needs_more() -> None:
    turns, entries = queue(("large", "a", 4), ("small", "b", 1))
    call(turns, ledger(), 3)
    assert [each.called for each in turns.places(ledger())] == [False, False]
    call(turns, ledger(), 4)
    assert [(each.waiting.set, each.called) for each in turns.places(ledger())] == [("large", True), ("small", False)]
    # Called again while the turn is being taken: what it was given counts once.
    for took in range(4):
        call(turns, ledger(("large", "a", took)), 4 - took)
        assert not turns.places(ledger())[1].called
    call(turns, ledger(("large", "a", 4)), 1)
    assert turns.places(ledger())[1].called
    assert turns.leave(entries["large"]) and not turns.leave(entries["large"])


def test_what_was_read_before_somebody_left_calls_nobody() -> None:
    turns, entries = queue(("foo", "a", 4), ("bar", "b", 4), ("baz", "c", 4))
    call(turns, ledger(), 8)
    count, read = turns.count, ledger()
    # Both are given theirs and leave, and the ledger that was read knows nothing of it.
    assert turns.leave(entries["foo"]) and turns.leave(entries["bar"])
    assert not turns.call(read, 8, count) and not turns.places(read)[0].called
    call(turns, ledger(("foo", "a", 4), ("bar", "b", 4)), 0)
    assert not turns.places(read)[0].called


def test_what_is_free_is_for_those_who_wait() -> None:
    turns, entries = queue(("foo", "a", 2))
    assert turns.kept("bar", "b", 1, ledger()) > 1000 and turns.kept("foo", "a", 2, ledger()) > 1000
    call(turns, ledger(), 3)
    assert (turns.kept("bar", "b", 1, ledger()), turns.kept("foo", "a", 2, ledger())) == (2, 0)
    # A set of that name that is another's is not the one that waits.
    assert turns.kept("foo", "b", 2, ledger()) == 2 and turns.kept("bar", "b", 1, ledger(("foo", "b", 2))) == 2
    assert turns.kept("bar", "b", 1, ledger(("foo", "a", 1))) == 1
    # More than it waited for may be what others are called for.
    turns.enter("baz", "c", 4, "")
    call(turns, ledger(), 6)
    assert (turns.kept("foo", "a", 3, ledger()), turns.kept("foo", "a", 2, ledger())) == (4, 0)
    turns.leave(entries["foo"])
    assert turns.kept("bar", "b", 1, ledger()) == 4


def test_a_set_waits_once_and_an_owner_with_so_many() -> None:
    turns, _ = queue(*((f"s{n}", "a", 1) for n in range(MOST_WAITING)))
    with pytest.raises(Conflict):
        turns.enter("s0", "b", 1, "")
    with pytest.raises(Exhausted):
        turns.enter("more", "a", 1, "")
    turns.enter("more", "b", 1, "")


def test_whatever_comes_everybody_is_served_and_nothing_is_given_twice() -> None:
    """Owners that come, take their turn, end and give up at random, on 8 GPUs."""
    chance = chances.chance()
    turns, holding, waiting = Turns(), dict[str, tuple[str, int]](), dict[str, Waiting]()
    served: Counter[str] = Counter()
    for step in range(3000):
        name, owner = f"s{step}", chance.choice("abc")
        mine = sum(each.owner == owner for each in waiting.values())
        if chance.random() < 0.4 and mine < MOST_WAITING:
            waiting[name] = turns.enter(name, owner, chance.randint(1, 8), "")
        if holding and chance.random() < 0.5:
            del holding[chance.choice(sorted(holding))]
        if waiting and chance.random() < 0.1:
            turns.leave(waiting.pop(chance.choice(sorted(waiting))))
        now = ledger(*((each, *what) for each, what in holding.items()))
        call(turns, now, 8 - len(now.claims))
        for place in turns.places(now):
            if place.called and chance.random() < 0.7:
                found = place.waiting
                holding[found.set] = (found.owner, found.gpus)
                turns.leave(waiting.pop(found.set))
                served[found.owner] += 1
        assert sum(gpus for _, gpus in holding.values()) <= 8
    # Nobody is left behind: each has about a third.
    assert min(served.values()) > max(served.values()) / 2
    assert {each.set for each in turns.waiting()} == waiting.keys()


@pytest.mark.thorough
def test_gpus_of_a_real_set_that_is_stopped_are_for_the_one_that_waits(room: Callable[..., ReplicaSets]) -> None:
    rs = room()
    rs.run(RunRequest(TINY, "foo", gpus=GPUS))
    entry = rs.enter_queue("bar", rs.check_turn("bar", 2), 2)
    assert [(each.called, each.ahead) for each in rs.queue().places] == [(False, 0)]
    rs.stop("foo", grace=0)
    assert rs.queue().places[0].called and rs.queue().free == GPUS
    with pytest.raises(GpusBusy, match="others wait"):
        rs.restart("foo")
    assert len(rs.run(RunRequest(TINY, "bar", gpus=2)).gpus) == 2
    rs.leave_queue(entry)
    with pytest.raises(GpusBusy) as error:
        rs.restart("foo")
    assert (error.value.gpus, rs.queue().places) == (GPUS, ())
