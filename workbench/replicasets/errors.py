"""What can go wrong with replica sets: a class for each kind, and a stable code that clients see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import WorkbenchError
from workbench.replicasets.codes import Code


class ReplicaSetError(WorkbenchError):
    """The root of the room's errors; `code` is the number that clients see.

    `field` is the field of the request (RunRequest, PatchRequest) that it is about, "" where that is not known.
    """

    def __init__(
        self, message: str, code: Code | None = None, *, hint: str = "", where: str = "", field: str = ""
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self._code = code
        self.field = field

    @property
    def code(self) -> Code:
        """The error's own code, else the one of the operation that it stopped."""
        return self._code or Code.BUSY

    def under(self, code: Code) -> None:
        """Take `code` for an error that has none of its own."""
        self._code = self._code or code

    def as_data(self) -> dict[str, object]:
        """Return the error as `--json` prints it, with its code."""
        return {**super().as_data(), "code": int(self.code)}


class Invalid(ReplicaSetError):
    """The request is malformed: a name, size, path, image …"""


class NotFound(ReplicaSetError):
    """There is no such set, version, volume or image."""


class Forbidden(ReplicaSetError):
    """It belongs to another owner."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, Code.OWNER, hint=hint)


class Conflict(ReplicaSetError):
    """It exists already, or is in a state that forbids this."""


class Exhausted(ReplicaSetError):
    """Too few GPUs, ports, CPUs, too little memory, or more than a quota allows."""


class GpusBusy(Exhausted):
    """Too few GPUs are free. `gpus` is how many to wait for in turn; 0 where that would be in vain."""

    def __init__(self, message: str, gpus: int) -> None:
        hint = "stop or delete a set, request fewer, or wait for your turn (--wait)"
        if not gpus:
            hint = "request fewer"
        super().__init__(message, Code.GPUS_TOO_FEW, hint=hint, field="gpus")
        self.gpus = gpus


class Failed(ReplicaSetError):
    """The engine refused. What had been done for the operation was undone."""


class Unsupported(ReplicaSetError):
    """The engine has no such capability. Nothing was changed."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, Code.UNSUPPORTED, hint=hint)


class Busy(ReplicaSetError):
    """Another operation on the same set did not end in time."""


class Unavailable(ReplicaSetError):
    """The engine or the store does not answer; what was begun is finished or undone when it does."""


class StoreError(Unavailable):
    """The store cannot be used now: gone, full or broken. A change may or may not have been made."""


class Unreadable(StoreError):
    """What the store holds at one place is not what belongs there; the rest of it can be used."""


class EngineError(Failed):
    """The engine answered with an error; `status` is its HTTP status."""

    def __init__(self, message: str, status: int = 500, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class EngineGone(Unavailable):
    """The engine did not answer: it is not known whether it did what was requested."""


@contextmanager
def about(field: str) -> Iterator[None]:
    """Give errors that name no field of the request the one that is read in the body."""
    try:
        yield
    except ReplicaSetError as error:
        error.field = error.field or field
        raise


@contextmanager
def failing_as(code: Code) -> Iterator[None]:
    """Give errors without a code of their own the code of the operation."""
    try:
        yield
    except ReplicaSetError as error:
        error.under(code)
        raise
