from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import OWN_CUDA, REPOSITORY, make_catalogue
from workbench.catalog.bases import find_base
from workbench.catalog.own_cuda import holds_cuda_twice, locked, own_cuda, saved_bytes, savings, thin_advice
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.errors import FaultsError


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return read_catalogue(str(make_catalogue(tmp_path, OWN_CUDA)))


def test_the_lock_shows_which_cuda_a_bundle_brings(catalogue: Catalogue) -> None:
    assert locked(catalogue, "torch", "3.11") == {"torch": "2.14.1", "nvidia-cuda-runtime": "13.0.96"}
    assert own_cuda(catalogue, "torch", "3.11") == "13.0.96"
    assert own_cuda(catalogue, "torch", "3.12") == ""
    assert own_cuda(catalogue, "plain", "3.11") == ""


@pytest.mark.parametrize(
    ("base", "twice"),
    [("standard", False), ("cuda", True), ("cuda-devel", True), ("cuda-thin", False), ("quay.io/me/cuda:1", False)],
)
def test_which_bases_hold_it_a_second_time(catalogue: Catalogue, base: str, twice: bool) -> None:
    release = catalogue.releases["2026a"]
    found = find_base(release.bases, base)
    assert holds_cuda_twice(catalogue, release, found, "torch", "3.11") is twice
    assert not holds_cuda_twice(catalogue, release, found, "plain", "3.11")


def test_what_is_saved_is_what_the_layers_above_the_thin_one_weigh(catalogue: Catalogue) -> None:
    release = catalogue.releases["2026a"]
    bases = release.bases
    assert saved_bytes(release, "c9s", bases["cuda"]) == 2_650_000_001
    assert saved_bytes(release, "c9s", bases["cuda-thin"]) == 0
    # A layer on the way was not measured, or none on that system.
    assert saved_bytes(release, "c9s", bases["cuda-devel"]) == 0
    assert saved_bytes(release, "bookworm", bases["cuda"]) == 0
    assert savings(release, bases["cuda"]) == "2.7 GB smaller on c9s"
    assert savings(release, bases["cuda"], "bookworm") == "smaller (not measured on bookworm)"
    assert savings(release, bases["cuda-devel"]) == "smaller"


def test_the_advice_has_the_reason_and_the_bytes(catalogue: Catalogue) -> None:
    release = catalogue.releases["2026a"]
    bases = release.bases
    why = "the wheels of torch bring CUDA 13.0.96 of their own, so on the base {} the image holds CUDA twice: "
    assert thin_advice(catalogue, release, bases["cuda"], "c9s", "3.11", "torch") == (
        f"{why.format('cuda')}on cuda-thin it is 2.7 GB smaller on c9s (2,650,000,001 bytes)"
    )
    assert thin_advice(catalogue, release, bases["cuda-devel"], "bookworm", "3.11", "torch") == (
        f"{why.format('cuda-devel')}on cuda-thin it is smaller (not measured on bookworm), and has no compiler"
    )
    assert thin_advice(catalogue, release, bases["cuda-thin"], "c9s", "3.11", "torch") == ""


def test_a_size_of_no_layer_or_without_its_source_is_a_fault(tmp_path: Path) -> None:
    release = OWN_CUDA["releases/2026a.toml"].replace("runtime-cudnn =", "cudnn =").replace('source = "s"\n', "")
    release += '[cuda.sizes.c8s]\nbase = "big"\nsource = "s"\nchecked = "2026-11-22"\n'
    with pytest.raises(FaultsError) as caught:
        read_catalogue(str(make_catalogue(tmp_path, {**OWN_CUDA, "releases/2026a.toml": release})))
    at = {text: number for number, text in enumerate(release.splitlines(), 1)}
    path = "releases/2026a.toml"
    assert set(caught.value.faults) == {
        (f"{path}:{at['[cuda.sizes.c9s]']}", "cuda.sizes.c9s does not say its source"),
        (f"{path}:{at['cudnn = 650_000_001']}", "'cudnn' is no CUDA layer: did you mean devel-cudnn or runtime-cudnn?"),
        (f"{path}:{at['[cuda.sizes.c8s]']}", "the release has no operating system c8s"),
        (f"{path}:{at['[cuda.sizes.c8s]'] + 1}", "cuda.sizes.c8s.base must be a whole number"),
    }


def test_our_bundles_that_bring_cuda_and_the_sizes_of_our_release() -> None:
    ours = read_catalogue(str(REPOSITORY))
    for python in ("3.11", "3.12", "3.13"):
        bringing = {name for name in ours.bundles if own_cuda(ours, name, python)}
        # What builds on such a bundle is one too; TensorFlow has no wheels for CUDA 13 and is here for the CPU.
        assert {"pytorch", "langchain", "llm"} <= bringing
        assert not bringing & {"minimal", "datascience", "tensorflow", "optapy", "r", "spark", "trustyai"}
    release = ours.releases["2026a"]
    assert release.cuda_sizes.keys() == {"bookworm"}
    saved = {name: saved_bytes(release, "bookworm", base) for name, base in release.bases.items()}
    assert saved["cuda-devel"] > saved["cuda"] > 1_000_000_000
