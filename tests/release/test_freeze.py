from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.catalogues import ANSWERS, REPOSITORY, make_catalogue
from tests.chance import chance
from tests.command import files_below, killed_after, next_estimate, wizard
from tests.release.index import Index
from workbench.catalog.reader import read_catalogue
from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError
from workbench.release.check import check
from workbench.release.freeze import freeze
from workbench.wizard.choices import choices_of

TODAY = "2026-11-22"
PINS = {"alpha": "1.0.0", "beta": "2.3.1"}


def catalogue_with_locks(root: Path, more: dict[str, str | None] | None = None) -> Path:
    """The small catalogue with an OS list and real locks of one bundle, for two Pythons."""
    locked = Index().lock('[packages]\nalpha = "~=1.0.0"\n\n[editor]\nbeta = "*"\n', {"packages": PINS, "editor": PINS})
    files: dict[str, str | None] = {
        f"bundles/1-plain/{python}/{name}": text for python in ("py311", "py312") for name, text in locked.items()
    }
    files["bundles/1-plain/os/os-packages.txt"] = "git\n"
    return make_catalogue(root, {**files, **(more or {})})


def frozen(root: Path, more: dict[str, str | None] | None = None) -> Path:
    folder = catalogue_with_locks(root, more)
    freeze(read_catalogue(str(folder)), "2026a", None)
    return folder


def faults_of(folder: Path, name: str = "2026a", today: str = TODAY) -> list[tuple[str, str]]:
    return list(check(read_catalogue(str(folder)), name, today).faults)


