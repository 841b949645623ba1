from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.monobase import trees
from workbench.monobase.conflicts import InstalledPackage, between, compare, packages
from workbench.monobase.layer import Layer


def installed(**needs_by_name: str) -> dict[str, InstalledPackage]:
    """Packages as `name="version need; need"`."""
    found = {}
    for name, text in needs_by_name.items():
        version, _, needs = text.partition(" ")
        found[name] = InstalledPackage(name, version, tuple(Requirement(need) for need in needs.split("; ") if need))
    return found


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"a": "1.0"}, {"b": "1.0"}, []),
        # Another version is no conflict by itself; one that does not do is, whichever part of it differs.
        ({"a": "1.0"}, {"a": "2.0", "b": "1.0"}, []),
        ({"a": "1.0"}, {"a": "2.0", "b": "1.0 a"}, []),
        ({"a": "1.0"}, {"a": "2.0", "b": "1.0 a>=2"}, ["b 1.0 of second needs a>=2, and first has a 1.0"]),
        ({"a": "4.5"}, {"a": "5.5", "b": "1.0 a~=5.5"}, ["b 1.0 of second needs a~=5.5, and first has a 4.5"]),
        ({"a": "1.0rc1"}, {"a": "1.0", "b": "1.0 a>=1.0"}, ["b 1.0 of second needs a>=1.0, and first has a 1.0rc1"]),
        ({"a": "2.6.0"}, {"a": "2.6.0.dev1", "b": "1.0 a>2.6.0.dev1"}, []),
        # The other way round: what comes later is what nothing shadows.
        ({"a": "1.0 b<2"}, {"b": "2.0"}, ["a 1.0 of first needs b<2, and second has b 2.0"]),
        # A package that is shadowed itself needs nothing; what is missing is its own layer's fault.
        ({"a": "1.0", "b": "1.0"}, {"a": "2.0", "b": "2.0 a>=2"}, []),
        ({}, {"b": "1.0 nowhere>=2"}, []),
        ({}, {"b": "1.0 a>=2", "a": "1.0"}, []),
    ],
)
def test_what_layers_contradict_each_other_in(
    first: dict[str, str], second: dict[str, str], expected: list[str]
) -> None:
    assert between([("first", installed(**first)), ("second", installed(**second))]) == expected


def metadata(layer: Path, name: str, version: str, *needs: str) -> None:
    folder = layer / f"lib/python3.12/site-packages/{name}-{version}.dist-info"
    folder.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {need}" for need in needs)]
    (folder / "METADATA").write_text("Metadata-Version: 2.1\n" + "".join(f"{line}\n" for line in lines))


def test_needs_by_nameare_read_with_the_needs_that_hold_there(tmp_path: Path) -> None:
    root = trees.layer(tmp_path / "layer", "3.12")
    needs = ["B>=1", "c; extra == 'more'", "d; python_version < '3'", "e; sys_platform == 'linux'", "what is this"]
    metadata(root, "Some_Name", "1.0", *needs)
    [found] = packages(Layer(str(root), "3.12")).values()
    assert (found.name, found.version) == ("some-name", "1.0")
    assert [str(need).partition(";")[0] for need in found.needs] == ["B>=1", "e"]


def test_what_is_written_is_for_environments_of_that_python_that_are_there(tmp_path: Path) -> None:
    root = trees.cogs(tmp_path, "g0a1b2c3d", ["1.0"], ["3.12"], "1.0")
    cog = root / "cog1.0-python3.12"
    metadata(cog, "schema", "1.0")
    generation = trees.generation(
        tmp_path, "g00001", {"python3.12-plain": [], "python3.12-old": [], "python3.11-a": []}
    )
    metadata(generation / "python3.12-plain", "model", "1.0", "schema>=2")
    metadata(generation / "python3.12-plain", "schema", "2.0")
    trees.layer(generation / "python3.12-half", "3.12", done=False)
    new = compare(Layer(str(cog), "3.12"), str(tmp_path / "monobase"))
    clash = "model 1.0 of g00001/python3.12-plain needs schema>=2, and cog1.0-python3.12 has schema 1.0"
    assert new == [clash]
    folder = tmp_path / "cog/conflicts/g0a1b2c3d/cog1.0-python3.12"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "g00001.python3.12-plain": f"{clash}\n",
        "g00001.python3.12-old": "",
    }
    # Once is enough; and what is gone is forgotten.
    (generation / "python3.12-old/.done").unlink()
    assert compare(Layer(str(cog), "3.12"), str(tmp_path / "monobase")) == []
    assert [path.name for path in folder.iterdir()] == ["g00001.python3.12-plain"]
