"""Faults on demand before and after every single call of a fake: a crash, a refusal, or no response."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Crash(BaseException):
    """The process is gone: nothing after this runs."""


@dataclass
class Faults:
    """Raises at the call point numbered `at`; each call has two, before it and after it took effect.

    `kind` is crash, error (the engine refuses; nothing was done) or gone (no response). With `at`
    below 0 nothing is raised; `count` is the number of points so far.
    """

    kind: str = "crash"
    at: int = -1
    count: int = 0
    fired: str = ""
    lasting: bool = False

    def point(self, what: str, when: str, refused: Callable[[], Exception], gone: Callable[[], Exception]) -> None:
        number, self.count = self.count, self.count + 1
        if self.at < 0 or number < self.at or (number > self.at and not self.lasting):
            return
        if self.kind == "error" and when == "after":
            return  # what was done is not refused
        self.fired = self.fired or f"{when} {what} (point {number})"
        if self.kind == "crash":
            raise Crash
        raise refused() if self.kind == "error" else gone()


def faulty(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of the fakes one that can fail before and after."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        what = method.__name__
        self.faults.point(what, "before", self.refused, self.gone)
        done = method(self, *args, **kwargs)
        self.faults.point(what, "after", self.refused, self.gone)
        return done

    return call
