from __future__ import annotations

import re

import pytest

from tests.catalogues import REPOSITORY
from workbench.catalog.bases import BASES, base_tag
from workbench.catalog.cuda_layers import LAYERS, WHEELS, layer_folder, layer_tags, with_those_below
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Release
from workbench.errors import WorkbenchError

WHERE = ("bookworm", "3.11", "2026a", "20261122")


def test_layers_come_with_those_below() -> None:
    assert with_those_below(["devel-cudnn"]) == ("base", "runtime", "devel", "devel-cudnn")
    assert with_those_below(["devel", "runtime-cudnn"]) == ("base", "runtime", "runtime-cudnn", "devel")
    assert with_those_below(LAYERS) == tuple(LAYERS)
    with pytest.raises(WorkbenchError, match="no CUDA layer is named 'cudnn'"):
        with_those_below(["cudnn"])


def test_tags_and_folders() -> None:
    assert layer_tags("base", *WHERE) == ("cuda-bookworm-py311-base_2026a_20261122",)
    assert layer_tags("runtime-cudnn", *WHERE) == (
        "cuda-bookworm-py311-runtime-cudnn_2026a_20261122",
        "cuda-base-bookworm-py311_2026a_20261122",
    )
    assert layer_folder("devel-cudnn") == "cuda-layer/devel/cudnn"


def test_every_cuda_base_stands_for_a_layer() -> None:
    tags = {layer_tags(layer, *WHERE)[0] for layer in LAYERS}
    assert {base_tag(base, *WHERE) for base in BASES if base != "standard"} <= tags


def pins(release: Release, part: str) -> dict[str, str]:
    text = (REPOSITORY / WHEELS / release.cuda["version"] / f"requirements{part}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([0-9.]+);", text, re.MULTILINE))


def test_wheels_and_rpms_of_our_releases_are_of_the_same_versions() -> None:
    for release in read_catalogue(str(REPOSITORY)).releases.values():
        runtime, cudnn, devel = (pins(release, part) for part in ("", "-cudnn", "-devel"))
        assert cudnn["nvidia-cudnn-cu13"] == release.cuda["cudnn"]
        assert runtime["nvidia-nccl-cu13"] == release.cuda["nccl"]
        named = {
            **{f"nvidia-{name}": f"lib{name}-13-0" for name in ("cublas", "npp")},
            "nvidia-cuda-runtime": "cuda-cudart-13-0",
            "nvidia-nvtx": "cuda-nvtx-13-0",
            "nvidia-nccl-cu13": "libnccl",
            "nvidia-cudnn-cu13": "libcudnn9-cuda-13",
            "nvidia-nvml-dev": "cuda-nvml-devel-13-0",
        }
        rpms = [package for packages in release.cuda_rpms.values() for package in packages]
        for wheel, rpm in named.items():
            version = {**runtime, **cudnn, **devel}[wheel]
            assert any(package.startswith(f"{rpm}-{version}-1") for package in rpms), (rpm, version)
        # What a layer shares with one below is not installed again only if it is the same.
        for part in (pins(release, "-base"), cudnn, devel):
            assert {name: version for name, version in part.items() if name in runtime}.items() <= runtime.items()
