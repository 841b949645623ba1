"""What a model's log and its responses say, without the words of the server around it."""

from __future__ import annotations

import json

import pytest

from workbench.launch.model_container import setup_reason
from workbench.launch.model_log import read_line
from workbench.launch.prediction import failure


def line(message: str, target: str = "coglet", level: str = "INFO", **fields: object) -> str:
    return json.dumps({"level": level, "fields": {"message": message, **fields}, "target": target})


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (line("step 3", "coglet::prediction", source="Stdout", prediction_id="a"), ("step 3", True)),
        (line("loading", "coglet::setup", source="Stderr"), ("loading", True)),
        (line("loading", "coglet::user"), ("loading", True)),
        (line("Server ready", num_slots=1), ("", False)),
        (line("Setup failed", "coglet::worker", "ERROR", error="no weights"), ("Setup failed: no weights", False)),
        (line("<string>:1: DeprecationWarning: use run()", "coglet::user"), ("", True)),
        ("Traceback (most recent call last):", ("Traceback (most recent call last):", True)),
        ('{"loss": 0.5}', ('{"loss": 0.5}', True)),
        ("{not json", ("{not json", True)),
    ],
)
def test_lines_of_the_model_are_known_from_those_of_the_server(text: str, read: tuple[str, bool]) -> None:
    assert read_line(text) == read


def test_reasons_have_no_words_of_the_server_before_them() -> None:
    logs = "worker setup failed: worker setup failed (slot 1): Setup failed: setup failed: ValueError: no weights"
    assert setup_reason({"status": "SETUP_FAILED", "setup": {"logs": logs}}) == "ValueError: no weights"
    assert setup_reason({"status": "SETUP_FAILED"}) == ""
    assert failure({"status": "failed", "error": "Prediction failed: Prediction failed: KeyError: 'a'"}) == (
        "KeyError: 'a'"
    )
    assert failure({"status": "canceled"}) == "canceled"
    assert failure({"status": "succeeded", "output": None}) == ""
