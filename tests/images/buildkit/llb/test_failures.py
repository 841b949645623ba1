"""BuildKit's own words, old and new, and what they are called here."""

from __future__ import annotations

import grpc
import pytest

from workbench.images.buildkit.llb import failures
from workbench.images.buildkit.llb.failures import BuildKitError, StepFailedError, exit_code, named

AT = "unix:///run/x.sock"
Code = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "detail", "kind", "message"),
    [
        (
            Code.RESOURCE_EXHAUSTED,
            "grpc: received message larger than max (5242973 vs. 4194304)",
            failures.MessageTooLargeError,
            f"a message of 5.0 MiB is over the 4.0 MiB that is the limit of the BuildKit at {AT}",
        ),
        (
            Code.UNKNOWN,
            "failed to load LLB: unknown API capability diffop",
            failures.MissingCapabilityError,
            f"the BuildKit at {AT} does not have diffop, which this build needs",
        ),
        (
            Code.UNKNOWN,
            "failed to load LLB: requested experimental feature mergeop (merge) has been disabled on the build server",
            failures.MissingCapabilityError,
            f"the BuildKit at {AT} does not have mergeop, which this build needs",
        ),
        (
            Code.UNKNOWN,
            "no such job v3f1",
            failures.NoSuchJobError,
            f"the BuildKit at {AT} does not know this build any more: no such job",
        ),
        (Code.UNAVAILABLE, "Socket closed", failures.DaemonGoneError, f"the BuildKit at {AT} went away"),
        (
            Code.UNIMPLEMENTED,
            "unknown method Info",
            failures.TooOldError,
            f"the BuildKit at {AT} is too old: unknown method Info",
        ),
        (
            Code.UNKNOWN,
            "granting entitlement network.host is not allowed by build daemon configuration",
            failures.EntitlementError,
            f"the BuildKit at {AT} does not allow network.host",
        ),
        (
            Code.UNKNOWN,
            'unknown cache importer: "gha"',
            failures.NoCacheError,
            f"the BuildKit at {AT} has no cache importer 'gha'",
        ),
        (
            Code.UNKNOWN,
            "failed to get session: session abc not found",
            failures.SessionLostError,
            f"the BuildKit at {AT} lost the session that files, secrets and logins come from",
        ),
        (
            Code.UNKNOWN,
            "no active sessions",
            failures.SessionLostError,
            f"the BuildKit at {AT} lost the session that files, secrets and logins come from",
        ),
        (Code.INTERNAL, "disk full", BuildKitError, f"the BuildKit at {AT} refused: disk full"),
    ],
)
def test_each_failure_has_its_message(code: Code, detail: str, kind: type[BuildKitError], message: str) -> None:
    error = named(code, detail, AT)
    assert type(error) is kind
    assert (error.message, error.detail) == (message, detail)
    assert error.hint or kind is BuildKitError


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ("executor failed running [/bin/sh -c false]: exit code: 1", 1),
        ('process "/bin/sh -c exit 137" did not complete successfully: exit code: 137', 137),
        ("failed to compute cache key: not found", None),
    ],
)
def test_the_exit_code_of_a_step(detail: str, code: int | None) -> None:
    assert exit_code(detail) == code


def test_a_step_that_did_not_run_has_a_reason() -> None:
    error = StepFailedError("COPY x /", None, [], detail='"/x": not found')
    assert error.message == 'COPY x / failed: "/x": not found'
