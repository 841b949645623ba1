from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.command import files_below
from tests.monobase.models import offline
from tests.monobase.wheels import Index
from workbench.catalog.compatibility import CompatibilityTable, FrameworkVersion
from workbench.errors import WorkbenchError
from workbench.monobase.diff import PackageChange, diff
from workbench.monobase.generation import load
from workbench.monobase.resolving import versions
from workbench.monobase.spec import read_spec
from workbench.monobase.update import active, update

TORCH = FrameworkVersion("12.8.90", "9.10.2.21", ("3.12",), {"torchvision": "0.25.0"}, ("numpy<2",))
PAIRS = CompatibilityTable({}, {}, {"torch": {"2.10.0": TORCH}}, ("nvidia-cuda-runtime-cu12",), ("nvidia-cudnn-cu12",))
SPEC = """\
id = {number}
torch = ["2.10.0"]
cuda = ["12.8"]
cudnn = ["9"]
packages = ["pip=={pip}"]
[python]
"3.12" = "3.12.16"
[stacks.plain]
packages = ["helper==1.0"]
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two generations that are not resolved, and an index that has what they need."""
    index = Index(tmp_path / "index")
    needs = ["nvidia_cuda_runtime_cu12==12.8.90", "nvidia_cudnn_cu12==9.10.2.21", "numpy"]
    index.add("torch", "2.10.0", needs=needs)
    for name, *listed in (
        ("nvidia_cuda_runtime_cu12", "12.8.90", "12.9.79"),
        ("nvidia_cudnn_cu12", "9.10.2.21"),
        ("torchvision", "0.25.0", "0.26.0"),
        ("numpy", "1.26.4", "2.4.6"),
        ("pip", "26.2", "26.3"),
        ("helper", "1.0"),
    ):
        for version in listed:
            index.add(name, version)
    for name, text in offline(index).items():
        monkeypatch.setenv(name, text)
    for number, pip in ((1, "26.2"), (2, "26.3")):
        path = tmp_path / f"data/generations/g0000{number}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SPEC.format(number=number, pip=pip))
    return tmp_path / "data"


def resolve(data: Path, name: str, pairs: CompatibilityTable = PAIRS) -> list[str]:
    messages: list[str] = []
    update(data, read_spec(data, name), pairs, messages.append)
    return messages


def test_what_is_resolved_is_locked_with_hashes_and_written_down(data: Path) -> None:
    assert resolve(data, "g00001") == [
        "g00001 [1/2] python3.12-plain",
        "g00001 [2/2] python3.12-torch2.10.0-cu128",
    ]
    generation = load(data, "g00001")
    torch = generation.environment("python3.12-torch2.10.0-cu128")
    assert (torch.full, torch.cuda, torch.cudnn) == ("3.12.16", "12.8", "9")
    assert versions(torch.requirements) == {
        "numpy": "1.26.4",
        "nvidia-cuda-runtime-cu12": "12.8.90",
        "nvidia-cudnn-cu12": "9.10.2.21",
        "pip": "26.2",
        "torch": "2.10.0",
        "torchvision": "0.25.0",
    }
    text = torch.requirements.read_text()
    assert text.count("--hash=sha256:") == 6
    assert "index" not in text


def test_the_same_again_is_the_same_bytes(data: Path) -> None:
    resolve(data, "g00001")
    before, digest = files_below(data), load(data, "g00001").digest
    resolve(data, "g00001")
    assert files_below(data) == before
    assert load(data, "g00001").digest == digest


def test_the_next_generation_differs_in_what_was_bumped_only(data: Path, tmp_path: Path) -> None:
    resolve(data, "g00001")
    # Something new came out that was not requested.
    Index(tmp_path / "index").add("numpy", "1.26.5")
    resolve(data, "g00002")
    found = diff(load(data, "g00001"), load(data, "g00002"))
    both = ("python3.12-plain", "python3.12-torch2.10.0-cu128")
    assert found.changes == (PackageChange("pip", "26.2", "26.3", both),)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("helper==1.0", "helper==9.0", "resolving python3.12-plain"),
        ("pip==26.2", "numpy==2.4.6", "numpy"),
    ],
)
def test_it_is_written_whole_or_not_at_all(data: Path, old: str, new: str, message: str) -> None:
    resolve(data, "g00001")
    before = files_below(data / "requirements")
    path = data / "generations/g00001.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(WorkbenchError, match=message):
        resolve(data, "g00001")
    assert files_below(data / "requirements") == before
    assert [folder.name for folder in (data / "requirements").iterdir()] == ["g00001"]


def test_a_table_that_is_wrong_about_a_torch_is_found_out(data: Path) -> None:
    row = replace(TORCH, cuda="12.9.79")
    path = data / "generations/g00001.toml"
    path.write_text(path.read_text().replace('"12.8"', '"12.9"'))
    with pytest.raises(WorkbenchError, match=r"was resolved with CUDA 12[.]8 and cuDNN 9"):
        resolve(data, "g00001", replace(PAIRS, frameworks={"torch": {"2.10.0": row}}))
    assert not (data / "requirements/g00001").exists()


def test_which_generations_are_resolved(data: Path) -> None:
    assert [spec.name for spec in active(data, None, None)] == ["g00001", "g00002"]
    assert [spec.name for spec in active(data, 2, None)] == ["g00002"]
    assert [spec.name for spec in active(data, None, 1)] == ["g00001"]
    with pytest.raises(WorkbenchError, match="no generation in that range"):
        active(data, 3, None)
    path = data / "generations/g00001.toml"
    path.write_text(path.read_text().replace("id = 1\n", 'id = 1\nreleased = "2026-11-22"\ndigest = "sha256:0"\n'))
    assert [spec.name for spec in active(data, None, None)] == ["g00002"]
    with pytest.raises(WorkbenchError, match="a released generation never changes"):
        active(data, 1, 2)
