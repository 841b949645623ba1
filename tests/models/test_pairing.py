from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from tests.catalogues import REPOSITORY
from workbench.catalog.compatibility import CompatibilityTable, FrameworkVersion, read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.errors import WorkbenchError
from workbench.models.pairing import Pairing, is_near, pair

TORCH = {
    "2.1.2": FrameworkVersion("12.1.105", "8.9.2.26", ("3.8", "3.11"), {"torchvision": "0.16.2"}, ("numpy<2",)),
    "2.6.0": FrameworkVersion(
        "12.4.127", "9.1.0.70", ("3.9", "3.13"), {"torchvision": "0.21.0", "torchaudio": "2.6.0"}
    ),
    "2.7.1": FrameworkVersion("12.6.77", "9.5.1.17", ("3.9", "3.11", "3.13"), {"torchvision": "0.22.1"}),
    "2.15.0": FrameworkVersion("13.2.86", "9.26.0.51", ("3.11", "3.13"), {"torchvision": "0.29.2"}),
}
TENSORFLOW = {"2.20.0": FrameworkVersion("12.9.79", "9.28.0.42", ("3.9", "3.11"), {})}
PAIRS = CompatibilityTable({}, {}, {"torch": TORCH, "tensorflow": TENSORFLOW})


def test_without_a_framework_nothing_is_added() -> None:
    requirements = ("numpy==2.4.6", "pandas>2; python_version > '3'")
    assert pair(requirements, "3.11", True, "12.4", "", PAIRS) == Pairing(requirements, cuda="12.4", frameworks={})


def test_a_framework_without_a_version_is_the_newest_that_fits() -> None:
    newest = pair(("torch", "torchvision"), "3.11", True, "", "", PAIRS)
    assert newest == Pairing(
        ("torch==2.15.0", "torchvision"), ("torchvision==0.29.2",), "13.2.86", "9.26.0.51", {"torch": "2.15.0"}
    )
    assert pair(("torch",), "3.9", False, "", "", PAIRS).frameworks == {"torch": "2.7.1"}
    assert pair(("torch<2.7",), "3.13", True, "", "", PAIRS).requirements == ("torch==2.6.0",)


@pytest.mark.parametrize(
    ("cuda", "version"), [("12.4", "2.6.0"), ("12.4.1", "2.6.0"), ("12.1", "2.1.2"), ("13.2", "2.15.0")]
)
def test_a_cuda_chooses_the_framework(cuda: str, version: str) -> None:
    assert pair(("torch",), "3.11" if version == "2.1.2" else "3.13", True, cuda, "", PAIRS).frameworks == {
        "torch": version
    }


def test_what_its_row_demands_holds_unless_it_is_pinned_otherwise() -> None:
    found = pair(("torch==2.1.2", "torchvision==0.16.1"), "3.11", True, "", "8", PAIRS)
    assert found.constraints == ("numpy<2",)
    assert (found.cuda, found.cudnn) == ("12.1.105", "8.9.2.26")


def test_without_a_gpu_a_cuda_means_nothing() -> None:
    found = pair(("torch==2.6.0",), "3.9", False, "11.8", "7", PAIRS)
    assert (found.requirements, found.cuda, found.cudnn) == (("torch==2.6.0",), "", "")


def test_tensorflow_brings_cuda_by_an_extra() -> None:
    assert pair(("tensorflow",), "3.11", True, "", "", PAIRS).requirements == ("tensorflow[and-cuda]==2.20.0",)
    assert pair(("tensorflow",), "3.11", False, "", "", PAIRS).requirements == ("tensorflow==2.20.0",)


def test_a_version_that_the_table_has_not_is_taken_with_a_note() -> None:
    found = pair(("torch==2.6.1+local",), "3.11", True, "", "", PAIRS)
    assert (found.requirements, found.unknown, found.cuda) == (("torch==2.6.1+local",), ("torch 2.6.1+local",), "")


