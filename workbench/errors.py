"""The one family of errors that a user sees, and the exit codes that go with it."""

from __future__ import annotations

EXIT_OK = 0
EXIT_USER = 1
EXIT_USAGE = 2
EXIT_BUG = 3
EXIT_INTERRUPTED = 130


class WorkbenchError(Exception):
    """Something the user can act on.

    `message` says what is wrong, `where` names the file (and line) when it is about one,
    `hint` says what to do next. No traceback is shown for it.
    """

    exit_code = EXIT_USER

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def as_data(self) -> dict[str, object]:
        """Return the error as `--json` prints it."""
        return {"error": self.message, "hint": self.hint, "where": self.where}


def too_long(error: OSError) -> str:
    """Return what to say of a file name that the file system does not take (ENAMETOOLONG)."""
    names = [str(path) for path in (error.filename2, error.filename) if path is not None]
    longest = max((name for path in names for name in path.split("/")), key=len, default="")
    return f"this file name is too long for the file system: {longest}"


class UsageError(WorkbenchError):
    """The command line itself cannot be read: a missing answer, a malformed value."""

    exit_code = EXIT_USAGE


class FaultsError(WorkbenchError):
    """Several faults found in one pass, reported together.

    `faults` holds `(where, message)` pairs, in the order they were found.
    """

    def __init__(self, message: str, faults: list[tuple[str, str]], *, hint: str = "") -> None:
        super().__init__(message, hint=hint, where=faults[0][0] if faults else "")
        self.faults = faults

    def as_data(self) -> dict[str, object]:
        """Return the error as `--json` prints it, with every fault."""
        listed = [{"where": where, "error": message} for where, message in self.faults]
        return {**super().as_data(), "faults": listed}
