"""Programs of the operating system that the service runs: found beyond a normal user's PATH, and in English."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a program ended: its exit code (None when there is none of this name), and what it wrote."""

    program: str
    code: int | None
    out: str = ""
    err: str = ""

    @property
    def lines(self) -> list[str]:
        """What it wrote about a failure, without what begins with # (iptables warns of its older tables so)."""
        if self.code is None:
            return [f"{self.program} is not installed"]
        text = self.err.strip() or self.out.strip()
        found = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        return found or [f"{self.program} ended with {self.code}"]


def is_installed(program: str) -> bool:
    """Return whether there is a program of this name."""
    return shutil.which(program, path=_search_path()) is not None


def run_tool(*command: str, text: str = "") -> ToolResult:
    """Run a program to its end, with `text` as its input, and return how it ended."""
    env = {**os.environ, "PATH": _search_path(), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, errors="replace", env=env, check=False
        )
    except FileNotFoundError:
        return ToolResult(command[0], None)
    return ToolResult(command[0], done.returncode, done.stdout, done.stderr)


def _search_path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:{_SBIN}"
