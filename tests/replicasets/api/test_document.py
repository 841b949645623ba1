"""What the OpenAPI document promises, asked of the service by schemathesis: no 5xx, no answer that is not declared."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.replicasets.api.conftest import Served
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.api import queue
from workbench.replicasets.api.compat import Compat
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller

# What compat answers has HTTP status 200 and the envelope of an error, which the document does not say.
COMPAT = [not_a_server_error, content_type_conformance]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12


@schemathesis.serializer("application/x-tar")
def any_bytes(_context: object, value: object) -> bytes:
    """Bodies that are no archives, mostly."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.thorough)], ids=["ours", "compat"])
def compat(request: pytest.FixtureRequest) -> Compat:
    return Compat(words=request.param, is_open=request.param, origins=("https://pages.example",) * request.param)


@pytest.fixture
def leads() -> bool:
    return True


def test_nothing_but_what_the_document_declares(
    served: Served, compat: Compat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "TAKE_SECONDS", 0.0)  # nobody takes a turn
    checks = COMPAT if compat.words else CHECKS
    headers = {"Authorization": f"Bearer {served.tokens['op']}"}
    schema = schemathesis.openapi.from_url(f"{served.address}/api/v1/openapi.json", headers=headers, timeout=60)
    operations = set()
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # raises what is wrong with the document

        # What is there is hit by half of the examples; what is deleted, is there again for the next one.
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.one_of(*(operation.as_strategy(mode) for mode in schemathesis.GenerationMode)), st.booleans())
        def send(case: schemathesis.Case[Any], known: bool) -> None:
            ensure_known(served)
            if known and "name" in case.path_parameters:
                case.path_parameters["name"] = "bar" if "/volumes" in case.path else "foo"
            if case.path.endswith(("/events", "/wait", "/turn")) and not isinstance(
                (case.query or {}).get("seconds"), str
            ):
                case.query = {**(case.query or {}), "seconds": 0.01}  # it would last
            case.call_and_validate(headers=headers, checks=checks, timeout=60)

        send()
        operations.add(operation.label)
    assert len(operations) == 53


def ensure_known(served: Served) -> None:
    """Have a set foo and a volume bar."""
    if "foo" not in [each.name for each in served.room.sets()]:
        served.room.run(RunRequest(IMAGE, "foo", gpus=1, ports=["80"]), Caller("op"))
    if "bar" not in [each.name for each in served.room.volumes()]:
        served.room.create_volume("bar", caller=Caller("op"))