def new(folder: Path, out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    answers = [word for name, value in ANSWERS.items() for word in (f"--{name}", value)]
    return wizard("new", "--catalog", folder, *answers, "--offline", "--out", out, *flags)


def test_the_same_bytes_from_a_clean_clone_when_the_catalogue_has_moved_on(tmp_path: Path) -> None:
    folder = catalogue_with_locks(tmp_path)
    assert new(folder, tmp_path / "open").returncode == 0
    done = freeze(read_catalogue(str(folder)), "2026a", None)
    assert (done.files, done.locks) == (23, 2)
    assert new(folder, tmp_path / "frozen").returncode == 0
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.autocrlf=false", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "frozen"]):
        subprocess.run([*git, *words], check=True)
    subprocess.run(["git", "clone", "-q", str(folder), str(tmp_path / "clone")], check=True)
    clone = tmp_path / "clone"
    for path in (
        "bundles/1-plain/py311/requirements.txt",
        "ides/1-editor/files/start.sh",
        "snippets/base/base.snippet",
    ):
        (clone / path).write_text("FROM something-else\n")
    shutil.rmtree(clone / "bundles/1-plain/os")
    (clone / "ides/3-late").mkdir()
    (clone / "ides/3-late/late.snippet").write_text("USER 1001\n")
    (clone / "ides/3-late/display.txt").write_text("Late\n")
    assert new(clone, tmp_path / "again").returncode == 0
    assert files_below(tmp_path / "open") == files_below(tmp_path / "frozen") == files_below(tmp_path / "again")
    assert len(files_below(tmp_path / "open")) == 6
    late = new(clone, tmp_path / "again", "--ide", "late")
    assert late.returncode == 1
    assert "no IDE of release 2026a is named 'late'" in late.stderr
    assert faults_of(clone) == []


OWN = "releases/2026a"
LISTED = "requirements.txt"


@pytest.mark.parametrize(
    ("path", "old", "new", "faults"),
    [
        (
            f"bundles/1-plain/py311/{LISTED}",
            "beta==2.3.1",
            "beta==2.3.2",
            [
                (f"{OWN}/bundles/1-plain/py311/{LISTED}", "is not as it was frozen"),
                (f"{OWN}/bundles/1-plain/py311/{LISTED}:2", "beta is 2.3.2 here and 2.3.1 in Pipfile.lock"),
            ],
        ),
        (
            "bundles/1-plain/py312/Pipfile.lock",
            '"==1.0.0"',
            '"==1.1.0"',
            [
                (f"{OWN}/bundles/1-plain/py312/Pipfile.lock", "is not as it was frozen"),
                (f"{OWN}/bundles/1-plain/py312/{LISTED}:1", "alpha is 1.0.0 here and 1.1.0 in Pipfile.lock"),
                (
                    f"{OWN}/bundles/1-plain/py312/requirements-editor.txt:1",
                    "alpha is 1.0.0 here and 1.1.0 in Pipfile.lock",
                ),
                (
                    f"{OWN}/bundles/1-plain/py312/Pipfile.lock",
                    "alpha is 1.1.0, and 1.0.0 was promised: only z may move",
                ),
            ],
        ),
        (
            "bundles/1-plain/os/os-packages.txt",
            "git",
            "mercurial",
            [(f"{OWN}/bundles/1-plain/os/os-packages.txt", "is not as it was frozen")],
        ),
        (
            "ides/1-editor/editor.snippet",
            "1001",
            "0",
            [(f"{OWN}/ides/1-editor/editor.snippet", "is not as it was frozen")],
        ),
        (
            "promises/bundles/1-plain/py311.txt",
            "1.0.0",
            "1.1.0",
            [
                (f"{OWN}/promises/bundles/1-plain/py311.txt", "is not as it was frozen"),
                (
                    f"{OWN}/bundles/1-plain/py311/Pipfile.lock",
                    "alpha is 1.0.0, and 1.1.0 was promised: only z may move",
                ),
            ],
        ),
        ("release.toml", "13.0.2", "13.0.3", [(f"{OWN}/release.toml", "is not as it was frozen")]),
        (
            "SHA256SUMS",
            "  ",
            " ",
            [
                (f"{OWN}/SHA256SUMS", "is not the record that releases/2026a.toml names"),
                (f"{OWN}/SHA256SUMS:2", "is not a line of sha256sum"),
            ],
        ),
    ],
)
def test_every_changed_file_is_named(
    tmp_path: Path, path: str, old: str, new: str, faults: list[tuple[str, str]]
) -> None:
    folder = frozen(tmp_path)
    assert faults_of(folder) == []
    file = folder / OWN / path
    text = file.read_text()
    assert old in text
    file.write_text(
        text.replace(old, new, 1) if path != "bundles/1-plain/py312/Pipfile.lock" else text.replace(old, new)
    )
    assert faults_of(folder) == faults


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ('"13.0.2"', '"13.0.3"', ":10", "cuda.version was '13.0.2' when it was frozen, and is '13.0.3'"),
        (
            '["3.11", "3.12"]',
            '["3.12"]',
            ":18",
            "os.bookworm.pythons was ['3.11', '3.12'] when it was frozen, and is ['3.12']",
        ),
        ('bundle = "plain"\n', "", ":3", "defaults.bundle was 'plain' when it was frozen, and is gone"),
        ('version = "13', 'cudnn = "9"\nversion = "13', ":10", "cuda.cudnn was not there when it was frozen"),
        ("bookworm]", "trixie]", "", "os.trixie.image was not there when it was frozen"),
        (
            "pythons = ",
            f'digest = "sha256:{"0" * 64}"\npythons = ',
            ":14",
            "os.c9s.digest was not there when it was frozen",
        ),
    ],
)
def test_every_changed_field_is_named_by_check_and_by_new(
    tmp_path: Path, old: str, new: str, where: str, message: str
) -> None:
    folder = frozen(tmp_path)
    file = folder / "releases/2026a.toml"
    file.write_text(file.read_text().replace(old, new, 1))
    found = [fault for fault in faults_of(folder) if fault[1] == message]
    assert found, faults_of(folder)
    assert found[0][0].startswith(f"releases/2026a.toml{where}")
    done = globals()["new"](folder, tmp_path / "out")
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_files_that_go_come_or_change_their_mode_are_named(tmp_path: Path) -> None:
    folder = frozen(tmp_path)
    own = folder / OWN
    (own / "ides/1-editor/display.txt").unlink()
    (own / "ides/1-editor/files/extra.sh").write_text("evil\n")
    (own / "ides/1-editor/files/start.sh").chmod(0o644)
    (own / "bundles/1-plain/display.txt").unlink()
    (own / "bundles/1-plain/display.txt").symlink_to("py311/requirements.txt")
    assert faults_of(folder) == [
        (f"{OWN}/bundles/1-plain/display.txt", "is a link, and was a file when it was frozen"),
        (f"{OWN}/ides/1-editor/display.txt", "is missing, and was there when it was frozen"),
        (f"{OWN}/ides/1-editor/files/start.sh", "may be executed, or not, otherwise than when it was frozen"),
        (f"{OWN}/ides/1-editor/files/extra.sh", "was not there when it was frozen"),
    ]


def test_new_refuses_the_changed_file_that_it_uses_and_no_other(tmp_path: Path) -> None:
    folder = frozen(tmp_path)
    unused = folder / OWN / "bundles/1-plain/py312/requirements.txt"
    unused.write_text("changed\n")
    assert new(folder, tmp_path / "out").returncode == 0
    (folder / OWN / "bundles/1-plain/os/os-packages.txt").write_text("changed\n")
    done = new(folder, tmp_path / "other")
    assert done.returncode == 1
    assert f"{OWN}/bundles/1-plain/os/os-packages.txt: is not as it was frozen" in done.stderr
    assert not (tmp_path / "other").exists()


