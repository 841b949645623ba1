"""The subverbs that build and keep a prefix, as a user calls them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.monobase.test_prefix import holding
from tests.monobase.wheels import MINOR, SITE, Index, python_flag, this_python, write_generation
from workbench.commands import here
from workbench.verbs.monobase import SUBVERBS

NAME = f"python{MINOR}-one"
_TIME = re.compile(r"\[ *[0-9.]+ s\]")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    index = Index(folder / "index")
    for number in (1, 2):
        write_generation(folder / "data", number, {"one": index.lock(folder / "lock", index.add("aa", f"{number}.0"))})
    return folder / "data"


def monobase(*arguments: object) -> subprocess.CompletedProcess[str]:
    return wizard("monobase", *arguments)


@pytest.fixture(scope="module")
def prefix(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("prefix") / "srv"
    label = prefix.parent / "features.d" / "monobase"
    done = monobase("build", "--prefix", prefix, "--data", data, "--jobs", 1, "--node-label", label, python_flag())
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"2 of 2 environments are built below {prefix}, 0 skipped\n"
    lines = [_TIME.sub("T", line) for line in done.stderr.splitlines() if "only users who may" not in line]
    assert lines == [f"T   1/2  g00002/{NAME}  built", f"T   2/2  g00001/{NAME}  built"]
    assert "\x1b" not in done.stderr
    *named, done_line = label.read_text().splitlines()
    assert named == ["monobase-g00001=complete", "monobase-g00002=complete", "monobase-latest=g00002"]
    assert re.fullmatch(r"done=\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ", done_line)
    assert label.stat().st_mode & 0o777 == 0o644
    return prefix


def test_what_there_is_and_whether_it_is_ready(prefix: Path, data: Path) -> None:
    shown = monobase("status", "--prefix", prefix)
    assert [line.split()[:3] for line in shown.stdout.splitlines()] == [
        ["name", "state", "environments"],
        ["g00001", "ready", "1"],
        ["g00002", "latest", "1"],
    ]
    report = json.loads(monobase("status", "--prefix", prefix, "--json").stdout)
    assert [one["name"] for one in report] == ["g00001", "g00002"]
    ready = monobase("ready", "--prefix", prefix, "--data", data)
    assert (ready.returncode, ready.stdout) == (0, "ready: g00001, g00002\n")


def test_not_ready_gives_the_reason(data: Path, tmp_path: Path) -> None:
    done = monobase("ready", "--prefix", tmp_path / "none", "--data", data, "--min-gen-id", "2")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: {tmp_path}/none is not ready",
        "  g00002: 0 of 1 environments are finished",
        f"  hint: `{here('monobase build')}` makes what is missing",
    ]
    assert monobase("status", "--prefix", tmp_path / "none").stdout == f"nothing is built below {tmp_path}/none\n"


def test_verify_and_repair_for_people_and_programs(prefix: Path, data: Path) -> None:
    whole = monobase("verify", "--prefix", prefix, "--data", data)
    assert whole.returncode == 0
    assert re.fullmatch(r"2 environments, \d+ files in \d+ inodes: all as installed\n", whole.stdout)
    path = prefix / "monobase" / "g00001" / NAME / SITE / "aa" / "__init__.py"
    path.chmod(0o644)
    path.write_text("poison\n")
    where = f"monobase/g00001/{NAME}"
    done = monobase("verify", "--prefix", prefix, "--data", data)
    assert done.returncode == 1
    assert done.stderr.splitlines()[:2] == [
        f"error: not as it was installed: {where}",
        f"  {where}/{SITE}/aa/__init__.py: changed",
    ]
    report = json.loads(monobase("verify", "--prefix", prefix, "--data", data, "--json").stdout)
    assert (report["whole"], [fault["shared_by"] for fault in report["faults"]]) == (False, [[where]])
    repaired = monobase("repair", "--prefix", prefix)
    assert (repaired.returncode, repaired.stdout.splitlines()[-1]) == (0, "2 repaired")
    assert json.loads(monobase("verify", "--prefix", prefix, "--data", data, "--json").stdout)["whole"]


def test_another_builder_is_not_waited_for_with_no_wait(prefix: Path, data: Path) -> None:
    with holding(prefix) as child:
        for subverb, flags in (("build", ("--data", data)), ("repair", ()), ("prune", ())):
            done = monobase(subverb, "--prefix", prefix, "--no-wait", *flags)
            assert done.returncode == 1
            assert f"another builder has this prefix: process {child.pid} on " in done.stderr
        child.kill()


def test_a_dry_run_for_programs(prefix: Path) -> None:
    done = monobase("prune", "--prefix", prefix, "--min-gen-id", "2", "--dry-run", "--json")
    report = json.loads(done.stdout)
    assert report["kept"] == [["g00001", "was used 0 minutes ago: it goes 60 minutes after its last use"]]
    done = monobase("prune", "--prefix", prefix, "--min-gen-id", "2", "--dry-run", "--json", "--grace", "0")
    report = json.loads(done.stdout)
    assert (report["removed"], report["kept"]) == (["g00001"], [])
    assert (prefix / "monobase" / "g00001" / NAME / ".done").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--min-gen-id", "08"), "'08' is not a generation id"),
        (("--min-gen-id", "../x"), "'../x' is not a generation id"),
        (("--python", "3.12"), "'3.12' does not name a Python"),
        (("--python", "../x=/bin/sh"), "'../x=/bin/sh' does not name a Python"),
        (("--jobs", "0"), "'0' is not a number of jobs"),
        (("--jobs", "many"), "'many' is not a number of jobs"),
        (("--cog-versions", "../x"), "../x"),
        (("--mini", "--no-cuda"), "--mini goes with neither"),
    ],
)
def test_flags_that_make_no_sense(data: Path, tmp_path: Path, flags: tuple[str, ...], message: str) -> None:
    done = monobase("build", "--prefix", tmp_path / "prefix", "--data", data, *flags)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "prefix" / "monobase").exists()


def test_a_lock_without_hashes_is_refused_by_line(tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    write_generation(tmp_path / "data", 1, {"one": index.lock(tmp_path / "lock", index.add("aa").partition(" ")[0])})
    done = monobase("build", "--prefix", tmp_path / "prefix", "--data", tmp_path / "data", python_flag())
    assert done.returncode == 1
    assert "aa has no hash" in done.stderr or "are not locked" in done.stderr
    assert not (tmp_path / "prefix" / "monobase" / "latest").exists()


def test_a_python_that_is_not_here_is_reported_by_the_exit_code_too(data: Path, tmp_path: Path) -> None:
    lock = (data / "requirements" / "g00001" / f"{NAME}.txt").as_posix()
    write_generation(tmp_path / "data", 1, {"one": lock}, pythons=(MINOR, "3.99"))
    flags = ("--prefix", tmp_path / "prefix", "--data", tmp_path / "data", python_flag())
    done = monobase("build", *flags)
    assert done.returncode == 1
    assert "g00001/python3.99-one: no Python 3.99 on this machine" in done.stderr
    assert (tmp_path / "prefix" / "monobase" / "g00001" / NAME / ".done").exists()
    assert not (tmp_path / "prefix" / "monobase" / "latest").exists()
    assert monobase("ready", *flags[:4]).returncode == 1
    done = monobase("build", *flags, "--skip-missing")
    assert done.returncode == 1
    assert done.stdout == f"1 of 2 environments are built below {tmp_path}/prefix, 1 skipped\n"
    assert "g00001/python3.99-one: was skipped: no Python 3.99 on this machine" in done.stderr
    assert "  hint: --allow-skipped accepts those that were skipped; " in done.stderr
    assert monobase("build", *flags, "--skip-missing", "--allow-skipped").returncode == 0
    assert "was skipped: no Python 3.99" in monobase("ready", *flags[:4]).stderr
    assert monobase("ready", *flags[:4], "--allow-skipped").returncode == 0


@pytest.mark.parametrize("verb", [verb for verb in SUBVERBS if verb != "exec"])
def test_every_verb_reports_as_json(verb: str) -> None:
    assert "--json" in monobase(verb, "--help").stdout


def test_reports_and_progress_for_programs(data: Path, tmp_path: Path) -> None:
    lock = (data / "requirements" / "g00001" / f"{NAME}.txt").as_posix()
    write_generation(tmp_path / "data", 1, {"one": lock}, pythons=(MINOR, "3.99"))
    flags = ("--prefix", tmp_path / "prefix", "--data", tmp_path / "data", "--json")
    assert json.loads(monobase("ready", *flags).stdout)["ready"] is False
    done = monobase("build", *flags, python_flag(), "--skip-missing")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ready"]) == (1, False)
    assert [one["where"] for one in report["faults"]] == ["g00001/python3.99-one"]
    assert {one["environment"]: one["status"] for one in report["environments"]} == {
        NAME: "built",
        "python3.99-one": "skipped",
    }
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [one["event"] for one in events if one["event"] != "log"].count("end") == 2
    assert all(re.match(r"\d{4}-\d\d-\d\dT", one["time"]) for one in events)
    assert monobase("build", *flags, python_flag(), "--skip-missing", "--allow-skipped").returncode == 0
    done = monobase("ready", *flags, "--allow-skipped")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"ready": True, "generations": ["g00001"], "faults": []})
    (tmp_path / "prefix/monobase/extra").mkdir()
    done = monobase("repair", *flags)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"repaired": ["monobase/extra"], "faults": []})


def test_help_needs_no_network_and_no_prefix(tmp_path: Path) -> None:
    environ = {**os.environ, "UV_OFFLINE": "1", "PATH": "/nonexistent", "MONOBASE_PREFIX": str(tmp_path / "none")}
    for subverb in ("build", "status", "ready", "verify", "repair", "prune"):
        command = [sys.executable, str(REPOSITORY / "wizard.py"), "monobase", subverb, "--help"]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
        assert done.returncode == 0, done.stderr
        assert "examples:" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_there_is_a_bar(data: Path, tmp_path: Path) -> None:
    arguments = ["wizard.py", "monobase", "build", "--prefix", str(tmp_path / "p"), "--data", str(data), python_flag()]
    child = pexpect.spawn(
        sys.executable, arguments, cwd=str(REPOSITORY), dimensions=(30, 120), timeout=120, encoding="utf-8"
    )
    sent = child.read()
    child.close()
    assert child.exitstatus == 0, sent
    assert "━" in sent
    assert len(re.findall(rf"\d/2  g0000[12]/{NAME}  built", sent)) == 2


def test_who_runs_what_a_home_folder_has_is_reported(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(Path(this_python().path).parents[1]))
    done = monobase("build", "--prefix", tmp_path / "p", "--data", data, "--max-gen-id", "1", python_flag())
    assert f"Python {MINOR} is in " in done.stderr
