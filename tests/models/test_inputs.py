"""Texts of a command line as the inputs of a request, by the schema of a model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.errors import UsageError
from workbench.models.inputs import InputSchema, input_schema, request_inputs

FILES = {"a.txt": b"hello\n", "n": b" 4\n", "photo.png": b"\x89PNG", "-": b"piped", "bytes": b"\xff"}
PROPERTIES: dict[str, dict[str, Any]] = {
    "image": {"type": "string", "format": "uri", "x-order": 1, "description": "what to enlarge"},
    "steps": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20, "x-order": 0},
    "scale": {"type": "number", "exclusiveMinimum": 0},
    "fast": {"type": "boolean", "default": False},
    "prompt": {"type": "string", "minLength": 2, "maxLength": 40},
    "size": {"type": "integer", "enum": [256, 512], "default": 256},
    "kind": {"allOf": [{"$ref": "#/components/schemas/kind"}], "default": "cat"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "flags": {"type": "array", "items": {"type": "boolean"}},
    "images": {"type": "array", "items": {"type": "string", "format": "uri"}},
    "seed": {"type": "integer", "nullable": True},
    "options": {"type": "object"},
    "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    "some": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "string"}]},
    "any": {},
    "token": {"type": "string", "format": "password"},
}
DOCUMENT = {
    "components": {
        "schemas": {
            "Input": {"type": "object", "properties": PROPERTIES, "required": ["image"]},
            "kind": {"type": "string", "enum": ["cat", "dog"], "description": "An enumeration."},
        }
    }
}
SCHEMA = input_schema(DOCUMENT, "Input")


def read(path: str) -> bytes:
    if path not in FILES:
        raise ValueError(f"{path} cannot be read: No such file or directory")
    return FILES[path]


def inputs(*given: str, schema: InputSchema = SCHEMA) -> dict[str, Any]:
    image = () if any(text.startswith("image=") for text in given) or schema is not SCHEMA else ("image=https://x/a",)
    found = request_inputs(schema, [*image, *given], read)
    return {name: value for name, value in found.items() if name != "image" or not image}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["steps=3"], {"steps": 3}),
        (["scale=2"], {"scale": 2.0}),
        (["scale=1e-3"], {"scale": 0.001}),
        (["fast=True"], {"fast": True}),
        (["fast=0"], {"fast": False}),
        (["prompt=a=b"], {"prompt": "a=b"}),
        (["prompt=12"], {"prompt": "12"}),
        (["size=512"], {"size": 512}),
        (["kind=dog"], {"kind": "dog"}),
        (["tags=red"], {"tags": ["red"]}),
        (["tags=red", "tags=blue"], {"tags": ["red", "blue"]}),
        (['tags=["a, b", "c"]'], {"tags": ["a, b", "c"]}),
        (["tags=@a.txt", "tags=b"], {"tags": ["hello\n", "b"]}),
        (["flags=yes", "flags=off"], {"flags": [True, False]}),
        (["flags=[true]"], {"flags": [True]}),
        (["seed=null"], {"seed": None}),
        (['options={"a": 1}'], {"options": {"a": 1}}),
        (["either=7"], {"either": 7}),
        (["either=seven"], {"either": "seven"}),
        (["some=a"], {"some": "a"}),
        (["some=[1]"], {"some": [1]}),
        (["some=1", "some=2"], {"some": [1, 2]}),
        (["any=[1]"], {"any": [1]}),
        (["any=one"], {"any": "one"}),
        (["any=@a.txt"], {"any": "data:text/plain;base64,aGVsbG8K"}),
        (["prompt=@a.txt"], {"prompt": "hello\n"}),
        (["prompt=@-"], {"prompt": "piped"}),
        (["steps=@n"], {"steps": 4}),
        (["token=hush"], {"token": "hush"}),
        (["image=@photo.png"], {"image": "data:image/png;base64,iVBORw=="}),
        (["image=@-"], {"image": "data:application/octet-stream;base64,cGlwZWQ="}),
        (["image=data:,x"], {"image": "data:,x"}),
        (
            ["images=@a.txt", "images=https://x/b"],
            {"images": ["data:text/plain;base64,aGVsbG8K", "https://x/b"]},
        ),
    ],
)
def test_values_have_the_types_of_the_schema(given: list[str], found: dict[str, Any]) -> None:
    assert inputs(*given) == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("steps=x", "the input steps: 'x' is no integer"),
        ("steps=1.5", "the input steps: '1.5' is no integer"),
        ("steps=0", "the input steps: 0 is not at least 1"),
        ("steps=51", "the input steps: 51 is not at most 50"),
        ("scale=0", "the input scale: 0.0 is not more than 0"),
        ("scale=nan", "the input scale: 'nan' is no number"),
        ("fast=maybe", "the input fast: 'maybe' is neither true nor false"),
        ("prompt=a", "the input prompt: it has fewer than 2 characters"),
        ("prompt=" + "a" * 41, "the input prompt: it has more than 40 characters"),
        ("prompt=@bytes", "the input prompt: the file is no text in UTF-8"),
        ("size=300", "the input size: 300 is none of 256, 512"),
        ("kind=bird", "the input kind: 'bird' is none of cat, dog"),
        ("tags=[1", "the input tags: '[1' is no JSON list"),
        ("options=[1]", "the input options: '[1]' is no JSON object"),
        ("image=photo.png", "the input image: it is a file: write @photo.png for one of this machine, or an address"),
        ("image=@none.png", "the input image: none.png cannot be read: No such file or directory"),
        ("promt=x", "the model has no input 'promt'"),
        ("prompt", "the input 'prompt' has no name and value"),
    ],
)
def test_what_is_wrong_is_named_with_the_inputs_that_there_are(given: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        inputs(given)
    assert caught.value.message.startswith(message)
    assert "image " in caught.value.hint and "integer, 1 to 50" in caught.value.hint


def test_a_missing_input_is_named_and_the_inputs_are_listed_in_their_order() -> None:
    with pytest.raises(UsageError, match="the input image is missing") as caught:
        request_inputs(SCHEMA, ["steps=2"], read)
    first, *lines = caught.value.hint.splitlines()
    assert first == "give -i image=…"
    assert [line.split()[0] for line in lines] == ["input", "steps", "image", *[*PROPERTIES][2:]]
    assert lines[2].split("  ")[-1] == "what to enlarge" and " required " in lines[2]
    with pytest.raises(UsageError, match="the input either: it is given"):
        inputs("either=1", "either=2")
    with pytest.raises(UsageError, match="the input steps: it is given twice, and is no list"):
        inputs("steps=1", "steps=2")


def test_a_model_without_a_schema_takes_any_input() -> None:
    schema = input_schema({}, "Input")
    assert not schema.is_known
    found = inputs("n=3", "text=some", "list=1", "list=2", 'o={"a": null}', "f=@photo.png", schema=schema)
    assert found == {
        **{"n": 3, "text": "some", "list": [1, 2], "o": {"a": None}},
        "f": "data:image/png;base64,iVBORw==",
    }
    assert json.dumps(found)


def test_an_example_has_what_must_be_given() -> None:
    required = ("steps", "image", "kind", "tags", "fast", "any")
    schema = InputSchema(SCHEMA.properties, required)
    assert schema.example() == {
        **{"steps": 1, "image": "https://…", "kind": "cat", "tags": ["…"]},
        **{"fast": True, "any": {}},
    }


def test_a_model_without_inputs_says_so() -> None:
    with pytest.raises(UsageError) as caught:
        request_inputs(input_schema({"components": {"schemas": {"Input": {}}}}, "Input"), ["n=1"], read)
    assert "it takes no inputs" in caught.value.hint
