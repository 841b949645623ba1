from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import wizard
from tests.release.index import SOURCE, Index, served
from workbench.errors import WorkbenchError
from workbench.indexes import index_variables
from workbench.lock.pipenv import is_current, locked
from workbench.lock.pipfile import data_of
from workbench.lock.sources import check_sources, sources_of, with_index_lines

PY = f"py{sys.version_info.major}{sys.version_info.minor}"
FURTHER = '[[source]]\nname = "rocm"\nurl = "${ROCM_INDEX_URL}"\nverify_ssl = true\n\n'
PACKAGES = '[packages]\nalpha = "*"\ngamma = {version = "~=2.0.0", index = "rocm"}\n'


@pytest.fixture
def indexes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Index, Index]]:
    """Two indexes: gamma is on the second only, which has a later alpha than the first too."""
    with served() as first, served() as second:
        first.add("alpha", "1.0.0", "1.0.1")
        first.add("dep", "1.0.0")
        second.add("alpha", "9.0.0")
        second.add("gamma", "2.0.0+rocm6", needs=["dep"])
        for name, value in {"PIP_INDEX_URL": first.url, "ROCM_INDEX_URL": second.url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            monkeypatch.delenv(name, raising=False)
        yield first, second


@pytest.mark.thorough
def test_a_package_of_a_second_index_is_locked_and_its_index_is_in_the_list(
    indexes: tuple[Index, Index], tmp_path: Path
) -> None:
    catalogue = make_catalogue(
        tmp_path,
        {
            f"bundles/2-new/{PY}/Pipfile": SOURCE + '[packages]\nalpha = "*"\n',
            "bundles/2-new/display.txt": "N",
            f"bundles/3-more/{PY}/Pipfile": FURTHER + PACKAGES,
            "bundles/3-more/display.txt": "M",
            "bundles/3-more/bundle.toml": 'extends = "new"\n',
        },
    )
    flags = ("--catalog", catalogue, "--bundle", "more", "--interpreter", sys.executable)
    done = wizard("lock", *flags)
    assert done.returncode == 0, done.stderr
    folder = catalogue / "bundles/3-more" / PY
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert [line.split(" --hash")[0].split(" ;")[0] for line in lines] == [
        "alpha==1.0.1",
        "dep==1.0.0",
        "--extra-index-url ${ROCM_INDEX_URL}",
        "gamma==2.0.0+rocm6",
    ]
    assert all("--hash=sha256:" in line for line in lines if "==" in line)
    assert json.loads((folder / "Pipfile.lock").read_text())["default"]["gamma"]["index"] == "rocm"
    kept = "".join(path.read_text() for path in folder.iterdir())
    assert "127.0.0.1" not in kept
    assert is_current(str(folder), [str(catalogue / "bundles/2-new" / PY)])


def test_a_further_index_is_named_by_a_variable_that_is_set(indexes: tuple[Index, Index], tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="the source 'pytorch-rocm' has an address in it") as refused:
        check_sources(data_of(SOURCE + '[[source]]\nname = "pytorch-rocm"\nurl = "https://a.example/whl"\n'), "P")
    assert refused.value.hint.endswith('url = "${PYTORCH_ROCM_INDEX_URL}"')
    del os.environ["ROCM_INDEX_URL"]
    with pytest.raises(WorkbenchError, match=r"\$\{ROCM_INDEX_URL\}, and ROCM_INDEX_URL is not set") as unset:
        locked(SOURCE + FURTHER + PACKAGES, sys.executable, "P")
    assert unset.value.where == "P"


@pytest.mark.parametrize(
    ("pipfile", "expected"),
    [
        (SOURCE, ["a==1", "b==1", "c==1"]),
        (SOURCE + FURTHER, ["a==1", "c==1", "--extra-index-url ${ROCM_INDEX_URL}", "b==1"]),
        # A first index of one's own stands in the place of pip's, which is a further one then.
        (
            FURTHER + SOURCE,
            ["--index-url ${ROCM_INDEX_URL}", "b==1", "c==1", "--extra-index-url ${PIP_INDEX_URL}", "a==1"],
        ),
        # A catalogue made for others may have the address of pip's own.
        ('[[source]]\nname = "index"\nurl = "https://a.example/simple"\n', ["a==1", "b==1", "c==1"]),
    ],
)
def test_lines_of_a_list(pipfile: str, expected: list[str]) -> None:
    entries = {"a": {"index": "index"}, "B": {"index": "rocm"}, "c": {}}
    assert with_index_lines(["a==1", "b==1", "c==1"], entries, sources_of(data_of(pipfile))) == expected


def test_index_lines_are_read_as_pip_reads_them() -> None:
    text = (
        "-i ${A_URL}\n--extra-index-url=${B_URL}\n  --index-url ${C_2}\r\n# --index-url ${D}\n--index-url https://e\n"
    )
    assert index_variables(text) == ("A_URL", "B_URL", "C_2")
