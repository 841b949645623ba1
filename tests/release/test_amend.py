from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import files_below, wizard
from tests.release.test_freeze import OWN, TODAY, catalogue_with_locks, faults_of
from workbench.catalog.reader import read_catalogue
from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.release.amend import amend
from workbench.release.check import check
from workbench.release.freeze import freeze

DAY = "2026-11-29"


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """A catalogue that has moved on since its release was frozen."""
    folder = catalogue_with_locks(tmp_path)
    freeze(read_catalogue(str(folder)), "2026a", None)
    (folder / "ides/1-editor/editor.snippet").write_text("USER 1001\n# mended\n")
    (folder / "ides/1-editor/files/new.sh").write_text("new\n")
    (folder / "ides/1-editor/files/start.sh").unlink()
    (folder / "snippets/base/base.snippet").write_text("# another thing\n")
    (folder / "bundles/1-plain/py311/requirements.txt").write_text("evil\n")
    return folder


def test_the_files_that_are_named_go_into_it_and_no_other(frozen: Path) -> None:
    before = files_below(frozen)
    report = amend(read_catalogue(str(frozen)), "2026a", ["ides/1-editor/"], "start scripts", DAY)
    assert (report.added, report.changed, report.removed) == (
        ("ides/1-editor/files/new.sh",),
        ("ides/1-editor/editor.snippet",),
        ("ides/1-editor/files/start.sh",),
    )
    after = files_below(frozen)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert changed == {
        "releases/2026a.toml",
        f"{OWN}/SHA256SUMS",
        *(f"{OWN}/{path}" for path in (*report.added, *report.changed, *report.removed)),
    }
    assert faults_of(frozen) == []
    assert check(read_catalogue(str(frozen)), "2026a", TODAY).notes == (f"amended on {DAY}: start scripts",)
    again = amend(read_catalogue(str(frozen)), "2026a", ["ides/1-editor"], "start scripts", DAY)
    assert again.added == again.changed == again.removed == ()
    assert files_below(frozen) == after


def test_a_dry_run_lists_and_writes_nothing(frozen: Path) -> None:
    before = files_below(frozen)
    words = ("release", "amend", "2026a", "snippets", "--reason", "x", "--dry-run", "--catalog", frozen)
    done = wizard(*words)
    assert (done.returncode, done.stdout) == (
        0,
        "changed  snippets/base/base.snippet\nrelease 2026a: 1 file would change\n",
    )
    assert files_below(frozen) == before


@pytest.mark.parametrize(
    ("paths", "reason", "message"),
    [
        (["ides/1-edito"], "x", "no recipe of release 2026a is made from 'ides/1-edito'"),
        (["../etc"], "x", "no recipe of release 2026a is made from '../etc'"),
        (["ides"], " ", "an amendment needs a reason"),
    ],
)
def test_what_cannot_be_amended_is_refused(frozen: Path, paths: list[str], reason: str, message: str) -> None:
    before = files_below(frozen)
    with pytest.raises(UsageError, match=message):
        amend(read_catalogue(str(frozen)), "2026a", paths, reason, DAY)
    assert files_below(frozen) == before


def test_locks_are_excluded(frozen: Path) -> None:
    before = files_below(frozen)
    report = amend(read_catalogue(str(frozen)), "2026a", ["bundles"], "x", DAY)
    assert report.added == report.changed == report.removed == ()
    assert files_below(frozen) == before


def test_a_release_that_was_changed_by_hand_or_is_open_is_refused(frozen: Path) -> None:
    (frozen / OWN / "ides/1-editor/display.txt").write_text("Changed\n")
    with pytest.raises(FaultsError) as caught:
        amend(read_catalogue(str(frozen)), "2026a", ["ides"], "x", DAY)
    assert caught.value.faults == [(f"{OWN}/ides/1-editor/display.txt", "is not as it was frozen")]
    (frozen / "releases/2026b.toml").write_text((frozen / "releases/2026a.toml").read_text().replace("frozen", "open"))
    with pytest.raises(WorkbenchError, match="release 2026b is open"):
        amend(read_catalogue(str(frozen)), "2026b", ["ides"], "x", DAY)
