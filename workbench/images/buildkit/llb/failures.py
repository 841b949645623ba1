"""What can go wrong with a BuildKit: an exception class and a message for each failure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import grpc

from workbench.errors import WorkbenchError

_TOO_LARGE = re.compile(r"larger than max \((\d+) vs\. (\d+)\)")
_UNKNOWN_CAPABILITY = re.compile(r"(?:unknown API capability|requested (?:\w+ )?feature) ([a-z][a-z0-9._]*)")
_EXIT_CODE = re.compile(r"exit code: (\d+)")
_REFUSED = re.compile(r"(granting entitlement )?([a-z]+\.[a-z]+) is not allowed")
_NO_CACHE = re.compile(r'unknown cache (exporter|importer): "?([\w-]+)')


class BuildKitError(WorkbenchError):
    """Something that a BuildKit refused or could not do; `detail` is its own message."""

    def __init__(self, message: str, *, hint: str = "", where: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.detail = detail


class NoSocketError(BuildKitError):
    """Nothing listens at the address."""


class NotPermittedError(BuildKitError):
    """The socket exists, and this user may not use it."""


class NotBuildKitError(BuildKitError):
    """Something else answers at the address."""


class UpgradeRefusedError(BuildKitError):
    """A Docker Engine did not hand its connection over to BuildKit."""


class UntrustedError(BuildKitError):
    """TLS did not come about: one side does not trust the other."""


class DaemonGoneError(BuildKitError):
    """The daemon went away during the build."""


class NoSuchJobError(BuildKitError):
    """The daemon does not know the build."""


class MessageTooLargeError(BuildKitError):
    """A message is over the limit of the receiver."""


class MissingCapabilityError(BuildKitError):
    """A build needs what the daemon does not know or has switched off; `capability` is its name."""

    def __init__(self, message: str, capability: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.capability = capability


class TooOldError(BuildKitError):
    """The daemon does not know a call."""


class EntitlementError(BuildKitError):
    """A build needs an entitlement that its daemon was not started with."""


class NoCacheError(BuildKitError):
    """The daemon cannot bring its cache there, or fetch it from there."""


class SessionLostError(BuildKitError):
    """The daemon lost the session that provides files, secrets and logins."""


class StepFailedError(BuildKitError):
    """A step of the build failed: its name, its exit code (None when it did not run) and its last lines."""

    def __init__(self, step: str, code: int | None, lines: Sequence[str], *, detail: str = "") -> None:
        how = f"failed with exit code {code}" if code is not None else f"failed: {detail}"
        super().__init__(f"{step} {how}", detail=detail)
        self.step = step
        self.code = code
        self.lines = tuple(lines)

    def as_data(self) -> dict[str, object]:
        """Return the error as `--json` prints it, with the last lines of the step."""
        return {**super().as_data(), "step": self.step, "exit_code": self.code, "lines": list(self.lines)}


def named(code: grpc.StatusCode, detail: str, address: str) -> BuildKitError:
    """Return the failure that a gRPC status and its message stand for."""
    if found := _TOO_LARGE.search(detail):
        size, limit = (f"{int(number) / 2**20:.1f} MiB" for number in found.groups())
        return MessageTooLargeError(
            f"a message of {size} is over the {limit} that is the limit of the BuildKit at {address}",
            hint="large files belong into the folder of the build, not into the text of a step",
            detail=detail,
        )
    if found := _UNKNOWN_CAPABILITY.search(detail):
        return MissingCapabilityError(
            f"the BuildKit at {address} does not have {found[1]}, which this build needs",
            found[1],
            hint="use a newer BuildKit, or build with podman",
            detail=detail,
        )
    if "no such job" in detail or "no such build" in detail:
        return NoSuchJobError(
            f"the BuildKit at {address} does not know this build any more: no such job",
            hint="it may have been restarted: build again, what was finished is in its cache",
            detail=detail,
        )
    if found := _REFUSED.search(detail):
        return EntitlementError(
            f"the BuildKit at {address} does not allow {found[2]}",
            hint=f"start it with --allow-insecure-entitlement {found[2]}, or build with podman"
            if found[1]
            else f"the build has to request the entitlement {found[2]}",
            detail=detail,
        )
    if found := _NO_CACHE.search(detail):
        return NoCacheError(
            f"the BuildKit at {address} has no cache {found[1]} {found[2]!r}",
            hint="a Docker Engine without containerd's store has `inline` alone, which goes with the image when "
            "that is pushed; one with it, and a buildkitd of its own, has them all",
            detail=detail,
        )
    if "no active session" in detail or ("session" in detail and "not found" in detail):
        return SessionLostError(
            f"the BuildKit at {address} lost the session that files, secrets and logins come from",
            hint="build again: what was finished is in its cache",
            detail=detail,
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        return DaemonGoneError(
            f"the BuildKit at {address} went away",
            hint="see in its log why it ended, start it and build again: what was finished is in its cache",
            detail=detail,
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return TooOldError(
            f"the BuildKit at {address} is too old: {detail}",
            hint="use a newer one, or build with podman",
            detail=detail,
        )
    return BuildKitError(f"the BuildKit at {address} refused: {detail}", detail=detail)


def exit_code(detail: str) -> int | None:
    """Return the exit code that an error of a step names, None when it has none."""
    found = _EXIT_CODE.search(detail)
    return int(found[1]) if found else None
