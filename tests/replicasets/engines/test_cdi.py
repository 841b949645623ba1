from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import TINY
from tests.replicasets.conftest import Podman
from tests.replicasets.fakes import KIND
from tests.replicasets.gpus import cdi_spec
from workbench.replicasets.engines.cdi import inventory, newer_specs
from workbench.replicasets.engines.podman.quirks import readable_cdi
from workbench.replicasets.errors import EngineError, NotFound, ReplicaSetError
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Gpu


def test_a_gpu_of_two_names_is_one(tmp_path: Path) -> None:
    cdi_spec(tmp_path, KIND, 2)
    assert inventory(KIND, [str(tmp_path)]) == (
        Gpu("GPU-fake0000", ("0", "GPU-fake0000")),
        Gpu("GPU-fake0001", ("1", "GPU-fake0001")),
    )


def test_a_spec_in_yaml(tmp_path: Path) -> None:
    spec = 'cdiVersion: "0.5.0"\nkind: fake.test/gpu\ndevices:\n- name: "0"\n  containerEdits: {}\n'
    (tmp_path / "gpu.yaml").write_text(spec)
    assert inventory(KIND, [str(tmp_path), str(tmp_path / "absent")]) == (Gpu("0", ("0",)),)


def test_without_any_spec_there_are_no_gpus(tmp_path: Path) -> None:
    assert inventory(KIND, [str(tmp_path)]) == ()


def test_another_kind_is_reported(tmp_path: Path) -> None:
    cdi_spec(tmp_path, "nvidia.com/gpu", 2)
    with pytest.raises(NotFound) as error:
        inventory("nvidia.com/gpus", [str(tmp_path)])
    assert error.value.hint == "did you mean nvidia.com/gpu?"


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "fake.test/gpu", "devices": [{}]}'])
def test_a_spec_that_cannot_be_read_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "gpu.json").write_text(text)
    with pytest.raises(ReplicaSetError) as error:
        inventory(KIND, [str(tmp_path)])
    assert error.value.where == str(tmp_path / "gpu.json")


def test_which_specs_are_too_new(tmp_path: Path) -> None:
    path = cdi_spec(tmp_path, KIND, 1, version="0.6.0")
    assert newer_specs(KIND, [str(tmp_path)], "0.5.0") == [f"{path} is of CDI 0.6.0, and this podman reads up to 0.5.0"]
    assert newer_specs(KIND, [str(tmp_path)], "0.6.0") == []
    assert newer_specs(KIND, [str(tmp_path)], "") == [
        f"{path} is of CDI 0.6.0, and what this podman reads is not known"
    ]
    assert newer_specs("other.test/gpu", [str(tmp_path)], "") == []


def test_what_versions_of_podman_read(tmp_path: Path) -> None:
    known = {version: readable_cdi(version) for version in ("4.3.1", "4.30.0", "5.4.2", "5.40.0", "9")}
    assert known == {"4.3.1": "0.5.0", "4.30.0": "", "5.4.2": "0.8.0", "5.40.0": "", "9": ""}
    path = cdi_spec(tmp_path, KIND, 1, version="1.0.0")
    sentence = f"{path} is of CDI 1.0.0, and this podman reads up to 0.8.0"
    assert newer_specs(KIND, [str(tmp_path)], readable_cdi("5.4.2")) == [sentence]


def test_podman_does_not_read_a_newer_spec_and_we_report_it(podman: Podman, room: Callable[..., ReplicaSets]) -> None:
    if not readable_cdi(podman.engine("version", "--format", "{{.Client.Version}}")):
        pytest.skip("what this podman reads of CDI is not known")
    kind = f"new-{podman.kind}"
    # Newer than what any podman of the table reads.
    path = cdi_spec(Path("/etc/cdi"), kind, 1, version="1.0.0")
    try:
        with pytest.raises(EngineError) as error:
            room(gpu_kind=kind).run(RunRequest(TINY, "foo", gpus=1))
    finally:
        path.unlink()
    assert "unresolvable CDI devices" in error.value.message
    assert error.value.hint.startswith(f"{path} is of CDI 1.0.0, and this podman reads up to ")
