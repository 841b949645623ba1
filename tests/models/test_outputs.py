"""What models return, as files and text."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import files_below
from workbench.errors import WorkbenchError
from workbench.models.document import schema_of
from workbench.models.outputs import write_output

URI = {"type": "string", "format": "uri"}


def url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("output", "schema", "path", "text", "files"),
    [
        (url(b"1"), URI, "", "", {"output.png": b"1"}),
        (url(b"1"), {}, "", "", {"output.png": b"1"}),
        (url(b"1", "text/plain;charset=utf-8"), URI, "", "", {"output.txt": b"1"}),
        ("data:,a%20b", URI, "", "", {"output.txt": b"a b"}),
        (url(b"1"), URI, "big.jpeg", "", {"big.jpeg": b"1"}),
        (url(b"1"), URI, "new/", "", {"new/output.png": b"1"}),
        ([url(b"1"), url(b"2")], {"items": URI}, "", "", {"output.0.png": b"1", "output.1.png": b"2"}),
        ([url(b"1"), url(b"2")], {}, "a/p.png", "", {"a/p.0.png": b"1", "a/p.1.png": b"2"}),
        ("some text", {"type": "string"}, "", "some text", {}),
        ("data:,no file", {"type": "string"}, "", "data:,no file", {}),
        ("https://x/a.png", URI, "", "https://x/a.png", {}),
        ("some text", {"type": "string"}, "t.md", "", {"t.md": b"some text\n"}),
        (["a", "b"], {"items": {"type": "string"}, "x-cog-array-display": "concatenate"}, "", "ab", {}),
        (["a", "b"], {"items": {"type": "string"}}, "", '[\n  "a",\n  "b"\n]', {}),
        (4.5, {"type": "number"}, "", "4.5", {}),
        ({"ä": 1}, {"type": "object"}, "o.json", "", {"o.json": '{\n  "ä": 1\n}\n'.encode()}),
        (None, {}, "", "", {}),
        ("", {"type": "string"}, "", "", {}),
    ],
)
def test_files_are_written_and_the_rest_is_text(
    here: Path, output: object, schema: dict[str, Any], path: str, text: str, files: dict[str, bytes]
) -> None:
    done = write_output(output, schema, path)
    assert (done.text, sorted(done.files), files_below(here)) == (text, sorted(files), files)


def test_files_in_an_object_are_named_by_their_keys(here: Path) -> None:
    """They stay in the folder, whatever the model calls them; the object names them."""
    output = {"score": 1, "image": url(b"1"), "../up": [url(b"2", "text/plain")]}
    done = write_output(output, {}, "o.json")
    assert files_below(here) == {"o.image.png": b"1", "o._up.0.txt": b"2"}
    assert json.loads(done.text) == {"score": 1, "image": "o.image.png", "../up": ["o._up.0.txt"]}


def test_a_class_of_outputs_is_found_by_its_reference() -> None:
    schemas = {"Output": {"$ref": "#/components/schemas/Of"}, "Of": {"properties": {"note": {"type": "string"}}}}
    schema = schema_of({"components": {"schemas": schemas}}, "Output")
    assert schema is not None
    assert write_output({"note": "data:,x", "file": "data:,x"}, schema).files == ["output.file.txt"]
    assert schema_of({}, "Output") is None


def test_what_cannot_be_written_is_an_error(here: Path) -> None:
    with pytest.raises(WorkbenchError, match="is no valid data URL"):
        write_output("data:image/png;base64,?", {})
    (here / "file").touch()
    with pytest.raises(WorkbenchError, match="the output cannot be written"):
        write_output(url(b"1"), URI, "file/p.png")
