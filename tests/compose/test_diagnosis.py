from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import RELEASE, REPOSITORY, make_catalogue
from workbench.catalog.compatibility import read_compatibility, version_key
from workbench.catalog.reader import read_catalogue
from workbench.catalog.tree import CatalogueTree
from workbench.compose.diagnosis import GpuMachine, diagnose
from workbench.errors import FaultsError, WorkbenchError

PAIRS = """\
[wheels]
cuda = ["nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12"]
cudnn = ["nvidia-cudnn-cu13", "nvidia-cudnn-cu12"]
[driver.12]
least = "525"
source = "s"
checked = "2026-11-22"
[driver.13]
least = "580"
source = "s"
checked = "2026-11-22"
[architecture.13]
least = "7.5"
source = "s"
checked = "2026-11-22"
[framework.torch."2.14.1"]
cuda = "13.0.96"
cudnn = "9.24.0.43"
pythons = ["3.11", "3.12"]
goes_with = { torchvision = "0.29.2" }
source = "s"
checked = "2026-11-22"
"""
TORCH = "torch==2.14.1 --hash=x\ntorchvision==0.29.2\nnvidia-cuda-runtime==13.0.96; m\nnvidia-cudnn-cu13==9.24.0.43\n"
UNCHECKED = "needs driver 580 or newer; give --driver VERSION to check one"
RUNS = ("not checked", "release 2026a, CUDA 13.0.2", UNCHECKED)
BRINGS = ("ok", "torch 2.14.1", "brings CUDA 13.0.96 and cuDNN 9.24.0.43 in its wheels")
OWN = ("not checked", "the bundle's own CUDA 13.0.96", UNCHECKED)
TWICE = (
    *("ok", "the base cuda-thin"),
    "suits it: its wheels bring their own CUDA, and the image is smaller than on cuda",
)


def findings(
    tmp_path: Path, lock: str, machine: GpuMachine | None = None, release: str = RELEASE
) -> list[tuple[str, ...]]:
    files = {
        "releases/compat.toml": PAIRS,
        "releases/2026a.toml": release,
        "bundles/1-plain/py311/requirements.txt": lock,
    }
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    found = diagnose(catalogue, "2026a", "plain", "3.11", machine or GpuMachine())
    return [(finding.state, finding.about, finding.says) for finding in found]


def test_a_bundle_that_fits(tmp_path: Path) -> None:
    assert findings(tmp_path, TORCH) == [RUNS, BRINGS, OWN, TWICE]
    assert findings(tmp_path, "attrs==25.1.0\n") == [RUNS]


@pytest.mark.parametrize(
    ("lock", "finding"),
    [
        (
            TORCH.replace("2.14.1", "2.99.0"),
            ("warning", "torch 2.99.0", "is not in releases/compat.toml: what it goes with is not known"),
        ),
        (
            TORCH.replace("0.29.2", "0.20.1"),
            ("wrong", "torch 2.14.1", "goes with torchvision 0.29.2, and the lock has 0.20.1"),
        ),
        ("torch==2.14.1+cpu\n", ("warning", "torch 2.14.1+cpu", "is locked without CUDA: it computes on the CPU")),
        (
            TORCH.replace("runtime==13.0.96", "runtime-cu12==12.9.79"),
            (
                *("warning", "the bundle's own CUDA 12.9.79"),
                "is another one than the release's 13.0.2; each uses its own",
            ),
        ),
        (
            TORCH.replace("13.0.96", "13.2.86"),
            ("warning", "torch 2.14.1", "is known with CUDA 13.0.96, and the lock has 13.2.86"),
        ),
        (
            TORCH.replace("nvidia-cudnn-cu13==9.24.0.43", ""),
            ("warning", "torch 2.14.1", "is known with cuDNN 9.24.0.43, and the lock has none"),
        ),
        (
            "nvidia-cuda-runtime==14.0.1\n",
            ("warning", "the bundle's own CUDA 14.0.1", "the least driver of CUDA 14 is not known"),
        ),
    ],
)
def test_what_does_not_fit(tmp_path: Path, lock: str, finding: tuple[str, ...]) -> None:
    assert finding in findings(tmp_path, lock)


