from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogues import REPOSITORY
from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.commands import here
from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.monobase.generation import DATA, Generation, load, load_all
from workbench.monobase.monogen import release, validate
from workbench.monobase.names import environment_name, generation_id, generation_name, generation_number
from workbench.monobase.resolving import versions
from workbench.monobase.spec import read_spec

SMALL = DATA / "test"


@pytest.mark.parametrize("folder", [DATA, SMALL], ids=["shipped", "test"])
def test_what_is_shipped_is_released_and_has_not_moved(folder: Path) -> None:
    """The check of continuous integration: a released generation never changes."""
    found = validate(folder, read_compatibility(CatalogueTree(str(REPOSITORY))))
    released = [("g00001", "2026-11-22"), ("g00002", "2026-11-22")]
    assert [(valid.name, valid.released) for valid in found] == [
        *released,
        *([("g00003", "")] if folder == DATA else []),
    ]


def test_the_shipped_generations_have_torch_with_the_cuda_of_the_package_index() -> None:
    for generation in load_all()[:2]:
        rows = [
            (environment.name, environment.python, environment.torch, environment.cuda, environment.cudnn)
            for environment in generation.environments
        ]
        assert rows == [
            (f"python{python}-torch{torch}-cu{cuda.replace('.', '')}", python, torch, cuda, "9")
            for python in ("3.11", "3.12")
            for torch, cuda in (("2.10.0", "12.8"), ("2.14.1", "13.0"))
        ]
        for environment in generation.environments:
            pinned = versions(environment.requirements)
            assert pinned["torch"] == environment.torch
            assert {"torchvision", "torchaudio", "numpy", "pip", "setuptools", "wheel"} <= pinned.keys()


def test_an_environment_is_found_by_its_name() -> None:
    generation: Generation = load(SMALL, "g00001")
    assert generation.environment("python3.12-gpu").cuda == "13.0"
    with pytest.raises(WorkbenchError, match="has no environment") as caught:
        generation.environment("python3.12-gpus")
    assert "python3.12-gpu" in caught.value.hint


@given(st.integers(0, 99999))
def test_names_and_ids_are_inverse(number: int) -> None:
    assert generation_number(generation_name(number)) == number
    assert generation_id(str(number)) == number


@given(st.text())
def test_an_id_is_a_plain_number_or_an_error(text: str) -> None:
    if re.fullmatch(r"0|[1-9][0-9]{0,4}", text):
        assert generation_id(text) == int(text)
    else:
        with pytest.raises(UsageError):
            generation_id(text)


@pytest.mark.parametrize(
    "parts",
    [
        {"python": "3.11", "torch": "../x", "cuda": "12.8"},
        {"python": "3.11/..", "stack": "plain"},
        {"python": "3.08", "stack": "plain"},
        {"python": "3.11", "stack": "../x"},
        {"python": "3.11", "stack": "torch2"},
        {"python": "3.11", "torch": "2.10.0", "cuda": "12"},
    ],
)
def test_a_part_that_may_be_in_no_path_is_refused(parts: dict[str, str]) -> None:
    with pytest.raises(WorkbenchError, match="cannot be the"):
        environment_name(**parts)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    shutil.copytree(SMALL, tmp_path / "data")
    return tmp_path / "data"


