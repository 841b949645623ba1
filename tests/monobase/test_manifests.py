from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.manifests import FOLDER, documents

FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", FILES)
def test_kubernetes_takes_every_manifest(name: str) -> None:
    program = Path(sys.executable).with_name("kubernetes-validate")
    done = subprocess.run([program, "--strict", str(FOLDER / name)], capture_output=True, text=True, check=False)
    assert (done.returncode, "passed" in done.stdout + done.stderr) == (0, True), done.stdout + done.stderr


def test_a_wrong_manifest_is_refused(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("kubernetes-validate")
    text = (FOLDER / "model-pod.yaml").read_text().replace("readOnly: true", "readonly: true")
    (tmp_path / "pod.yaml").write_text(text)
    assert subprocess.run([program, "--strict", str(tmp_path / "pod.yaml")], capture_output=True).returncode != 0


def test_the_flags_in_the_manifests_are_those_of_the_verbs() -> None:
    container = documents("daemonset.yaml")[0]["spec"]["template"]["spec"]["containers"][0]
    probe = container["readinessProbe"]["exec"]["command"]
    assert probe[0] == "monobase"
    for verb, flags in (("build", container["args"]), (probe[1], probe[2:])):
        done = wizard("monobase", verb, "--help")
        listed = done.stdout.split()
        assert all(flag.partition("=")[0] in listed for flag in flags)


def test_models_can_write_nothing_of_the_host() -> None:
    spec = documents("model-pod.yaml")[0]["spec"]
    assert [mount["readOnly"] for mount in spec["containers"][0]["volumeMounts"]] == [True]
    assert spec["containers"][0]["securityContext"]["runAsUser"] != 0