def test_a_python_without_wheels(tmp_path: Path) -> None:
    pairs = PAIRS.replace('["3.11", "3.12"]', '["3.12"]')
    files = {"releases/compat.toml": pairs, "bundles/1-plain/py311/requirements.txt": TORCH}
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    found = diagnose(catalogue, "2026a", "plain", "3.11", GpuMachine())
    assert [f.says for f in found if f.state == "wrong"] == ["has no wheels for Python 3.11, only for 3.12"]


@pytest.mark.parametrize(
    ("machine", "state", "says"),
    [
        (GpuMachine(driver="570.124.06"), "wrong", "needs driver 580 or newer, and this machine has 570.124.06"),
        (GpuMachine(driver="580.65.06"), "ok", "needs driver 580 or newer; this machine has 580.65.06"),
        (
            GpuMachine(driver="580.65.06", capability="7.0"),
            "wrong",
            "needs a GPU of compute capability 7.5 or newer, and here is one of 7.0",
        ),
    ],
)
def test_a_machine(tmp_path: Path, machine: GpuMachine, state: str, says: str) -> None:
    assert (state, "release 2026a, CUDA 13.0.2", says) in findings(tmp_path, TORCH, machine)


def test_the_driver_that_a_release_pins_goes_first(tmp_path: Path) -> None:
    pinned = RELEASE.replace('version = "13.0.2"', 'version = "13.0.2"\ndriver = "580.65.06"')
    assert ("wrong", RUNS[1], "needs driver 580.65.06 or newer, and this machine has 580.60") in findings(
        tmp_path, TORCH, GpuMachine(driver="580.60"), pinned
    )
    without = RELEASE.replace('[cuda]\nversion = "13.0.2"\n', "")
    assert findings(tmp_path, "attrs==25.1.0\n", release=without) == [("ok", "release 2026a", "pins no CUDA")]


def test_a_row_without_its_source_is_a_fault(tmp_path: Path) -> None:
    pairs = PAIRS.replace('least = "525"\nsource = "s"\n', "").replace('cudnn = "9.24.0.43"\n', "")
    pairs += '[cog]\nversion = "0.23.1"\nsource = "s"\n'
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {"releases/compat.toml": pairs})))
    with pytest.raises(FaultsError) as caught:
        read_compatibility(catalogue.tree)
    assert [message for _, message in caught.value.faults] == [
        "cog does not say its checked",
        "cog needs pythons",
        "driver.12 does not say its source",
        "driver.12 needs least",
        "torch.2.14.1 needs cudnn",
    ]


def test_unknown_names(tmp_path: Path) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path)))
    with pytest.raises(WorkbenchError, match="no bundle is named 'plan'"):
        diagnose(catalogue, "2026a", "plan", "3.11", GpuMachine())
    with pytest.raises(WorkbenchError, match=r"no packages for Python 3\.13"):
        diagnose(catalogue, "2026a", "plain", "3.13", GpuMachine())


def test_our_own_table_is_whole() -> None:
    pairs = read_compatibility(CatalogueTree(str(REPOSITORY)))
    assert len(pairs.frameworks["torch"]) >= 17
    assert set(pairs.drivers) == {"11", "12", "13"}
    for version, brought in pairs.frameworks["torch"].items():
        assert brought.cuda.partition(".")[0] in pairs.drivers, version
        assert brought.goes_with.keys() == {"torchaudio", "torchvision"}
        assert brought.constraints == (("numpy<2",) if version_key(version) < [2, 3] else ()), version


def test_versions_are_ordered_by_their_numbers() -> None:
    assert sorted(["13.0.96", "9.1", "13.0.9", "13"], key=version_key) == ["9.1", "13", "13.0.9", "13.0.96"]