def edit(data: Path, old: str, new: str, name: str = "g00001") -> None:
    path = data / f"generations/{name}.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("id = 1", "id = 2", ("generations/g00001.toml:2", "the id is 2, and the file is named g00001")),
        ("id = 1", "id = 08", ("generations/g00001.toml:2", "is not TOML")),
        ('"3.11.18"', '"3.12.18"', ("generations/g00001.toml:9", "Python '3.12.18' is not a full version of '3.11'")),
        ('"3.11" =', '"../x" =', ("generations/g00001.toml:9", "Python '3.11.18' is not a full version of '../x'")),
        ("packaging==26.2", "packaging>=26", ("generations/g00001.toml:6", "'packaging>=26' is not pinned")),
        ("packaging==26.2", "packaging=26", ("generations/g00001.toml:6", "'packaging=26' is not a requirement")),
        ("[stacks.plain]", '[stacks."a-b"]', ("generations/g00001.toml:12", "'a-b' cannot name a stack")),
        ('released = "2026-11-22"\n', "", ("generations/g00001.toml:1", "released and digest go together")),
        ('"2026-11-22"', '"2026-02-30"', ("generations/g00001.toml:3", "'2026-02-30' is not a day")),
        ("cuda =", "cudda =", ("generations/g00001.toml:5", "unknown key 'cudda'")),
    ],
)
def test_a_wrong_specification_is_reported_with_its_line(
    data: Path, old: str, new: str, fault: tuple[str, str]
) -> None:
    edit(data, old, new)
    with pytest.raises(FaultsError) as caught:
        read_spec(data, "g00001")
    where, message = caught.value.faults[0]
    assert (where, message[: len(fault[1])]) == fault


def matrix(data: Path, change: Callable[[dict[str, object]], object]) -> None:
    path = data / "requirements/g00001/matrix.json"
    rows = json.loads(path.read_text())
    change(rows)
    path.write_text(json.dumps(rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop("environments"), "is not a valid matrix"),
        (lambda rows: rows["environments"][0].update(name="../x"), "should be named python3.11-gpu"),
        (lambda rows: rows["environments"][0].update(python="3.9"), "should be named python3.9-gpu"),
        (lambda rows: rows["environments"][0].update(more="x"), "is not a valid matrix"),
        (lambda rows: rows["environments"].pop(), "is not in the matrix"),
    ],
)
def test_a_wrong_matrix_is_refused(data: Path, change: Callable[[dict[str, object]], object], message: str) -> None:
    matrix(data, change)
    with pytest.raises(WorkbenchError, match=message):
        load(data, "g00001")


def test_a_generation_that_is_not_resolved_names_the_command(data: Path) -> None:
    shutil.rmtree(data / "requirements/g00001")
    with pytest.raises(WorkbenchError, match="not resolved yet") as caught:
        load(data, "g00001")
    assert caught.value.hint == f"resolve it with `{here('monobase update')}`"


def test_the_digest_covers_every_byte_of_locks_and_nothing_of_the_release(data: Path) -> None:
    before = load(data, "g00001").digest
    edit(data, "2026-11-22", "2026-11-23")
    assert load(data, "g00001").digest == before
    lock = data / "requirements/g00001/python3.11-plain.txt"
    lock.write_text(lock.read_text() + "\n")
    with pytest.raises(WorkbenchError, match="was released as"):
        load(data, "g00001")


def test_a_generation_is_released_once(data: Path) -> None:
    spec = data / "generations/g00002.toml"
    lines = spec.read_text().splitlines(keepends=True)
    spec.write_text("".join(line for line in lines if not line.startswith(("released", "digest"))))
    assert validate(data, read_compatibility(CatalogueTree(str(REPOSITORY))))[1].released == ""
    released = release(data, "g00002", "2026-11-22")
    assert spec.read_text() == "".join(lines)
    assert released == load(data, "g00002")
    with pytest.raises(WorkbenchError, match="was released on 2026-11-22"):
        release(data, "g00002", "2026-11-23")


def test_all_that_is_wrong_is_reported_in_one_go(data: Path) -> None:
    edit(data, '"3.11.18"', '"3.11.17"')
    lock = data / "requirements/g00002/python3.11-plain.txt"
    lock.write_text(re.sub(r" \\\n    --hash=.*", "", lock.read_text()))
    with pytest.raises(FaultsError) as caught:
        validate(data, read_compatibility(CatalogueTree(str(REPOSITORY))))
    assert [message.partition(",")[0].split(" as ")[0] for _, message in caught.value.faults] == [
        "g00001 was released",
        "g00002 was released",
    ]
    shutil.move(data / "generations/g00002.toml", data / "generations/g00003.toml")
    with pytest.raises(FaultsError, match="faults"):
        validate(data, read_compatibility(CatalogueTree(str(REPOSITORY))))
