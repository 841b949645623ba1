"""What has a build for one architecture only is recorded when it is locked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.release.index import SOURCE, Index, served
from workbench.lock.builds import record_missing_builds

X86, ARM = "manylinux_2_28_x86_64", "manylinux_2_28_aarch64"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served() as index:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        for name in ("UV_FIND_LINKS", "UV_INDEX", "UV_DEFAULT_INDEX"):
            monkeypatch.delenv(name, raising=False)
        yield index


def test_packages_without_a_build_for_aarch64_stand_beside_the_lists(index: Index, tmp_path: Path) -> None:
    platforms = {
        "anywhere": ("any",),
        "both": (X86, ARM),
        "Intel-Only": (X86,),
        "too-new": (X86, "manylinux_2_40_aarch64"),
        # Built from source everywhere: that is no matter of the architecture.
        "nowhere": ("win_amd64",),
        "ide-only": (X86,),
    }
    for name, found in platforms.items():
        index.add(name.lower(), "1.0.0")
        index.platforms[name.lower(), "1.0.0"] = found
    texts = {
        "requirements.txt": "".join(f"{name}==1.0.0 --hash=sha256:0\n" for name in platforms if name != "ide-only"),
        "requirements-editor.txt": "ide-only==1.0.0 --hash=sha256:0\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert record_missing_builds(str(tmp_path), SOURCE, "3.11") == {"aarch64": ["ide-only", "intel-only", "too-new"]}
    record = tmp_path / "unavailable.aarch64.txt"
    assert [line for line in record.read_text().splitlines() if line[0] != "#"] == ["ide-only", "intel-only", "too-new"]

    for name in ("intel-only", "too-new"):
        index.platforms[name, "1.0.1"] = (X86, ARM)
        index.add(name, "1.0.1")
    (tmp_path / "requirements.txt").write_text("intel-only==1.0.1\ntoo-new==1.0.1\n")
    os.unlink(tmp_path / "requirements-editor.txt")
    assert record_missing_builds(str(tmp_path), SOURCE, "3.11") == {}
    assert not record.exists()
