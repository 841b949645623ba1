"""Collecting what is wrong with a catalogue, so that all of it is reported in one go."""

from __future__ import annotations

from types import TracebackType

from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError

# What is wrong: where, with the line if there is one, and what.
Fault = tuple[str, str]


class Faults:
    """A list of `(where, message)` that reading goes on past.

    As a context manager it takes a WorkbenchError raised inside as one more fault.
    """

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, where: str, message: str) -> None:
        """Note one fault at a path, with its line where there is one."""
        self.found.append((where, message))

    def __enter__(self) -> Faults:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if isinstance(error, FaultsError):
            self.found += error.faults
            return True
        if isinstance(error, WorkbenchError):
            self.add(error.where, error.message)
            return True
        return False

    def take(self, other: Faults) -> tuple[Fault, ...]:
        """Add what `other` found, and return that, sorted."""
        self.found += other.found
        return tuple(sorted(set(other.found)))

    def raise_if_any(self, what: str) -> None:
        """Raise FaultsError with all that was found, if anything was."""
        if self.found:
            count = len(self.found)
            message = f"{what} has {count} fault{'' if count == 1 else 's'}"
            raise FaultsError(message, sorted(set(self.found)), hint=f"fix them and run `{here('check')}`")
