"""What the daemon runs after its build, and with which of its flags."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from workbench.monobase.generation import DATA

RECORDS = '#!/bin/sh\necho "$*" >>"$CALLS"\n[ "$1" = build ] || exit "${CODE:-0}"\n'


def calls(folder: Path, *flags: str, parts: int = 2, **more: str) -> list[str]:
    """Run daemon.sh with a stand-in of the tool until it has verified `parts` parts and gone on.

    Returns what it ran, each once, in order.
    """
    command, listed = folder / "bin/monobase", folder / "calls"
    command.parent.mkdir()
    command.write_text(RECORDS)
    command.chmod(0o755)
    env = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}", "CALLS": str(listed), **more}
    env = {"MONOBASE_WATCH_SECONDS": "0.1", "MONOBASE_VERIFY_SECONDS": "1", "MONOBASE_VERIFY_PARTS": "3", **env}

    def ran() -> list[str]:
        return list(dict.fromkeys(listed.read_text().splitlines())) if listed.exists() else []

    with subprocess.Popen(["sh", str(DATA / "daemon.sh"), *flags], env=env) as daemon:
        deadline = time.monotonic() + 60
        while not ran() or sum(line.startswith("verify ") for line in ran()) < parts:
            assert time.monotonic() < deadline, ran()
            time.sleep(0.05)
        time.sleep(0.5)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(20) == 143
    return ran()


def test_each_verb_gets_the_flags_that_it_has(tmp_path: Path) -> None:
    flags = [
        "--prefix",
        "/a b",
        "--data=/d",
        "--min-gen-id",
        "2",
        "--allow-skipped",
        "--skip-missing",
        "--mirror",
        "/m",
    ]
    flags += ["--node-label=/l", "--metrics-file", "/f", "--max-size=9GiB", "--cog-versions", "1.0", "--grace", "5"]
    first, *others = calls(tmp_path, *flags, CODE="1")
    assert first == f"build {' '.join(flags)}"
    ready = "ready --prefix /a b --data=/d --min-gen-id 2 --allow-skipped --node-label=/l --metrics-file /f"
    prune = "prune --prefix /a b --min-gen-id 2 --max-size=9GiB --grace 5"
    parts = {f"verify --part {number}/3 --prefix /a b --data=/d" for number in (1, 2, 3)}
    assert {ready, prune} < set(others) <= {ready, prune, *parts}
    # The next part each time, and each of them in turn.
    assert len(set(others) & parts) >= 2


@pytest.mark.thorough
def test_nothing_is_pruned_without_a_size_and_a_range(tmp_path: Path) -> None:
    def run(flag: str) -> set[str]:
        (tmp_path / flag).mkdir()
        return {line.split()[0] for line in calls(tmp_path / flag, flag)}

    # One after the other: while a program is written, no other process may be started, which would hold it open.
    assert [run(flag) for flag in ("--max-size=9GiB", "--min-gen-id=2")] == [{"build", "verify"}] * 2


def test_nothing_is_verified_where_that_is_not_wanted(tmp_path: Path) -> None:
    assert calls(tmp_path, parts=0, MONOBASE_VERIFY_SECONDS="0") == ["build"]
