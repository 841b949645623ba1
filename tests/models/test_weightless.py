from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.errors import FaultsError, WorkbenchError
from workbench.models.config import BuildConfig, CogConfig, RunStep
from workbench.models.pairing import Pairing
from workbench.models.resolve import ParsedModel
from workbench.models.weightless import fit
from workbench.monobase.activation import activate
from workbench.monobase.generation import load_all

TEST, OURS = REPOSITORY / "monobase/test", REPOSITORY / "monobase"


def parsed(*requirements: str, python: str = "3.11", **build: object) -> ParsedModel:
    lines = {f"build.{key}": number for number, key in enumerate(build, 2)}
    config = CogConfig(BuildConfig(python_version=python, **build), predict="p.py:P", lines=lines)  # type: ignore[arg-type]
    return ParsedModel("m", config, python, requirements, Pairing(requirements), ("a note",))


def test_what_a_generation_has_is_named_by_variables() -> None:
    resolved, base = fit(parsed("numpy==2.4.6"), TEST, None, "0.23.1")
    assert base.variables == {
        "MONOBASE_GEN_ID": "2",
        "MONOBASE_STACK": "plain",
        "R8_PYTHON_VERSION": "3.11",
        "R8_COG_VERSION": "0.23.1",
    }
    assert (resolved.packages, resolved.notes) == ({"numpy": "2.4.6", "packaging": "26.3"}, ("a note",))
    assert resolved.lock == load_all(TEST)[-1].digest
    older, base = fit(parsed("numpy>2", "packaging<26.3"), TEST, 1, "0.23.1")
    assert (older.packages["packaging"], base.variables["MONOBASE_GEN_ID"]) == ("26.2", "1")


def test_with_a_gpu_the_environment_that_brings_cuda_is_taken() -> None:
    resolved, base = fit(parsed("numpy", gpu=True), TEST, None, "0.23.1")
    assert base.variables["MONOBASE_STACK"] == "gpu"
    assert base.variables["R8_CUDA_VERSION"] == resolved.cuda == "13.0"


def test_torch_names_its_environment() -> None:
    resolved, base = fit(parsed("torch==2.10.0", "torchvision", gpu=True, cuda="12.8.1"), OURS, None, "0.23.1")
    assert base.variables == {
        "MONOBASE_GEN_ID": "2",
        "R8_PYTHON_VERSION": "3.11",
        "R8_TORCH_VERSION": "2.10.0",
        "R8_CUDA_VERSION": "12.8",
        "R8_CUDNN_VERSION": "9",
        "R8_COG_VERSION": "0.23.1",
    }
    assert resolved.frameworks == {"torch": "2.10.0"}
    assert fit(parsed("torch"), OURS, None, "0.23.1")[1].variables["R8_TORCH_VERSION"] == "2.14.1"


@pytest.mark.parametrize(
    ("model", "data", "number", "message", "hint"),
    [
        (
            parsed("numpy==1.26.4", "pandas"),
            TEST,
            None,
            "no environment of g00002 has everything that the model requires",
            "nearest is python3.11-gpu, which lacks numpy==1.26.4 (it has 2.4.6); or build it without --weightless",
        ),
        (
            parsed("torch==2.10.0", gpu=True, cuda="13.0"),
            OURS,
            None,
            "no environment of g00002 has everything that the model requires",
            "nearest is python3.11-torch2.10.0-cu128, which lacks CUDA 13.0 (it has 12.8); "
            "or build it without --weightless",
        ),
        (
            parsed("numpy", python="3.10"),
            TEST,
            None,
            "no environment of g00002 has everything that the model requires",
            "nearest is python3.11-gpu, which lacks Python 3.10 (it has 3.11); or build it without --weightless",
        ),
        (parsed("numpy"), TEST, 7, "there is no generation g00007", "available: g00001, g00002"),
    ],
)
def test_what_no_generation_has_names_the_nearest(
    model: ParsedModel, data: Path, number: int | None, message: str, hint: str
) -> None:
    with pytest.raises(WorkbenchError) as caught:
        fit(model, data, number, "0.23.1")
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_what_would_install_something_in_the_image_is_refused() -> None:
    with pytest.raises(FaultsError) as caught:
        fit(parsed("numpy", system_packages=("tree",), run=(RunStep("true"),)), TEST, None, "0.23.1")
    assert caught.value.faults == [
        ("m/cog.yaml:2", "a weightless image installs nothing: system_packages is not allowed"),
        ("m/cog.yaml:3", "a weightless image installs nothing: run is not allowed"),
    ]


def test_activation_takes_the_variables_of_every_environment(tmp_path: Path) -> None:
    """Activation finds any environment of ours by the variables that a model gets."""
    from tests.monobase.trees import cogs, conflicts, generation

    for environment in load_all(OURS)[1].environments:
        prefix = tmp_path / environment.name
        wheels = [f"nvidia_cudnn_cu12-{environment.cudnn}.1.dist-info/"] if environment.cudnn else []
        generation(prefix, "g00002", {environment.name: wheels})
        conflicts(
            cogs(prefix, "g12345678", ["0.23.1"], [environment.python], "0.23.1")
            / f"cog0.23.1-python{environment.python}",
            "g00002",
            environment.name,
        )
        model = parsed(f"torch=={environment.torch}", python=environment.python, gpu=True)
        _, base = fit(model, OURS, None, "0.23.1")
        assert activate(str(prefix), base.variables).environment == base.environment == environment.name
