"""Ready means ready: skipping is visible, and a node is labelled with what is ready, as long as it is."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.monobase.wheels import MINOR, Index, python_flag, write_generation
from workbench.monobase.generation import DATA, load_all
from workbench.monobase.label import label_text
from workbench.monobase.layout import GenerationMarker, write_done
from workbench.monobase.prefix import Prefix
from workbench.monobase.status import unready

NAME = f"python{MINOR}-one"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two generations; the second is for a Python too that no machine has."""
    index = Index(tmp_path / "index")
    lock = index.lock(tmp_path / "lock", index.add("aa"))
    write_generation(tmp_path / "data", 1, {"one": lock})
    write_generation(tmp_path / "data", 2, {"one": lock}, pythons=(MINOR, "3.99"))
    return tmp_path / "data"


@pytest.fixture
def where(data: Path, tmp_path: Path) -> list[object]:
    return ["--prefix", tmp_path / "prefix", "--data", data]


def build(*flags: object) -> subprocess.CompletedProcess[str]:
    return wizard("monobase", "build", *flags, python_flag())


def ready(*flags: object) -> subprocess.CompletedProcess[str]:
    return wizard("monobase", "ready", *flags)


def test_a_build_of_nothing_but_skipped_environments_labels_no_node(where: list[object], tmp_path: Path) -> None:
    label = tmp_path / "features/monobase"
    flags = [*where, "--node-label", label, "--allow-skipped"]
    env = {"R8_PYTHON_VERSION": MINOR, "PATH": os.environ["PATH"]}
    # Without a torch that leaves out everything.
    done = wizard("monobase", "build", *flags, "--mini", python_flag(), env=env)
    assert done.stdout == f"0 of 2 environments are built below {tmp_path}/prefix, 2 skipped\n"
    assert (done.returncode, label.exists()) == (1, False)
    assert "g00002: 0 of 2 environments are finished" in done.stderr
    assert ready(*where, "--allow-skipped").returncode == 1
    # Of no Python, too.
    done = wizard("monobase", "build", *flags, "--skip-missing", "--python", f"{MINOR}=/nonexistent")
    assert (done.returncode, label.exists()) == (1, False)


def test_skipping_is_in_the_exit_code_in_status_and_in_the_label(where: list[object], tmp_path: Path) -> None:
    label = tmp_path / "features/monobase"
    flags = [*where, "--node-label", label, "--skip-missing"]
    done = build(*flags)
    assert done.returncode == 1
    assert "g00002/python3.99-one: was skipped: no Python 3.99 on this machine" in done.stderr
    # The generation that is ready is named, and that not all are.
    assert label.read_text() == "monobase-g00001=complete\nmonobase-latest=g00002\n"
    assert (ready(*where).returncode, ready(*where, "--allow-skipped").returncode) == (1, 0)
    assert ready(*where, "--max-gen-id", "1").returncode == 0
    assert build(*flags, "--allow-skipped").returncode == 0
    *named, done_line = label.read_text().splitlines()
    assert named == ["monobase-g00001=complete", "monobase-g00002=skipped-1", "monobase-latest=g00002"]
    assert re.fullmatch(r"done=\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ", done_line)
    report = json.loads(wizard("monobase", "status", *where[:2], "--json").stdout)
    assert [list(one["skipped"]) for one in report] == [[], ["python3.99-one"]]
    shown = [line.split()[:4] for line in wizard("monobase", "status", *where[:2]).stdout.splitlines()]
    assert shown == [
        ["name", "state", "environments", "skipped"],
        ["g00001", "ready", "1", "0"],
        ["g00002", "latest", "1", "1"],
    ]


def test_a_label_is_for_node_feature_discovery(where: list[object], data: Path, tmp_path: Path) -> None:
    """Names and values that a node's label may have, the same each time, and gone when nobody renews them."""
    assert build(*where, "--skip-missing", "--allow-skipped").returncode == 0
    prefix, generations = Prefix.at(str(tmp_path / "prefix")), load_all(data)
    text = label_text(prefix, generations, allow_skipped=True)
    for line in text.splitlines():
        name, value = line.split("=")
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name) and re.fullmatch(name_of_value(), value)
    time.sleep(1.1)
    assert label_text(prefix, generations, allow_skipped=True) == text
    label = tmp_path / "label"
    assert ready(*where, "--allow-skipped", "--node-label", label).returncode == 0
    first, _, rest = label.read_text().partition("\n")
    assert re.fullmatch(r"# \+expiry-time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first)
    assert rest == text


def name_of_value() -> str:
    return r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"


def test_what_a_build_no_longer_finds_is_no_longer_labelled(where: list[object], tmp_path: Path) -> None:
    """Before it begins: building may take hours, or fail."""
    label = tmp_path / "label"
    flags = [*where, "--max-gen-id", "1", "--node-label", label]
    assert build(*flags).returncode == 0
    assert "done=" in label.read_text()
    (tmp_path / "prefix/monobase/g00001" / NAME / ".done").unlink()
    for name in ("prefix/store/wheels", "prefix/uv", "index"):
        shutil.rmtree(tmp_path / name)
    done = build(*flags)
    assert (done.returncode, label.exists()) == (1, False)
    assert "could not be built" in done.stderr


def test_a_generation_of_nothing_is_never_ready(data: Path, tmp_path: Path) -> None:
    prefix, [generation, *_] = Prefix.at(str(tmp_path / "prefix")), load_all(data)
    (tmp_path / "prefix/monobase/g00001").mkdir(parents=True)
    skipped = {one.name: "not wanted" for one in generation.environments}
    write_done(prefix.generation("g00001"), GenerationMarker(generation.digest, {}, skipped))
    reasons = unready(prefix, [generation], allow_skipped=True)
    assert reasons == [("g00001", "0 of 1 environments are finished")]
    assert label_text(prefix, [generation], allow_skipped=True) == ""


def test_the_daemon_takes_the_label_away_when_it_no_longer_holds(where: list[object], tmp_path: Path) -> None:
    command = tmp_path / "bin/monobase"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\ncd {REPOSITORY} && exec {sys.executable} wizard.py monobase "$@"\n')
    command.chmod(0o755)
    label = tmp_path / "features/monobase"
    metrics = tmp_path / "metrics.prom"
    flags = [*map(str, where), "--max-gen-id=1", "--node-label", str(label), "--jobs", "1", python_flag()]
    flags += [f"--metrics-file={metrics}"]
    env = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}", "MONOBASE_WATCH_SECONDS": "0.1"}
    env |= {"MONOBASE_VERIFY_SECONDS": "1", "MONOBASE_VERIFY_PARTS": "2"}
    marker = tmp_path / "prefix/monobase/g00001" / NAME / ".done"
    with subprocess.Popen(["sh", str(DATA / "daemon.sh"), *flags], env=env, stderr=subprocess.DEVNULL) as daemon:
        try:
            soon(lambda: label.exists() and "expiry-time" in label.read_text())
            assert "monobase-g00001=complete\n" in label.read_text()
            marker.rename(tmp_path / "aside")
            soon(lambda: not label.exists())
            (tmp_path / "aside").rename(marker)
            soon(lambda: label.exists() and "done=" in label.read_text())
            # Both parts of the files were read by then, or are soon.
            soon(lambda: 'monobase_verify_whole{mode="full"} 1\n' in metrics.read_text())
        finally:
            daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 143


def soon(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
