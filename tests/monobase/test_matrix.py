from __future__ import annotations

import pytest

from tests.catalogues import REPOSITORY
from workbench.catalog.compatibility import CompatibilityTable, FrameworkVersion, read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.errors import WorkbenchError
from workbench.monobase.matrix import EnvironmentSpec, matrix_of
from workbench.monobase.spec import GenerationSpec

PYTHONS = {"3.9": "3.9.20", "3.10": "3.10.20", "3.11": "3.11.18"}
OLD = FrameworkVersion("12.1.105", "8.9.2.26", ("3.9", "3.10"), {"torchvision": "0.17.2"}, ("numpy<2",))
NEW = FrameworkVersion("12.8.90", "9.10.2.21", ("3.10", "3.11"), {"torchaudio": "2.10.0", "torchvision": "0.25.0"})
PAIRS = CompatibilityTable({}, {}, {"torch": {"2.10.0": NEW, "2.2.2": OLD}})


def spec(**given: object) -> GenerationSpec:
    fields = {"id": 7, "pythons": PYTHONS, "cuda": ("12.1", "12.8"), "cudnn": ("8", "9"), "packages": ("pip==26.3",)}
    return GenerationSpec(**{**fields, **given})  # type: ignore[arg-type]


def test_a_matrix_is_every_combination_that_the_table_allows_in_order() -> None:
    matrix = matrix_of(spec(torch=("2.10.0", "2.2.2"), stacks={"plain": ("numpy==2.4.6",)}), PAIRS)
    assert [(one.name, one.cuda, one.cudnn) for one in matrix.environments] == [
        ("python3.9-plain", "", ""),
        ("python3.9-torch2.2.2-cu121", "12.1", "8"),
        ("python3.10-plain", "", ""),
        ("python3.10-torch2.2.2-cu121", "12.1", "8"),
        ("python3.10-torch2.10.0-cu128", "12.8", "9"),
        ("python3.11-plain", "", ""),
        ("python3.11-torch2.10.0-cu128", "12.8", "9"),
    ]
    assert matrix.excluded == (
        ("python3.11-torch2.2.2-cu121", "torch 2.2.2 goes with Python 3.9, 3.10"),
        ("python3.9-torch2.10.0-cu128", "torch 2.10.0 goes with Python 3.10, 3.11"),
    )
    assert matrix.environments[1] == EnvironmentSpec(
        name="python3.9-torch2.2.2-cu121",
        python="3.9",
        torch="2.2.2",
        cuda="12.1",
        cudnn="8",
        stack="",
        requirements=("torch==2.2.2", "torchvision==0.17.2", "pip==26.3"),
        constraints=("numpy<2",),
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"torch": ("2.9.9",)}, "torch 2.9.9 is not in releases/compat.toml"),
        (
            {"torch": ("2.2.2",), "cuda": ("12.8",)},
            "torch 2.2.2 brings CUDA 12.1 and cuDNN 8, which g00007 does not list",
        ),
        (
            {"torch": ("2.2.2",), "cudnn": ("9",)},
            "torch 2.2.2 brings CUDA 12.1 and cuDNN 8, which g00007 does not list",
        ),
        ({"torch": ("2.2.2",), "pythons": {"3.11": "3.11.18"}}, "torch 2.2.2 goes with no Python of g00007"),
        ({}, "g00007 has no environment: name a torch or a stack"),
    ],
)
def test_a_matrix_that_cannot_be_made(given: dict[str, object], message: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        matrix_of(spec(**given), PAIRS)
    assert caught.value.message == message


def test_every_torch_of_our_table_gives_a_matrix() -> None:
    pairs = read_compatibility(CatalogueTree(str(REPOSITORY)))
    known = pairs.frameworks["torch"]
    pythons = {python: f"{python}.99" for row in known.values() for python in row.pythons}
    cuda = tuple({".".join(row.cuda.split(".")[:2]) for row in known.values()})
    cudnn = tuple({row.cudnn.partition(".")[0] for row in known.values()})
    matrix = matrix_of(spec(torch=tuple(known), pythons=pythons, cuda=cuda, cudnn=cudnn), pairs)
    assert len(matrix.environments) == sum(len(row.pythons) for row in known.values())
    assert len({one.name for one in matrix.environments}) == len(matrix.environments)
