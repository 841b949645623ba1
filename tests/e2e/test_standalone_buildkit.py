"""A recipe that a stand-alone buildkitd builds from a registry's base and pushes, without podman on the client."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests import buildkitd
from tests.command import wizard
from tests.engine import BaseChoice, Engine, ca_bundle


@pytest.mark.slow
def test_runtime_minimal_is_pushed_with_its_records(
    registry: str, engine: Engine, base: BaseChoice, runtime: str, tmp_path: Path
) -> None:
    if why := buildkitd.missing():
        pytest.skip(why)
    pushed, repository = f"{registry}/bases/standard:1", f"{registry}/team/images"
    engine("tag", base.image, pushed)
    engine("push", pushed)
    engine("rmi", pushed)
    flags = [*base.flags(), f"--base={pushed}", "--bundle=minimal", "--ide=runtime"]
    composed = wizard("new", *flags, "--out", tmp_path / "recipes", env=engine.env)
    assert composed.returncode == 0, composed.stderr
    (folder,) = (tmp_path / "recipes").iterdir()
    programs = tmp_path / "empty"
    programs.mkdir()
    with buildkitd.started(plain=[registry]) as address:
        arguments = [
            "--buildkit",
            address,
            "--push",
            repository,
            *ca_bundle(),
            "--log-dir",
            tmp_path / "logs",
            "--json",
        ]
        done = wizard("build", folder, *arguments, env={"PATH": str(programs)})
        assert done.returncode == 0, done.stderr
        (report,) = json.loads(done.stdout)
    assert report["attached"] == ["sbom.cdx.json", "provenance.json"] and "note" not in report
    packages = {
        each["purl"].partition("?")[0] for each in json.loads((folder / "sbom.cdx.json").read_text())["components"]
    }
    listed = engine("run", "--rm", "--entrypoint=python", runtime, "-m", "pip", "list", "--format=json")
    assert {
        f"pkg:pypi/{each['name'].lower().replace('_', '-')}@{each['version']}" for each in json.loads(listed)
    } <= packages
    assert any(each.startswith("pkg:deb/debian/") for each in packages)
    image = report["pushed"][0]
    engine("pull", image)
    assert engine("run", "--rm", "--user=12345:0", image, "python", "-c", "print(6 * 7)") == "42"
    engine("rmi", image)
    assert os.listdir(programs) == []
