"""Tickets and sessions: a browser with a session of a set gets to that set alone, and to nothing of the service.

A ticket is handed over by the service's API, once, and becomes a session at the address of the sets. Neither has
anything of the token in it; both end when the token counts no more.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from workbench.replicasets.api.proxy.places import Place
from workbench.replicasets.values import Caller

TICKET_SECONDS = 60.0
# A session ends so long after its last use, and so long after its beginning.
IDLE_SECONDS = 12 * 3600.0
LONGEST_SECONDS = 7 * 86400.0
# Of one token; the oldest goes.
MOST = 256


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may get to which place: `id` is the set's, `proof` the hash of the token it was requested with."""

    who: str
    proof: str
    place: Place
    id: str
    owner: str


@dataclass(frozen=True, slots=True)
class _Held:
    grant: Grant
    began: float
    used: float


class Sessions:
    """Those of a service, in memory: they end with it. For any number of threads.

    `standing` returns who a token of that name and hash is now, None when it counts no more.
    """

    def __init__(
        self, standing: Callable[[str, str], Caller | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._standing, self._clock = standing, clock
        self._lock = threading.Lock()
        self._tickets: dict[str, tuple[Grant, float]] = {}
        self._sessions: dict[str, _Held] = {}

    def ticket(self, grant: Grant) -> str:
        """Return a ticket, which can be used once and soon."""
        plain = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._tickets = {key: held for key, held in self._tickets.items() if held[1] > now}
            own = [key for key, (held, _) in self._tickets.items() if held.who == grant.who]
            for key in own[: len(own) - MOST + 1]:
                del self._tickets[key]
            self._tickets[_hash(plain)] = (grant, now + TICKET_SECONDS)
        return plain

    def look(self, ticket: str) -> Grant | None:
        """Return what a ticket is for, None when it is none, or none any more; it can still be used."""
        with self._lock:
            grant, until = self._tickets.get(_hash(ticket), (None, 0.0))
            return grant if grant is not None and until > self._clock() and self._counts(grant) else None

    def begin(self, ticket: str) -> tuple[Grant, str] | None:
        """Return what a ticket is for and the name of a new session, None when it is none; it is used up."""
        with self._lock:
            now = self._clock()
            grant, until = self._tickets.pop(_hash(ticket), (None, 0.0))
            if grant is None or until <= now or not self._counts(grant):
                return None
            self._sessions = {key: held for key, held in self._sessions.items() if not _is_over(held, now)}
            own = [key for key, held in self._sessions.items() if held.grant.who == grant.who]
            for key in own[: len(own) - MOST + 1]:
                del self._sessions[key]
            plain = secrets.token_urlsafe(32)
            self._sessions[_hash(plain)] = _Held(grant, now, now)
            return grant, plain

    def find(self, plain: str, place: Place, *, using: bool = True) -> tuple[Grant, Caller] | None:
        """Return what a session is for and who its token is now; None when it is none of that place, or over.

        Without `using` it does not count as used.
        """
        key = _hash(plain)
        with self._lock:
            now = self._clock()
            held = self._sessions.get(key)
            if held is None or held.grant.place != place:
                return None
            caller = self._counts(held.grant)
            if caller is None or _is_over(held, now):
                del self._sessions[key]
                return None
            if using:
                self._sessions[key] = replace(held, used=now)
            return held.grant, caller

    def _counts(self, grant: Grant) -> Caller | None:
        return self._standing(grant.who, grant.proof)


def _is_over(held: _Held, now: float) -> bool:
    return now - held.used > IDLE_SECONDS or now - held.began > LONGEST_SECONDS


def _hash(plain: str) -> str:
    # Looked up by its hash: how long that takes says nothing about those that there are.
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
