"""The SBOM, provenance and labels of an image that is really built, against what its package managers list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from tests.command import wizard
from tests.engine import BaseChoice, Engine

pytestmark = pytest.mark.thorough

Packages = set[tuple[str, str]]


@pytest.fixture
def recipe(jupyter: str, jupyter_folder: Path) -> Path:
    """The folder of the recipe that the image `jupyter` was built from."""
    return jupyter_folder / "recipes" / jupyter.rpartition(":")[2]


def components(text: str, kind: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The components of an SBOM with this type of package URL, by name and version; the SBOM is valid."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = [each for each in json.loads(text)["components"] if each.get("purl", "").startswith(f"pkg:{kind}/")]
    return {(each["name"], each["version"]): each for each in listed}


def pip_inspect(engine: Engine, image: str) -> Packages:
    """What pip finds in the image."""
    report = json.loads(engine("run", "--rm", "--network=none", "--entrypoint=pip", image, "inspect", "--local"))
    pairs = [(each["metadata"]["name"], each["metadata"]["version"]) for each in report["installed"]]
    return {(canonicalize_name(name), version) for name, version in pairs}


def test_no_package_is_missing_in_the_sbom(engine: Engine, jupyter: str, recipe: Path, base: BaseChoice) -> None:
    text = (recipe / "sbom.cdx.json").read_text()
    python, system = components(text, "pypi"), components(text, "deb")
    inspected = pip_inspect(engine, jupyter)
    assert len(inspected) > 150
    assert set(python) == inspected
    # All of it was installed from the locked lists, with hashes, but for what the base brings, which has its own lock.
    assert {name for name, each in python.items() if "hashes" not in each} <= pip_inspect(engine, base.image)
    assert python["jupyterlab", next(v for n, v in inspected if n == "jupyterlab")]["licenses"]
    form = "--showformat=${db:Status-Status} ${Package} ${Version}\\n"
    lines = engine("run", "--rm", "--network=none", "--entrypoint=dpkg-query", jupyter, "--show", form).splitlines()
    assert set(system) == {(line.split()[1], line.split()[2]) for line in lines if line.startswith("installed ")}
    assert {"git", "curl"} <= {name for name, _ in system}


def test_every_byte_belongs_to_a_package_or_a_folder(
    engine: Engine, jupyter: str, recipe: Path, tmp_path: Path
) -> None:
    done = wizard("size", recipe, "--json", "--html", tmp_path / "size.html")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    parts = {(part["kind"], part["name"].lower()): part["bytes"] for part in report["parts"]}
    assert sum(part["bytes"] for part in report["parts"]) == report["bytes"]
    # What the files of a container are, and podman's sum of the layers, which hold what others replace too.
    counted = engine(
        "run", "--rm", "--network=none", "--user=0", "--entrypoint=du", jupyter, "-sxb", "--apparent-size", "/"
    )
    assert 0.9 < report["bytes"] / int(counted.split()[0]) <= 1
    assert 0.9 < report["bytes"] / report["layers"] <= 1
    inspected = {("python", name) for name, _ in pip_inspect(engine, jupyter)}
    assert inspected <= {(kind, canonicalize_name(name)) for kind, name in parts}
    assert parts["python", "jupyterlab"] > 10_000_000 and parts["os", "git"] > 10_000_000
    # Bytecode is its package's: little is left that is nobody's.
    others = sum(size for (kind, _), size in parts.items() if kind == "folder")
    assert others < report["bytes"] / 10, {name: size for (kind, name), size in parts.items() if kind == "folder"}
    assert "jupyterlab" in (tmp_path / "size.html").read_text()


def test_the_lock_alone_misses_nothing_but_the_bases(
    engine: Engine, jupyter: str, recipe: Path, base: BaseChoice
) -> None:
    done = wizard("sbom", recipe)
    assert done.returncode == 0, done.stderr
    listed = set(components(done.stdout, "pypi"))
    assert listed >= pip_inspect(engine, jupyter) - pip_inspect(engine, base.image)
    assert len(listed) > 150
    assert wizard("sbom", recipe).stdout == done.stdout


def test_the_verb_inspects_the_image_itself(engine: Engine, jupyter: str, recipe: Path) -> None:
    done = wizard("sbom", jupyter, "--recipe", recipe)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (recipe / "sbom.cdx.json").read_text()


def test_provenance_names_selection_inputs_base_and_builder(
    engine: Engine, jupyter: str, recipe: Path, base: BaseChoice
) -> None:
    statement = json.loads((recipe / "provenance.json").read_text())
    identity = engine("image", "inspect", "--format", "{{.Id}}", jupyter).removeprefix("sha256:")
    assert statement["subject"] == [{"name": jupyter, "digest": {"sha256": identity}}]
    definition, details = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert definition["externalParameters"]["selection"]["bundle"] == "minimal"
    digest = engine("image", "inspect", "--format", "{{.Digest}}", base.image).removeprefix("sha256:")
    assert definition["resolvedDependencies"][0] == {"uri": base.image, "digest": {"sha256": digest}}
    inputs = {each["uri"] for each in definition["resolvedDependencies"][1:]}
    assert "bundles/1-minimal/py311/requirements.txt" in inputs
    assert details["builder"]["id"] == "urn:workbench-images:podman"
    assert details["builder"]["version"]["podman"] in engine("--version")


def test_the_records_are_no_part_of_the_recipe(jupyter: str, recipe: Path) -> None:
    done = wizard("check", recipe, "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_labels_identify_the_image(engine: Engine, jupyter: str, base: BaseChoice) -> None:
    labels = json.loads(engine("image", "inspect", "--format", "{{json .Config.Labels}}", jupyter))
    annotations = {name.rpartition("image.")[2]: value for name, value in labels.items() if "opencontainers" in name}
    digest = engine("image", "inspect", "--format", "{{.Digest}}", base.image)
    assert annotations == {
        "title": "jupyter minimal",
        "description": "workbench image: jupyter, bundle minimal, bookworm, py311",
        "version": "2026a_20261122",
        "created": "2026-11-22T00:00:00Z",
        "ref.name": jupyter.rpartition(":")[2],
        "base.name": base.image,
        "base.digest": digest,
    }
