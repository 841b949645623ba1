"""Running uv: which one, with the prefix's cache, and its messages as errors of ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.monobase.prefix import Prefix, held_locks

_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")
_FULL = ("os error 28", "No space left on device", "os error 122", "Disk quota exceeded")
_HINTS = (
    (
        "ash mismatch",
        "the index has other bytes under this version than the lock names: find out why before you lock again",
    ),
    ("connectivity is disabled", "the cache does not have it: build once without --offline"),
    ("network connectivity", "the cache does not have it: build once without --offline"),
)


@dataclass(frozen=True, slots=True)
class Uv:
    """A uv with a cache. `cache` is on the file system of what it installs into, so that it can link."""

    program: str
    cache: str
    pythons: str
    offline: bool = False

    def run(self, *arguments: str, about: str) -> str:
        """Run uv and return its output; raises WorkbenchError with what it was `about`, and why it failed."""
        command = [self.program, *arguments]
        environment = self._environment(os.environ)
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, pass_fds=held_locks(), check=False
        )
        if done.returncode != 0:
            raise _failure(about, done.stderr or done.stdout, done.returncode)
        return done.stdout

    def with_cache(self, folder: str) -> Uv:
        """Return this uv with another cache."""
        return Uv(self.program, folder, self.pythons, self.offline)

    def install(self, environment: str, requirements: str, *, about: str) -> None:
        """Install exactly what the locked file `requirements` names into `environment`, dependencies or not."""
        python = os.path.join(environment, "bin", "python")
        # A second index may have another file by the same name and version: the hash decides, not which index is first.
        strategy = ("--index-strategy", "unsafe-best-match")
        flags = ("--no-deps", "--require-hashes", *strategy, "--no-progress", "--python", python)
        self.run("pip", "install", *flags, "--requirement", requirements, about=about)

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        # The user's indexes, proxies and certificates apply; how files are installed is set here.
        ours = {
            "UV_CACHE_DIR": self.cache,
            "UV_PYTHON_INSTALL_DIR": self.pythons,
            "UV_LINK_MODE": "hardlink",
            "UV_PYTHON_DOWNLOADS": "manual",
            "UV_NO_CONFIG": "1",
            "UV_COMPILE_BYTECODE": "0",
            "UV_OFFLINE": "1" if self.offline else "0",
        }
        for pip, own in (("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_EXTRA_INDEX_URL", "UV_INDEX")):
            if pip in given and own not in given:
                ours[own] = given[pip]
        dropped = (
            "VIRTUAL_ENV",
            "CONDA_PREFIX",
            "PYTHONPATH",
            "PYTHONHOME",
            "UV_TARGET",
            "UV_PREFIX",
            "UV_SYSTEM_PYTHON",
        )
        return {**{name: value for name, value in given.items() if name not in dropped}, **ours}


def program(prefix: Prefix | None = None) -> str:
    """Return the uv beside our own Python (the one that is pinned), else the prefix's, else PATH's.

    Raises WorkbenchError when there is none.
    """
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    ours = prefix.below("bin", "uv") if prefix else ""
    found = next((path for path in (beside, ours, shutil.which("uv")) if path and os.access(path, os.X_OK)), None)
    if found is None:
        hint = f"`make setup` or `pip install uv` installs it{f'; or put it at {ours}' if ours else ''}"
        raise WorkbenchError("there is no uv", hint=hint)
    return found


def find_uv(prefix: Prefix, *, offline: bool = False) -> Uv:
    """Return the uv that fills `prefix`; raises WorkbenchError when there is none."""
    return Uv(program(prefix), prefix.below("uv", "cache"), prefix.below("uv", "python"), offline)


def disk_is_full(message: str) -> bool:
    """Return whether the message of a program means that there is no room left."""
    return any(sign in message for sign in _FULL)


def _failure(about: str, output: str, code: int) -> WorkbenchError:
    text = _PASSWORD.sub("***@", output).strip()
    if disk_is_full(text):
        return WorkbenchError(f"{about}: the disk is full", hint="make room; what is finished is kept")
    lines = [line.strip(" ×╰─▶├│") for line in text.splitlines() if line.strip()]
    # What failed stands first, and why at the end of what a build says.
    lines = [*(line for line in lines[:-8] if line.startswith("error: Failed to build")), *lines[-8:]]
    hint = next((hint for sign, hint in _HINTS if sign in text), "")
    return WorkbenchError(f"{about}: uv reports: {' | '.join(lines) or f'nothing, and ends with {code}'}", hint=hint)
