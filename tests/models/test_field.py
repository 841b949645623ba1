"""Projects as the field writes them, one for each way: what is read of each, and why some are refused.

Each file of `field/` is a project: what it is about, its files, and what is expected of it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.catalogues import REPOSITORY
from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.errors import FaultsError
from workbench.models.containerfile import training_command
from workbench.models.resolve import ParsedModel, parse_model

FIELD = Path(__file__).parent / "field"
NAMES = sorted(path.stem for path in FIELD.glob("*.txt"))
PAIRS = read_compatibility(CatalogueTree(str(REPOSITORY)))


@dataclass(frozen=True)
class Project:
    """A project of the field: its files by path, and what is expected."""

    files: Mapping[str, str]
    expected: Mapping[str, Any]

    def written(self, folder: Path) -> Path:
        """Write the files into a folder and return it."""
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder


def project(name: str) -> Project:
    """Return a project of the field by its name."""
    _, *parts = re.split(r"^-- (\S+) --\n", (FIELD / f"{name}.txt").read_text(), flags=re.MULTILINE)
    files = dict(zip(parts[::2], parts[1::2], strict=True))
    return Project(files, yaml.safe_load(files.pop("expected")))


def parsed(folder: Path) -> ParsedModel:
    """Return a project as it is parsed, before anything is fetched."""
    return parse_model(str(folder), PAIRS, "3.11")


def stripped(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a schema without what is the same for all."""
    return {
        name: {key: value for key, value in each.items() if key not in ("title", "x-order")}
        for name, each in schema["properties"].items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_project_of_the_field_is_read(tmp_path: Path, name: str) -> None:
    found = project(name)
    folder = found.written(tmp_path)
    expected = found.expected
    if faults := expected.get("faults"):
        with pytest.raises(FaultsError) as caught:
            parsed(folder)
        text = [f"{where}: {message}".replace(str(folder), "DIR") for where, message in caught.value.faults]
        assert len(text) == len(faults)
        assert all(fault in one for fault, one in zip(faults, text, strict=True)), text
        return
    model = parsed(folder)
    assert len(model.notes) == len(expected.get("notes", ())), model.notes
    for note in expected.get("notes", ()):
        assert any(note in one for one in model.notes), model.notes
    for key in ("requirements", "constraints", "options"):
        assert list(getattr(model, key)) == expected.get(key, list(getattr(model, key)))
    assert list(model.pairing.requirements) == expected.get("locked", list(model.pairing.requirements))
    assert list(model.pairing.constraints) == expected.get("held", list(model.pairing.constraints))
    assert dict(model.pairing.frameworks or {}) == expected.get("frameworks", {})
    schemas = model.reading.document.get("components", {}).get("schemas", {})
    training = expected.get("training", {})
    assert shlex.join(training_command(model.config)) == training.get("command", "")
    for side, part in (("", expected), ("Training", training)):
        if part.get("input") is None:
            assert f"{side}Input" not in schemas
            continue
        inputs = schemas[f"{side}Input"]
        assert stripped(inputs) == part["input"]
        assert list(inputs["properties"]) == list(part["input"])
        assert inputs.get("required", []) == part.get("required", [])
        assert schemas[f"{side}Output"] == {"title": f"{side}Output", **part["output"]}
