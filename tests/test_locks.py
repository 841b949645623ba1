"""Locks between processes: one holds them, whoever else wants it waits or hears who does, and no end leaves them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.catalogues import REPOSITORY
from workbench.locks import locked, sole

_HOLD = """\
import sys, time
from workbench.locks import {0}
with {0}(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def holder(kind: str, path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD.format(kind), str(path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_who_holds_it_is_known_until_its_end(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holder("sole", path)
    try:
        with sole(str(path)) as other:
            assert other == process.pid
    finally:
        process.kill()
        process.communicate()
    with sole(str(path)) as other, sole(str(path)) as mine:
        assert other == 0 and mine > 0
    with sole(str(path)) as other:
        assert other == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_waits_gets_it_when_its_holder_is_killed(tmp_path: Path) -> None:
    process = holder("locked", tmp_path / "lock")
    waiting = subprocess.Popen(
        [sys.executable, "-c", _HOLD.format("locked"), str(tmp_path / "lock")],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        process.kill()
        process.communicate()
        assert waiting.stdout is not None and waiting.stdout.readline() == "held\n"
    finally:
        waiting.kill()
        waiting.communicate()
    with locked(str(tmp_path / "lock")):
        pass
