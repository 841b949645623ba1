"""Notes on a terminal are broken between words, and what is to be copied is kept whole."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios

import pytest

from workbench.notes import print_note


def test_a_program_gets_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_note("a word " * 60, about="tag")
    assert capsys.readouterr() == ("", f"tag: note: {'a word ' * 60}\n")


def test_a_terminal_gets_lines_that_fit_and_whole_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    command = "`python3 wizard.py up --base cuda --date 20261130`"
    with open(there, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        print_note(f"{'unbroken ' * 9}then {command} makes it, and it takes a while")
    lines = os.read(here, 4096).decode().splitlines()
    os.close(here)
    assert any(command in line for line in lines)
    assert all(len(line) <= 40 for line in lines if command not in line)
    assert all(
        word in ("note:", "unbroken", "then", "makes", "it,", "and", "it", "takes", "a", "while")
        for line in lines
        for word in line.replace(command, "").split()
    )
