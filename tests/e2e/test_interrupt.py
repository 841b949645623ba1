"""Ctrl-C on a terminal while apt installs packages: nothing of the build is left."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from tests.command import wizard
from tests.engine import BaseChoice, Engine, ca_bundle
from tests.images.podman.test_builder import wait_for_line
from tests.vsix import without_extensions
from tests.wizard.terminal import CTRL_C, Terminal

pytestmark = pytest.mark.thorough


def test_ctrl_c_while_apt_unpacks_leaves_nothing(engine: Engine, base: BaseChoice, tmp_path: Path) -> None:
    catalogue = without_extensions(tmp_path / "catalogue")
    flags = [*base.flags(), "--base=standard", "--bundle=minimal", "--ide=vscode", "--catalog", catalogue]
    made = wizard("new", *flags, "--out", tmp_path / "recipes", "--offline", "--no-lint")
    assert made.returncode == 0, made.stderr
    (recipe,) = (tmp_path / "recipes").iterdir()
    containers, names = engine.containers(), engine.names()
    arguments = ["build", str(recipe), "--no-cache", "--log-dir", str(tmp_path / "logs"), *ca_bundle()]
    with Terminal(tmp_path, *arguments, env={**os.environ, **engine.env, "TERM": "xterm-256color"}) as terminal:
        wait_for_line(tmp_path / "logs", "Unpacking ")
        terminal.press(CTRL_C).see("stopping…")
        assert terminal.end() == 130
        assert "was not made or changed" in terminal.flat
        assert terminal.text.endswith("interrupted")
    assert engine.containers() == containers
    assert engine.names() == names
    assert not [words for words in _command_lines() if b"install" in words and b"libkrb5-dev" in words]


def _command_lines() -> list[list[bytes]]:
    """The command line of every process of this machine, those in containers too."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(file.read_bytes().split(b"\0"))
    return found