@pytest.mark.parametrize(
    ("requirements", "python", "cuda", "cudnn", "message", "hint"),
    [
        (
            ("torch==2.15.0",),
            "3.13",
            "11.8",
            "",
            "torch 2.15.0 brings CUDA 13.2, not 11.8",
            "torch 2.15.0 goes with Python 3.11, 3.13 and CUDA 13.2, cuDNN 9.26.0.51",
        ),
        (
            ("torch==2.1.2",),
            "3.13",
            "",
            "",
            "torch 2.1.2 is for Python 3.8 to 3.11, not 3.13",
            "with Python 3.13 goes torch 2.6.0 (CUDA 12.4) or torch 2.7.1 (CUDA 12.6) or torch 2.15.0 (CUDA 13.2); "
            "torch 2.1.2 goes with Python 3.8, 3.11 and CUDA 12.1, cuDNN 8.9.2.26",
        ),
        (
            ("torch>2.7.1",),
            "3.9",
            "13.2",
            "8",
            "no torch >2.7.1 goes with Python 3.9, CUDA 13.2, cuDNN 8: 2.15.0 is for Python 3.11 to 3.13, not 3.9; "
            "it brings cuDNN 9.26.0.51, not 8",
            "torch 2.15.0 goes with Python 3.11, 3.13 and CUDA 13.2, cuDNN 9.26.0.51",
        ),
        (
            ("torch>9",),
            "3.11",
            "",
            "",
            "no torch that is known is >9",
            "releases/compat.toml has 2.1.2, 2.6.0, 2.7.1, 2.15.0",
        ),
        (
            ("torch==2.15.0", "tensorflow==2.20.0"),
            "3.11",
            "",
            "",
            "two frameworks bring CUDAs of two families: torch 2.15.0 brings CUDA 13.2, "
            "tensorflow 2.20.0 brings CUDA 12.9",
            "name a cuda in cog.yaml that both have, or versions that do",
        ),
    ],
)
def test_what_cannot_go_together_names_the_nearest(
    requirements: tuple[str, ...], python: str, cuda: str, cudnn: str, message: str, hint: str
) -> None:
    with pytest.raises(WorkbenchError) as caught:
        pair(requirements, python, True, cuda, cudnn, PAIRS)
    assert caught.value.message == message
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("requirement", "python", "cuda", "version"),
    [
        ("torch==2.7.1", "3.13", "12.4", "2.7.1"),
        ("torch==2.1.2", "3.11", "11.8", "2.1.2"),
        ("torch==2.6.1", "3.13", "12.6", "2.6.1"),
        # Without a 12.5 the nearest; without a CUDA 11 the newest of the next family.
        ("torch", "3.11", "12.5", "2.7.1"),
        ("torch", "3.11", "11.8", "2.7.1"),
        ("torch", "3.9", "13.2", "2.7.1"),
        ("torch<2.7", "3.9", "13.0", "2.6.0"),
    ],
)
def test_the_nearest_cuda_stands_in(requirement: str, python: str, cuda: str, version: str) -> None:
    assert pair((requirement,), python, True, cuda, "", PAIRS).frameworks == {"torch": version}


OURS = read_compatibility(CatalogueTree(str(REPOSITORY)))
VERSIONS = st.sampled_from(["", "==2.6.0", "==2.1.2", "<2.7", ">=2.7", "==2.14.1", "!=2.15.0", "~=2.6.0"])


@settings(deadline=None)
@given(
    st.sampled_from(["torch", "tensorflow"]),
    VERSIONS,
    st.sampled_from(["3.8", "3.10", "3.11", "3.13", "3.14"]),
    st.sampled_from(["", "11.7", "12.1", "12.4", "12.6", "13.0", "13.0.1"]),
    st.sampled_from(["", "8", "9", "9.1"]),
)
def test_what_is_chosen_is_a_row_of_our_table_that_has_all_that_is_required(
    name: str, version: str, python: str, cuda: str, cudnn: str
) -> None:
    rows = OURS.frameworks[name]
    try:
        found = pair((f"{name}{version}",), python, True, cuda, cudnn, OURS)
    except WorkbenchError as error:
        fitting = [
            row
            for at, row in rows.items()
            if Requirement(f"{name}{version}").specifier.contains(at)
            and python in row.pythons
            and row.cuda.split(".")[:2] == (cuda.split(".")[:2] if cuda else row.cuda.split(".")[:2])
            and f"{row.cudnn}.".startswith(f"{cudnn}." if cudnn else "")
        ]
        assert fitting == []
        assert error.hint
        return
    exact = [
        at
        for at, row in rows.items()
        if python in row.pythons
        and Requirement(f"{name}{version}").specifier.contains(at)
        and f"{row.cuda}.".startswith(f"{'.'.join(cuda.split('.')[:2])}." if cuda else "")
        and f"{row.cudnn}.".startswith(f"{cudnn}." if cudnn else "")
    ]
    chosen = (found.frameworks or {})[name]
    if chosen in rows:
        row = rows[chosen]
        assert python in row.pythons
        assert (found.cuda, found.cudnn) == (row.cuda, row.cudnn)
        # One that has just what is named where there is one; else a CUDA that the named one's drivers run, or the next.
        assert chosen in exact or (not exact and (not cuda or is_near(row.cuda, cuda)))
        assert set(row.constraints) <= set(found.constraints)
    else:
        assert found.unknown == (f"{name} {chosen}",)


def test_all_mentions_of_a_framework_count_together() -> None:
    found = pair(("torch>=2.4", "torchvision", "torch[opt]<2.7"), "3.13", True, "", "", PAIRS)
    assert found.requirements == ("torch[opt]==2.6.0", "torchvision")
    assert pair(("torch>=2.4", "torch==2.6.0"), "3.13", True, "", "", PAIRS).requirements == ("torch==2.6.0",)
    with pytest.raises(WorkbenchError, match=r"no torch can be ==2\.6\.0 and ==2\.7\.1"):
        pair(("torch==2.6.0", "torch==2.7.1"), "3.13", True, "", "", PAIRS)


def test_a_companion_decides_which_framework() -> None:
    for companions in (("torchvision==0.21.0",), ("torchvision<0.22",), ("torchaudio==2.6.0", "torchvision")):
        assert pair(("torch", *companions), "3.13", True, "", "", PAIRS).frameworks == {"torch": "2.6.0"}
    # One that no row has is left to whoever resolves the packages.
    assert pair(("torch", "torchvision==0.99"), "3.13", True, "", "", PAIRS).frameworks == {"torch": "2.15.0"}
    foreign = "torchvision==0.21.0; sys_platform == 'win32'"
    assert pair(("torch", foreign), "3.13", True, "", "", PAIRS).frameworks == {"torch": "2.15.0"}
