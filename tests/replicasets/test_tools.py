from __future__ import annotations

from pathlib import Path

import pytest

from workbench.replicasets.tools import is_installed, run_tool


def test_what_a_program_wrote_and_how_it_ended() -> None:
    done = run_tool("sh", "-c", "echo out; echo '# a warning' >&2; echo why >&2; exit 3")
    assert (done.code, done.out, done.lines) == (3, "out\n", ["why"])
    assert run_tool("false").lines == ["false ended with 1"]


def test_a_program_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run_tool("no-such-program").lines == ["no-such-program is not installed"]
    # What only root uses is found without its folders in PATH.
    monkeypatch.setenv("PATH", str(tmp_path))
    assert is_installed("ldconfig") and not is_installed("no-such-program")
    assert run_tool("ldconfig", "--version").code == 0
