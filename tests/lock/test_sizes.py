"""The sizes of the packages of a lock: what their indexes say, of the file that an image would install."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import files_below
from tests.release.index import Index, served
from workbench.catalog.sizes import SIZES, PackageSize, lacks, read_sizes, sizes_text
from workbench.lock.sizes import lacks_sizes, record_sizes, sizes_of
from workbench.packages import pins
from workbench.verbs import lock as lock_verb

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PY = f"py{PYTHON.replace('.', '')}"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served() as found:
        found.as_json = True
        monkeypatch.setenv("PIP_INDEX_URL", found.url)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        yield found


def test_it_is_the_file_that_linux_on_x86_64_takes(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add("torch", "2.0.0")
    sizes = {
        "torch-2.0.0-cp310-cp310-manylinux_2_28_x86_64.whl": 1,
        "torch-2.0.0-cp311-cp311-manylinux_2_28_aarch64.whl": 2,
        "torch-2.0.0-cp311-cp311-manylinux_2_28_x86_64.whl": 3,
        "torch-2.0.0-cp311-cp311-manylinux2014_x86_64.whl": 4,
        "torch-2.0.0-cp311-cp311-manylinux_2_40_x86_64.whl": 5,
        "torch-2.0.0-1-cp311-cp311-manylinux_2_28_x86_64.whl": 6,
        "torch-2.0.0-cp311-cp311-win_amd64.whl": 7,
        "torch-2.0.0-py3-none-any.whl": 8,
        "torch-2.0.0.tar.gz": 9,
    }
    index.sizes = sizes
    index.files["torch", "2.0.0"] = list(sizes)

    def size(python: str) -> PackageSize:
        # What an index has is read once in a run, by its address.
        index.url += "/"
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        return sizes_of(["torch==2.0.0 --hash=x\n"], python, {})["torch", "2.0.0"]

    # The later build of two, the foremost platform that the oldest C library can be on.
    assert size("3.11") == PackageSize(6)
    index.files["torch", "2.0.0"] = [name for name in sizes if "-1-cp311" not in name]
    assert size("3.11") == PackageSize(3)
    assert size("3.10") == PackageSize(1)
    assert size("3.12") == PackageSize(8)
    index.files["torch", "2.0.0"] = [name for name in sizes if "any" not in name]
    assert size("3.12") == PackageSize(9, is_source=True)
    index.files["torch", "2.0.0"] = ["torch-2.0.0-cp311-cp311-win_amd64.whl", "torch-1.0.0.tar.gz"]
    assert size("3.12") == PackageSize(None)


def test_each_package_is_looked_up_in_its_own_index_and_known_sizes_are_kept(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served() as second:
        for each in (index, second):
            each.add("alpha", "1.0.0")
            each.add("gamma", "2.0.0")
        # Pages in HTML have no sizes: the servers of the files give them.
        second.as_json = False
        index.sizes = {"alpha-1.0.0-py3-none-any.whl": 10, "gamma-2.0.0-py3-none-any.whl": 20}
        monkeypatch.setenv("ROCM_INDEX_URL", second.url.replace("//", "//somebody:secret@"))
        text = "alpha==1.0.0\nlost==1.0\nknown==3.0\n--extra-index-url ${ROCM_INDEX_URL}\ngamma==2.0.0\n"
        found = sizes_of(
            [text, "alpha==1.0.0\n"], PYTHON, {("known", "3.0"): PackageSize(5), ("old", "1"): PackageSize(1)}
        )
        assert found == {
            ("alpha", "1.0.0"): PackageSize(10),
            ("gamma", "2.0.0"): PackageSize(len(second.wheels["gamma"]["2.0.0"])),
            ("known", "3.0"): PackageSize(5),
            ("lost", "1.0"): PackageSize(None),
        }
        assert read_sizes(sizes_text(found)) == found
        assert "secret" not in sizes_text(found)


def test_an_index_that_is_not_known_gives_no_size(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROCM_INDEX_URL", raising=False)
    assert sizes_of(["--extra-index-url ${ROCM_INDEX_URL}\ngamma==2.0.0\n"], PYTHON, {}) == {
        ("gamma", "2.0.0"): PackageSize(None)
    }


def test_lock_records_what_is_missing_alone_and_moves_nothing(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # pipenv verifies each of these locks in a second, and that is tested elsewhere.
    monkeypatch.setattr(lock_verb, "is_current", lambda *folders: True)
    index.add("alpha", "1.0.0", "1.1.0")
    index.sizes = {"alpha-1.0.0-py3-none-any.whl": 1000}
    home = f"bundles/1-plain/{PY}"
    locked = index.lock('[packages]\nalpha = "*"\n', {"packages": {"alpha": "1.0.0"}})
    catalogue = make_catalogue(
        tmp_path,
        {
            **{f"bundles/1-plain/py31{minor}/requirements.txt": None for minor in "12"},
            "bundles/1-plain/py311/requirements-editor.txt": None,
            **{f"{home}/{name}": text for name, text in locked.items()},
        },
    )
    before = files_below(catalogue)
    parser = argparse.ArgumentParser()
    lock_verb.arguments(parser)

    def lock() -> tuple[str, str]:
        args = parser.parse_args(["--json", "--jobs=1"], argparse.Namespace(catalog=str(catalogue)))
        assert lock_verb.run(args) == 0
        (outcome,) = json.loads(capsys.readouterr().out)
        return outcome["status"], outcome["reason"]

    index.status = 503
    refused = "sizes not recorded: 127.0.0.1, looking for alpha: the package index refuses: 503"
    assert lock() == ("current", refused)
    assert files_below(catalogue) == before
    index.status = 200
    assert lock() == ("current", "sizes recorded")
    text = (catalogue / home / SIZES).read_text()
    assert text.splitlines()[-1] == "alpha==1.0.0 1000"
    assert files_below(catalogue) == {**before, f"{home}/{SIZES}": text.encode()}
    # Nobody is queried again.
    index.status = 503
    assert lock() == ("current", "")


def test_what_is_recorded_of_another_version_says_nothing(index: Index, tmp_path: Path) -> None:
    index.add("alpha", "1.0.1")
    index.sizes = {"alpha-1.0.1-py3-none-any.whl": 7}
    (tmp_path / "requirements.txt").write_text("alpha==1.0.1\n")
    (tmp_path / SIZES).write_text("alpha==1.0.0 1000\n")
    assert lacks_sizes(str(tmp_path))
    assert record_sizes(str(tmp_path), PYTHON) == []
    assert not lacks_sizes(str(tmp_path))
    assert [line for line in (tmp_path / SIZES).read_text().splitlines() if line[0] != "#"] == ["alpha==1.0.1 7"]


def test_our_own_lists_have_the_size_of_every_package() -> None:
    for path in sorted(REPOSITORY.glob("bundles/*/py*/requirements*.txt")):
        sizes = read_sizes((path.parent / SIZES).read_text())
        assert lacks(sizes, pins(path.read_text())) == [], path
        assert all(size.size for size in sizes.values()), path
