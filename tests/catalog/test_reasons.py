from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import RELEASE, make_catalogue
from workbench.catalog.reader import read_catalogue
from workbench.catalog.reasons import reasons

PARTS = {
    "bundles/2-gpu/display.txt": "GPU",
    "bundles/2-gpu/bundle.toml": 'cuda = "required"\nos = ["c9s"]\nides = ["runtime"]\n',
    "bundles/2-gpu/py311/requirements.txt": "torch==2.11.0\n",
    "bundles/3-r/display.txt": "R",
    "bundles/3-r/selection-override": "",
    "bundles/3-r/bundle.toml": 'provides = ["r-language"]\npython = ["3.11"]\n',
    "ides/3-studio/display.txt": "Studio",
    "ides/3-studio/studio.snippet": "USER 1001\nWORKDIR /opt/app-root/src\n",
    "ides/3-studio/ide.toml": 'cuda = "never"\ncuda_why = "it draws on the CPU"\nneeds = ["r-language"]\n',
    "ides/4-only/display.txt": "Only",
    "ides/4-only/only.snippet": "USER 1001\nWORKDIR /opt/app-root/src\n",
    "ides/4-only/ide.toml": 'bundles = ["r", "gpu"]\n',
    "releases/2025a.toml": 'state = "retired"\n' + RELEASE.replace("[cuda]\nversion = ", "[cuda]\nother = "),
}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, []),
        ({"base": "cuda", "os": "c9s", "python": "3.11", "bundle": "gpu", "ide": "runtime"}, []),
        ({"bundle": "gpu"}, []),
        ({"os": "c9s", "python": "3.12"}, ["release 2026a has no Python 3.12 on c9s (it has 3.11)"]),
        ({"base": "standard", "bundle": "gpu"}, ["bundle gpu needs a CUDA base"]),
        ({"os": "bookworm", "bundle": "gpu"}, ["bundle gpu is for c9s only"]),
        ({"python": "3.12", "bundle": "gpu"}, ["bundle gpu has no packages for Python 3.12 (no folder py312)"]),
        ({"bundle": "gpu", "ide": "editor"}, ["bundle gpu goes with runtime only"]),
        ({"python": "3.12", "bundle": "r"}, ["bundle r is for Python 3.11 only"]),
        ({"python": "3.11", "bundle": "r", "ide": "studio"}, []),
        ({"base": "cuda", "ide": "studio"}, ["IDE studio does not go on a CUDA base: it draws on the CPU"]),
        (
            {"bundle": "plain", "ide": "studio"},
            ["IDE studio goes with bundle r only"],
        ),
        ({"bundle": "plain", "ide": "only"}, ["IDE only goes with bundle r or gpu only"]),
        ({"release": "2025a"}, ["release 2025a is retired"]),
        ({"release": "2025a", "base": "cuda"}, ["release 2025a is retired", "release 2025a pins no CUDA"]),
    ],
)
def test_reasons(tmp_path: Path, choice: dict[str, str], expected: list[str]) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path, PARTS)))
    assert list(reasons(catalogue, {**{"release": "2026a", **choice}})) == expected


def test_a_cuda_without_a_compiler_for_a_family_has_no_devel_there(tmp_path: Path) -> None:
    release = RELEASE.replace('version = "13.0.2"', 'version = "12.9.1"\nnvcc = ["rhel"]')
    systems = {"base/c9s/os.toml": 'family = "rhel"\n', "base/bookworm/os.toml": 'family = "debian"\n'}
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {"releases/2026a.toml": release, **systems})))
    where = {"release": "2026a", "python": "3.11"}
    assert list(reasons(catalogue, {"base": "cuda-devel", "os": "bookworm", **where})) == [
        "CUDA 12.9.1 has no nvcc in the packages that bookworm (debian) takes it from"
    ]
    assert list(reasons(catalogue, {"base": "cuda-devel", "os": "c9s", **where})) == []
    assert list(reasons(catalogue, {"base": "cuda", "os": "bookworm", **where})) == []
    assert catalogue.releases["2026a"].cuda == {"version": "12.9.1"}


def test_a_name_is_provided_to_the_other_side_only(tmp_path: Path) -> None:
    files = {
        "ides/3-flow/display.txt": "Flow",
        "ides/3-flow/flow.snippet": "USER 1001\nWORKDIR /opt/app-root/src\n",
        "ides/3-flow/ide.toml": 'needs = ["flow"]\n',
        "bundles/3-flow/display.txt": "Flow",
        "bundles/3-flow/selection-override": "",
    }
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    assert list(reasons(catalogue, {"release": "2026a", "bundle": "flow", "ide": "flow"})) == []
    assert list(reasons(catalogue, {"release": "2026a", "bundle": "plain", "ide": "flow"})) == [
        "IDE flow goes with bundle flow only"
    ]
