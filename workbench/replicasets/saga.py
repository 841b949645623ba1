"""Operations of several steps that end whole or leave nothing, whatever breaks between them.

Before a step is done it is recorded in the journal. Whoever finds a journal whose writer is gone
settles it: steps before the point of no return are undone, those after it finished. So every `do`
and `undo` must come out the same when it is done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from workbench.replicasets.codec import decode, encode
from workbench.replicasets.errors import Busy, EngineError, Failed, NotFound, ReplicaSetError, StoreError, Unavailable
from workbench.replicasets.owner import is_at_work, myself, working
from workbench.replicasets.records import JOURNAL, read
from workbench.replicasets.stores.protocol import Changes, StateStore
from workbench.replicasets.world import World, wait

P = TypeVar("P")
_TRIES = 200
_POLL_SECONDS = 0.1


def _nothing(world: World, plan: Any) -> None:  # noqa: ANN401
    """Do nothing."""


def _no_changes(world: World, plan: Any) -> Changes:  # noqa: ANN401
    return Changes()


@dataclass(frozen=True, slots=True)
class SagaStep(Generic[P]):
    """A step; `changes` are made in the store together with the record that it begins.

    A `running` one, and its undo, only concerns what the current container's processes do: once they are ended it
    is moot.
    """

    name: str
    do: Callable[[World, P], None] = _nothing
    undo: Callable[[World, P], None] = _nothing
    changes: Callable[[World, P], Changes] = _no_changes
    running: bool = False


@dataclass(frozen=True, slots=True)
class Saga(Generic[P]):
    """An operation: its steps, and the number of the first that is finished rather than undone.

    `undone` and `done` are the changes that end it, made together with the end of the journal.
    What broke past `point` is finished later; but with `yields` it is given up after a clear no.
    From `effective` on the operation has taken place: an error then is one of the tidying only.
    `left` are the changes that record what was not removed (`leftovers`), where finishing may be given up for that.
    """

    name: str
    plan: type[P]
    steps: tuple[SagaStep[P], ...]
    point: int
    undone: Callable[[World, P], Changes] = _no_changes
    done: Callable[[World, P], Changes] = _no_changes
    yields: bool = False
    effective: int = 1000
    left: Callable[[World, P], Changes] | None = None


@dataclass(frozen=True, slots=True)
class Journal:
    """What is being done: the operation, who does it, at which step it is, and its plan as JSON."""

    operation: str
    owner: str
    step: int
    plan: str


SAGAS: dict[str, Saga[Any]] = {}


def saga(definition: Saga[P]) -> Saga[P]:
    """Register a saga, so that its journals can be settled."""
    SAGAS[definition.name] = definition
    return definition


@contextmanager
def exclusive(world: World, key: str) -> Iterator[None]:
    """Hold whatever the journal `key` is about, with all that was begun on it settled."""
    with world.locks.hold(key, world.settings.wait_seconds):
        settle(world, key)
        yield


@contextmanager
def overriding(world: World, key: str, check: Callable[[], object], *, everything: bool = False) -> Iterator[int]:
    """As `exclusive`, for an operation after which what cannot be undone, or finished, does not matter any more.

    When the engine refuses that, `check` is called, which raises where the operation is not allowed. Then steps that
    are `running` are left out, for an operation that ends the processes. With `everything`, for one that removes all
    there is, nothing is done: the revision of the journal is yielded, which `carry_out` replaces. It is 0 otherwise.
    """
    with world.locks.hold(key, world.settings.wait_seconds):
        revision = 0
        try:
            settle(world, key)
        except (Busy, Unavailable):
            raise
        except ReplicaSetError as error:
            try:
                check()
            except NotFound:
                raise error from None  # what was interrupted is its making
            if everything:
                entry = world.store.get(key)
                revision = entry.revision if entry else 0
            else:
                _give_up(world, key, error)
        yield revision


def carry_out(world: World, what: Saga[P], key: str, prepare: Callable[[], tuple[P, Changes]], *, over: int = 0) -> P:
    """Do the operation that `prepare` plans and return its plan; the caller holds `key` (`exclusive`).

    `over` is the revision of a journal that it replaces (`overriding`).

    `prepare` gives the plan and the changes that reserve what it needs; it is called again when
    somebody else was quicker. An error leaves as it came, and everything is as before; when even
    undoing fails (engine or store gone), the journal stays for `settle`.
    """
    with working(key):
        for _ in range(_TRIES):
            plan, reserved = prepare()
            journal = Journal(what.name, myself(), 0, encode(plan))
            entry = Changes({key: over}, {key: encode(journal)})
            if world.store.commit(reserved | what.steps[0].changes(world, plan) | entry):
                break
        else:
            raise Busy("others change the reservations all the time", hint="try again")
        try:
            _finish(world, what, key, journal, plan)
        except StoreError:
            raise  # whether the last record was made is not known before the store answers again
        except ReplicaSetError as error:
            if not _handle_failure(world, what, key, error):
                raise
        except Exception:
            settle_one(world, key)
            raise
    return plan


def settle(world: World, key: str) -> None:
    """Finish or undo what the journal `key` records, if anything; waits for a writer that is still at work."""
    deadline = time.monotonic() + world.settings.wait_seconds
    while True:
        entry = world.store.get(key)
        if entry is None:
            return
        journal = journal_of(key, entry.value)
        if not is_at_work(journal.owner, key):
            # Taken over by one only: whoever comes second finds another revision.
            taken_over = encode(replace(journal, owner=myself()))
            with working(key):
                if world.store.commit(Changes({key: entry.revision}, {key: taken_over})):
                    _settle_interrupted(world, key, journal.operation)
            continue
        if time.monotonic() > deadline:
            raise Busy(f"{key.rpartition('/')[2]} is busy: {journal.operation} is under way", hint="try again later")
        wait(_POLL_SECONDS)


def settle_one(world: World, key: str) -> None:
    """Finish or undo what our own journal `key` records."""
    journal = read(world.store, Journal, key)
    if journal is None:
        return
    what, plan = _planned(journal)
    if journal.step < what.point:
        _undo(world, what, key, journal.step, plan)
        return
    try:
        _finish(world, what, key, journal, plan)
    except Unavailable:
        raise
    except ReplicaSetError:
        last = read(world.store, Journal, key)
        if last is None:
            raise
        if what.left is not None:
            left = what.left(world, plan) | Changes(deletes=frozenset({key}))
            commit_changes(world, lambda: what.done(world, plan) | left)
        elif what.yields:
            _undo(world, what, key, last.step, plan)
        else:
            raise


def journal_of(key: str, text: str) -> Journal:
    """Return the journal that stands at `key`; raises Failed for one that this program does not know."""
    try:
        journal = decode(Journal, text)
        _planned(journal)
    except (ValueError, TypeError, KeyError) as error:
        raise Failed(
            f"the store holds no operation at {key}: {error}", hint="was it written by a newer version?"
        ) from None
    return journal


def plan_at(store: StateStore, key: str) -> object | None:
    """Return the plan of what is being done, None for nothing; raises as journal_of does."""
    entry = store.get(key)
    return None if entry is None else _planned(journal_of(key, entry.value))[1]


def _planned(journal: Journal) -> tuple[Saga[Any], Any]:
    what = SAGAS[journal.operation]
    return what, decode(what.plan, journal.plan)


def _settle_interrupted(world: World, key: str, operation: str) -> None:
    """Settle a journal that another operation left; an error says what it is about."""
    try:
        settle_one(world, key)
    except Unavailable:
        raise
    except ReplicaSetError as error:
        kind, _, name = key.removeprefix(JOURNAL).partition("/")
        error.message = f"the {operation} of {name} was interrupted and cannot be settled: {error.message}"
        error.args = (error.message,)
        if kind == "set":
            error.hint = f"`rs stop {name}` and `rs delete {name}` go ahead without it"
        raise


def _give_up(world: World, key: str, error: ReplicaSetError) -> None:
    """Settle our own journal without the steps that are moot once the processes are ended."""
    journal = read(world.store, Journal, key)
    if journal is None:
        return
    if journal.operation not in SAGAS:
        raise error
    what, plan = _planned(journal)
    with working(key):
        if journal.step < what.point:
            _undo(world, what, key, journal.step, plan, moot=range(len(what.steps)))
        else:
            _finish(world, what, key, journal, plan, moot=True)


def commit_changes(world: World, changes: Callable[[], Changes]) -> None:
    """Commit changes that depend on what the store holds; they are computed again when that changed meanwhile."""
    for _ in range(_TRIES):
        if world.store.commit(changes()):
            return
    raise Busy("others change the reservations all the time", hint="try again")


def _handle_failure(world: World, what: Saga[P], key: str, error: ReplicaSetError) -> bool:
    """Undo after `error`; returns True when the operation took place all the same (only the tidying is left)."""
    journal = read(world.store, Journal, key)
    if journal is None:
        return False
    if journal.step >= what.effective:
        return True
    if journal.step >= what.point and (isinstance(error, Unavailable) or not what.yields):
        return False
    # What the engine refused to do was not done: it need not agree to undo it.
    moot = range(journal.step, journal.step + isinstance(error, EngineError))
    try:
        _undo(world, what, key, journal.step, decode(what.plan, journal.plan), moot=moot)
    except ReplicaSetError as second:
        error.hint = f"{error.hint}; " if error.hint else ""
        error.hint += f"it is undone as soon as that is possible (now: {second.message})"
    return False


def _finish(world: World, what: Saga[P], key: str, journal: Journal, plan: P, *, moot: bool = False) -> None:
    for number in range(journal.step, len(what.steps)):
        step = what.steps[number]
        if number > journal.step:
            _record(world, key, replace(journal, step=number), step, plan)
        with _refusable(moot and step.running):
            step.do(world, plan)
    commit_changes(world, lambda: what.done(world, plan) | Changes(deletes=frozenset({key})))


def _record(world: World, key: str, journal: Journal, step: SagaStep[P], plan: P) -> None:
    commit_changes(world, lambda: step.changes(world, plan) | Changes(puts={key: encode(journal)}))


def _undo(world: World, what: Saga[P], key: str, last: int, plan: P, *, moot: range = range(0)) -> None:
    for number in range(last, -1, -1):
        step = what.steps[number]
        with _refusable(number in moot and step.running):
            step.undo(world, plan)
    commit_changes(world, lambda: what.undone(world, plan) | Changes(deletes=frozenset({key})))


@contextmanager
def _refusable(moot: bool) -> Iterator[None]:
    """Let the engine refuse what the body does, when that is moot."""
    try:
        yield
    except Unavailable:
        raise
    except ReplicaSetError:
        if not moot:
            raise
