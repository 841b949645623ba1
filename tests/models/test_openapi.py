from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.models.openapi import read_code

HEAD = "from cog import *\nfrom typing import *\n\n\nclass Predictor(BasePredictor):\n"


def schema(tmp_path: Path, signature: str) -> tuple[dict[str, Any], str]:
    (tmp_path / "predict.py").write_text(f"{HEAD}    def predict(self, {signature}:\n        ...\n")
    reading = read_code(str(tmp_path), "predict.py:Predictor")
    return reading.document, "; ".join((*reading.notes, *(message for _, message in reading.faults)))


def schemas(tmp_path: Path, signature: str) -> dict[str, Any]:
    document, reason = schema(tmp_path, signature)
    assert reason == ""
    return dict(document["components"]["schemas"])


def test_the_schema_of_an_input(tmp_path: Path) -> None:
    signature = (
        "text: str = Input(description='what', min_length=1, regex='^a'), size: int = Input(default=3, ge=1, le=9), "
        "kind: str = Input(choices=['a', 'b'], default='a'), image: Path = None, "
        "seed: Optional[int] = Input(default=None), "
        "parts: list[float] = [1.0], level: Literal[1, 2] = 1, key: Secret = Input(), old: 'str | None' = None) -> str"
    )
    assert schemas(tmp_path, signature)["Input"] == {
        "title": "Input",
        "type": "object",
        "required": ["text", "key"],
        "properties": {
            "text": {
                "title": "Text",
                "x-order": 0,
                "type": "string",
                "minLength": 1,
                "pattern": "^a",
                "description": "what",
            },
            "size": {"title": "Size", "x-order": 1, "type": "integer", "minimum": 1, "maximum": 9, "default": 3},
            "kind": {"title": "Kind", "x-order": 2, "type": "string", "enum": ["a", "b"], "default": "a"},
            "image": {"title": "Image", "x-order": 3, "type": "string", "format": "uri", "nullable": True},
            "seed": {"title": "Seed", "x-order": 4, "type": "integer", "nullable": True},
            "parts": {"title": "Parts", "x-order": 5, "type": "array", "items": {"type": "number"}, "default": [1.0]},
            "level": {"title": "Level", "x-order": 6, "type": "integer", "enum": [1, 2], "default": 1},
            "key": {
                "title": "Key",
                "x-order": 7,
                "type": "string",
                "format": "password",
                "writeOnly": True,
                "x-cog-secret": True,
            },
            "old": {"title": "Old", "x-order": 8, "type": "string", "nullable": True},
        },
    }


@pytest.mark.parametrize(
    ("returned", "output"),
    [
        ("float", {"type": "number"}),
        ("list[Path]", {"type": "array", "items": {"type": "string", "format": "uri"}}),
        ("Iterator[str]", {"type": "array", "items": {"type": "string"}, "x-cog-array-type": "iterator"}),
        (
            "ConcatenateIterator[str]",
            {
                "type": "array",
                "items": {"type": "string"},
                "x-cog-array-type": "iterator",
                "x-cog-array-display": "concatenate",
            },
        ),
        ("dict[str, int]", {"type": "object"}),
        ("Any", {}),
        ("None", {"nullable": True}),
    ],
)
def test_what_comes_out(tmp_path: Path, returned: str, output: dict[str, Any]) -> None:
    assert schemas(tmp_path, f"n: int) -> {returned}")["Output"] == {"title": "Output", **output}


NOT_READ = "is known only by running the code"


@pytest.mark.parametrize(
    ("signature", "read", "note"),
    [
        ("n: Thing) -> int", {}, "the input n takes anything: the type Thing cannot be read from the code alone"),
        ("n) -> int", {}, "the input n has no type"),
        ("n: 'a b') -> int", {}, "the input n takes anything: 'a b' is no type"),
        ("n: bytes = b'') -> int", {}, "the input n takes anything: the type bytes cannot be read from the code alone"),
        ("n: int = Input(default=limit(), ge=1)) -> int", {"type": "integer", "minimum": 1}, f"limit() {NOT_READ}"),
        ("n: int = Input(default=3, ge=limit())) -> int", {"type": "integer", "default": 3}, f"limit() {NOT_READ}"),
        (
            "n: int = Input(description=text())) -> int",
            {"type": "integer"},
            "description of the input n is left out: te",
        ),
        ("n: str = Input(choices=names())) -> int", {"type": "string"}, "choices of the input n is left out: names()"),
        ("n: int)", {"type": "integer"}, "what comes out has no type"),
        ("n: int) -> Thing", {"type": "integer"}, "what comes out is not described: the type Thing cannot be read"),
    ],
)
def test_what_only_running_it_would_show_is_left_out_alone(
    tmp_path: Path, signature: str, read: dict[str, Any], note: str
) -> None:
    document, notes = schema(tmp_path, signature)
    assert note in notes
    found = document["components"]["schemas"]["Input"]
    assert found["properties"]["n"] == {"title": "N", "x-order": 0, **read}
    # It must be given when the code has no default, whether or not that is read.
    assert ("n" in found.get("required", [])) == ("default=" not in signature and " = b" not in signature)


@pytest.mark.parametrize("signature", ["**n: int) -> int", "n: int, /) -> int"])
def test_inputs_without_names_give_no_document(tmp_path: Path, signature: str) -> None:
    reason = "the inputs are not checked by the server: predict takes arguments without names"
    assert schema(tmp_path, signature) == ({}, reason)


def test_a_function_and_a_runner_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "def train(n: int) -> str:\n    ...\n\n\nclass R:\n    def run(self) -> int: ...\n"
    )
    document = read_code(str(tmp_path), "train.py:train").document
    assert list(document["components"]["schemas"]["Input"]["properties"]) == ["n"]
    found = read_code(str(tmp_path), "train.py:R").document
    assert found["components"]["schemas"]["Input"]["properties"] == {}


@pytest.mark.parametrize(("ahead", "is_fault"), [(1, False), (0, True), (-1, True)])
def test_what_only_a_newer_python_reads_is_no_fault(tmp_path: Path, ahead: int, is_fault: bool) -> None:
    (tmp_path / "predict.py").write_text("def predict(text: str) -> str:\n    of a Python to come\n")
    reading = read_code(str(tmp_path), "predict.py:predict", python=f"3.{sys.version_info.minor + ahead}")
    assert (bool(reading.faults), bool(reading.notes), reading.document) == (is_fault, not is_fault, {})
    assert is_fault or "predict.py:2 is read here with Python 3." in reading.notes[0]


def test_the_models_python_says_what_is_python(tmp_path: Path) -> None:
    text = "try:\n    pass\nexcept* OSError:\n    pass\n\n\ndef predict(text: str) -> str:\n    return text\n"
    (tmp_path / "predict.py").write_text(text)
    assert read_code(str(tmp_path), "predict.py:predict", python="3.11").document
    assert "is not Python" in read_code(str(tmp_path), "predict.py:predict", python="3.10").faults[0][1]


def test_what_comes_from_elsewhere_gives_no_document(tmp_path: Path) -> None:
    (tmp_path / "predict.py").write_text("from other import Predictor\n")
    reading = read_code(str(tmp_path), "predict.py:Predictor")
    reason = "the inputs are not checked by the server: predict.py:Predictor comes from somewhere else"
    assert (reading.document, reading.notes, reading.faults) == ({}, (reason,), ())


@settings(deadline=None)
@given(st.text(alphabet="ab:=,()[]|*'1. ", max_size=30))
def test_any_signature_gives_a_document_or_says_why(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    document, reason = schema(folder, f"{text}) -> int")
    assert document or reason
