"""What `release check` finds in a frozen release's folder and beside it, but for contents: see test_freeze.py."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.release.test_freeze import OWN, faults_of, frozen, new
from workbench.catalog.bases import default_tables
from workbench.catalog.reader import read_catalogue
from workbench.errors import WorkbenchError
from workbench.release.freeze import freeze


def test_a_record_that_was_changed_with_its_file_is_named(tmp_path: Path) -> None:
    folder = frozen(tmp_path)
    file, sums = folder / OWN / "ides/1-editor/editor.snippet", folder / OWN / "SHA256SUMS"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_text(file.read_text() + "RUN evil\n")
    sums.write_text(sums.read_text().replace(before, hashlib.sha256(file.read_bytes()).hexdigest()))
    assert faults_of(folder) == [(f"{OWN}/SHA256SUMS", "is not the record that releases/2026a.toml names")]
    done = new(folder, tmp_path / "out")
    assert (done.returncode, "is not the record that releases/2026a.toml names" in done.stderr) == (1, True)
    with pytest.raises(WorkbenchError, match="is not the record"):
        freeze(read_catalogue(str(folder)), "2026a", None)
    # A release that was frozen before there were records gets one.
    path = folder / "releases/2026a.toml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("record")))
    assert faults_of(folder) == [("releases/2026a.toml", "has no record: the digest of its SHA256SUMS is missing")]
    freeze(read_catalogue(str(folder)), "2026a", None)
    assert faults_of(folder) == []


@pytest.mark.parametrize(
    ("mode", "path"),
    [(0o4755, "start.sh"), (0o2755, "start.sh"), (0o4777, "start.sh"), (0o000, "start.sh"), (0o757, "start.sh")],
)
def test_modes_that_no_release_has_are_named(tmp_path: Path, mode: int, path: str) -> None:
    folder = frozen(tmp_path)
    (folder / OWN / "ides/1-editor/files" / path).chmod(mode)
    ((where, message),) = faults_of(folder)
    assert where == f"{OWN}/ides/1-editor/files/{path}"
    assert message.startswith(f"has the mode {mode:04o}: ")


def test_folders_that_are_links_or_empty_and_what_is_no_file_are_named(tmp_path: Path) -> None:
    folder = frozen(tmp_path)
    own = folder / OWN
    (own / "ides/1-editor").rename(own / "elsewhere")
    (own / "ides/1-editor").symlink_to("../elsewhere")
    (own / "snippets/empty/deep").mkdir(parents=True)
    (own / "bundles/1-plain/display.txt").unlink()
    os.mkfifo(own / "bundles/1-plain/display.txt")
    assert sorted(faults_of(folder)) == [
        (f"{OWN}/bundles/1-plain/display.txt", "is no plain file, and was one when it was frozen"),
        (f"{OWN}/elsewhere/display.txt", "was not there when it was frozen"),
        (f"{OWN}/elsewhere/editor.snippet", "was not there when it was frozen"),
        (f"{OWN}/elsewhere/files/start.sh", "was not there when it was frozen"),
        (f"{OWN}/ides/1-editor", "is a link, and was a folder when it was frozen"),
        (f"{OWN}/snippets/empty/deep/", "is an empty folder, and was not there when it was frozen"),
    ]


ROW = """\
[wheels]
cuda = ["nvidia-cuda-runtime"]

[framework.alpha."1.0.0"]
cuda = "13.0"
cudnn = "9.14"
pythons = ["3.11"]
source = "its metadata"
checked = "2026-11-22"

[framework.alpha."2.0.0"]
cuda = "13.1"
cudnn = "9.15"
pythons = ["3.11"]
source = "its metadata"
checked = "2026-11-22"
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('cudnn = "9.14"', 'cudnn = "9.13"', "framework.alpha.1.0.0 was {'cuda': '13.0', 'cudnn': '9.14'"),
        ('"nvidia-cuda-runtime"', '"other"', "wheels.cuda was ['nvidia-cuda-runtime'] when it was frozen, and is"),
        ('cudnn = "9.15"', 'cudnn = "9.13"', ""),
        ('checked = "2026-11-22"', 'checked = "2026-11-29"', ""),
    ],
    ids=["used", "wheels", "another version", "checked again"],
)
def test_rows_of_the_table_that_a_frozen_release_used_are_compared(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    folder = frozen(tmp_path, {"releases/compat.toml": ROW})
    assert faults_of(folder) == []
    table = folder / "releases/compat.toml"
    table.write_text(table.read_text().replace(old, new))
    assert [found.startswith(message) for _, found in faults_of(folder)] == ([True] if message else [])


def test_default_bases_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = frozen(tmp_path)
    tables = {name: {**table, "tag": f"x{table['tag']}"} for name, table in default_tables().items()}
    monkeypatch.setattr("workbench.release.kept.default_tables", lambda: tables)
    assert [message.partition(":")[0] for _, message in faults_of(folder)] == [
        f"the base {name} is another by default now" for name in tables
    ]


def test_a_retired_release_has_a_reason(tmp_path: Path) -> None:
    folder = frozen(tmp_path)
    file = folder / "releases/2026a.toml"
    file.write_text(file.read_text().replace('state = "frozen"', 'state = "retired"'))
    why = 'is retired without a reason: add reason = "…", which its users are shown'
    assert faults_of(folder) == [("releases/2026a.toml", why)]