def test_the_parts_that_stay_open_may_be_changed(tmp_path: Path) -> None:
    folder = frozen(tmp_path)
    file = folder / "releases/2026a.toml"
    support = '\n[support]\nfrom = "2026-11-01"\nuntil = "2027-11-01"\n'
    file.write_text('display = "2026a (old)"\n' + file.read_text() + support)
    assert faults_of(folder) == []
    assert faults_of(folder, today="2027-11-02") == [
        ("releases/2026a.toml", 'support ended on 2027-11-01: set state = "retired", or prolong it')
    ]
    fix = '\n[[security]]\npackage = "beta"\nfixed = "2.3.4"\nadvisory = "TEST-1"\n'
    file.write_text(file.read_text() + fix)
    assert faults_of(folder)[0] == (
        f"{OWN}/bundles/1-plain/py311",
        f"beta 2.3.1 has TEST-1, fixed in 2.3.4: `{here('release update 2026a')}`",
    )


def test_a_retired_release_is_refused_with_the_reason(tmp_path: Path) -> None:
    folder = frozen(tmp_path, {"releases/2026b.toml": (make_catalogue(tmp_path) / "releases/2026a.toml").read_text()})
    file = folder / "releases/2026a.toml"
    text = file.read_text().replace('state = "frozen"', 'state = "retired"\nreason = "its CUDA has no fixes any more"')
    file.write_text(text + '\n[support]\nuntil = "2026-10-31"\n')
    done = new(folder, tmp_path / "out")
    assert done.returncode == 1
    why = "release 2026a is retired: its CUDA has no fixes any more, its support ended on 2026-10-31"
    assert why in done.stderr
    # The wizard shows it, greyed out with the same words.
    shown = {choice.value: choice.reason for choice in choices_of("release", read_catalogue(str(folder)), {})}
    assert shown == {"2026b": "", "2026a": why}
    rows = wizard("matrix", "--catalog", folder, "--release", "2026a").stdout
    assert why in rows
    assert "0 possible" in rows
    assert "yes" in wizard("matrix", "--catalog", folder, "--release", "2026b").stdout
    for way in ("freeze", "update"):
        refused = wizard("release", way, "2026a", "--catalog", folder)
        assert (refused.returncode, "release 2026a is retired" in refused.stderr) == (1, True)


def test_a_lock_that_is_not_current_is_not_frozen(tmp_path: Path) -> None:
    folder = catalogue_with_locks(tmp_path)
    pipfile = folder / "bundles/1-plain/py311/Pipfile"
    pipfile.write_text(pipfile.read_text().replace("~=1.0.0", "~=1.1.0"))
    lists = folder / "bundles/1-plain/py312/requirements.txt"
    lists.write_text(lists.read_text().replace("2.3.1", "2.3.2"))
    before = files_below(folder)
    with pytest.raises(FaultsError, match="release 2026a cannot be frozen") as caught:
        freeze(read_catalogue(str(folder)), "2026a", None)
    assert caught.value.faults == [
        ("bundles/1-plain/py311/Pipfile.lock", "is older than its Pipfile: lock it again"),
        ("bundles/1-plain/py312/requirements.txt:2", "beta is 2.3.2 here and 2.3.1 in Pipfile.lock"),
    ]
    assert files_below(folder) == before


