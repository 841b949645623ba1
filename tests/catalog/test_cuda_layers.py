from __future__ import annotations

import re

import pytest

from tests.catalogues import REPOSITORY
from workbench.catalog.bases import default_bases
from workbench.catalog.cuda_layers import LAYERS, WHEELS, layer_folder, layer_tags, standard_tag, with_those_below
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
    tags = {"": standard_tag(*WHERE), **{layer: layer_tags(layer, *WHERE)[0] for layer in LAYERS}}
    assert {base.image_tag(*WHERE) for base in default_bases().values()} == {
        tags[base.layer] for base in default_bases().values()
    }


def pins(release: Release, part: str) -> dict[str, str]:
    file = REPOSITORY / WHEELS / release.cuda["version"] / f"requirements{part}.txt"
    text = file.read_text() if file.exists() else ""
    return dict(re.findall(r"^([a-z0-9-]+)==([0-9.]+);", text, re.MULTILINE))


def test_wheels_and_rpms_of_our_releases_are_of_the_same_versions() -> None:
    for release in read_catalogue(str(REPOSITORY)).releases.values():
        runtime, cudnn, devel = (pins(release, part) for part in ("", "-cudnn", "-devel"))
        major, minor = release.cuda["version"].split(".")[:2]
        # From CUDA 13 on only the wheels of what is no part of the toolkit say its major version.
        family, end = f"cu{major}", f"-cu{major}" if int(major) < 13 else ""
        assert cudnn[f"nvidia-cudnn-{family}"] == release.cuda["cudnn"]
        assert runtime[f"nvidia-nccl-{family}"] == release.cuda["nccl"]
        named = {
            **{f"nvidia-{name}{end}": f"lib{name}-{major}-{minor}" for name in ("cublas", "npp")},
            f"nvidia-cuda-runtime{end}": f"cuda-cudart-{major}-{minor}",
            f"nvidia-nvtx{end}": f"cuda-nvtx-{major}-{minor}",
            f"nvidia-nccl-{family}": "libnccl",
            f"nvidia-cudnn-{family}": f"libcudnn9-cuda-{major}",
        }
        assert bool(devel) == ("debian" in (release.nvcc or ()))
        if devel:
            named["nvidia-nvml-dev"] = f"cuda-nvml-devel-{major}-{minor}"
        rpms = [package for packages in release.cuda_rpms.values() for package in packages]
        for wheel, rpm in named.items():
            version = {**runtime, **cudnn, **devel}[wheel]
            assert any(package.startswith(f"{rpm}-{version}-1") for package in rpms), (rpm, version)
        # What a layer shares with one below is not installed again only if it is the same.
        for part in (pins(release, "-base"), cudnn, devel):
            assert {name: version for name, version in part.items() if name in runtime}.items() <= runtime.items()