def test_frozen_by_hand_is_no_freezing(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    file = folder / "releases/2026a.toml"
    file.write_text('state = "frozen"\n' + file.read_text())
    with pytest.raises(FaultsError) as caught:
        read_catalogue(str(folder))
    assert "is not frozen, for there is no releases/2026a/SHA256SUMS" in caught.value.faults[0][1]


def test_the_record_freezes_whatever_the_state_in_the_file(tmp_path: Path) -> None:
    folder = frozen(tmp_path)
    file = folder / "releases/2026a.toml"
    file.write_text(file.read_text().replace('"frozen"', '"open"'))
    assert read_catalogue(str(folder)).releases["2026a"].state == "frozen"
    (note,) = check(read_catalogue(str(folder)), "2026a", TODAY).notes
    assert "does not say that it is frozen" in note
    freeze(read_catalogue(str(folder)), "2026a", None)
    assert '\nstate = "frozen"\n' in file.read_text()
    with pytest.raises(WorkbenchError, match="release 2026a is frozen"):
        freeze(read_catalogue(str(folder)), "2026a", None)


def test_kill_at_random_moments_leaves_it_open_or_frozen(tmp_path: Path) -> None:
    """kill -9 while freezing, over and over: nothing of it exists, or all, and it can be done again."""
    more = {f"ides/1-editor/files/deep/{number}/file.txt": f"{number}\n" * 2000 for number in range(200)}
    folder = catalogue_with_locks(tmp_path, {**more})
    before = files_below(folder)
    command = [sys.executable, "wizard.py", "release", "freeze", "2026a", "--offline", "--catalog", str(folder)]
    begin = time.monotonic()
    subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    whole_run = time.monotonic() - begin
    after = files_below(folder)
    moments, killed, states = chance(), 0, set()
    for number in range(30):
        if number >= 6 and killed > 3:
            break
        shutil.rmtree(folder / OWN, ignore_errors=True)
        (folder / "releases/2026a.toml").write_bytes(before["releases/2026a.toml"])
        took = killed_after(moments.uniform(0.6, 1.1) * whole_run, command)
        killed += took is None
        whole_run = next_estimate(whole_run, took)
        # What was being written lies in places of its own, which no reader looks at and the next run takes over.
        unfinished = ("releases/.staging/", "releases/.2026a.toml.new")
        left = {path: data for path, data in files_below(folder).items() if not path.startswith(unfinished)}
        # The file may still have the state open: the folder is what freezes.
        left["releases/2026a.toml"] = before["releases/2026a.toml"]
        is_frozen = f"{OWN}/SHA256SUMS" in left
        assert left == ({**after, "releases/2026a.toml": before["releases/2026a.toml"]} if is_frozen else before)
        assert read_catalogue(str(folder)).releases["2026a"].state == ("frozen" if is_frozen else "open")
        assert faults_of(folder) == []
        states.add(is_frozen)
    assert killed > 3, "no run was killed in its work: the test shows nothing"
    if files_below(folder) != after:
        wizard("release", "freeze", "2026a", "--offline", "--catalog", folder)
    assert faults_of(folder) == []
    assert files_below(folder) == after


KILLED = """
import os, sys
from workbench.catalog.reader import read_catalogue
from workbench.release.freeze import freeze
replace, calls = os.replace, []
def killing(*paths):
    calls.append(paths)
    if len(calls) == 2:
        os.kill(os.getpid(), 9)
    replace(*paths)
os.replace = killing
freeze(read_catalogue(sys.argv[1]), "2026a", None)
"""


def test_killed_when_it_is_frozen_and_its_file_is_not_yet_marked(tmp_path: Path) -> None:
    folder = catalogue_with_locks(tmp_path)
    done = subprocess.run([sys.executable, "-c", KILLED, folder], cwd=REPOSITORY, check=False)
    assert done.returncode == -signal.SIGKILL
    assert b"frozen" not in (folder / "releases/2026a.toml").read_bytes()
    assert read_catalogue(str(folder)).releases["2026a"].state == "frozen"
    again = wizard("release", "freeze", "2026a", "--offline", "--catalog", folder)
    assert again.returncode == 0, again.stderr
    assert faults_of(folder) == []
    assert [file.name for file in folder.rglob(".*")] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: a small file system cannot be mounted")
def test_a_full_disk_leaves_it_open(tmp_path: Path) -> None:
    source = catalogue_with_locks(tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], check=True)
    try:
        folder = disk / "catalogue"
        shutil.copytree(source, folder)
        # What is left cannot hold the files of the catalogue a second time.
        (disk / "filler").write_bytes(b"x" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - 16 * 1024))
        before = files_below(folder)
        with pytest.raises(WorkbenchError, match="the release cannot be written: No space left on device"):
            freeze(read_catalogue(str(folder)), "2026a", None)
        assert files_below(folder) == before
        (disk / "filler").unlink()
        freeze(read_catalogue(str(folder)), "2026a", None)
        assert faults_of(folder) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_empty_folder_is_frozen_too(tmp_path: Path) -> None:
    folder = catalogue_with_locks(tmp_path)
    empty = folder / "ides/1-editor/files/plugins"
    empty.mkdir()
    freeze(read_catalogue(str(folder)), "2026a", None)
    assert faults_of(folder) == []
    shutil.rmtree(folder / "ides")
    shutil.copytree(folder / "releases/2026a/ides", folder / "ides")
    assert new(folder, tmp_path / "out").returncode == 0
    assert next((tmp_path / "out").glob("*/plugins")).is_dir()
    kept = folder / "releases/2026a/ides/1-editor/files/plugins"
    kept.rmdir()
    place = "releases/2026a/ides/1-editor/files/plugins/"
    assert faults_of(folder) == [(place, "is missing, and was an empty folder when it was frozen")]
    kept.mkdir()
    (kept / "more").mkdir()
    assert faults_of(folder) == [(f"{place}more/", "is an empty folder, and was not there when it was frozen")]
