"""Tiny wheels, locks and generations for tests: made here, found by uv in a folder, without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from workbench.monobase.environment import build
from workbench.monobase.inspection import files_below
from workbench.monobase.install import Toolchain
from workbench.monobase.interpreters import Interpreter, InterpreterMissingError, find, probe
from workbench.monobase.prefix import Prefix

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f"lib/python{MINOR}/site-packages"


@cache
def this_python() -> Interpreter:
    """The Python that runs the tests, outside of its virtual environment."""
    found = probe(os.path.realpath(sys.executable))
    assert found is not None
    return found


def need_python(prefix: Path) -> None:
    """Skip a test that lets the tool find the Python that runs the tests, where that is in a home folder (pyenv's)."""
    try:
        find(Prefix.at(str(prefix)), MINOR, {})
    except InterpreterMissingError as error:
        pytest.skip(error.message)


def python_flag() -> str:
    return f"--python={MINOR}={this_python().path}"


@dataclass
class Index:
    """A folder of wheels; `pins` has the locked line of each."""

    folder: Path
    pins: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        name: str,
        version: str = "1.0",
        files: Mapping[str, str] | None = None,
        commands: str = "",
        needs: Sequence[str] = (),
    ) -> str:
        """Add a wheel of these files (default: a module that tells its version), and return its locked line."""
        inside = dict(files if files is not None else {f"{name}/__init__.py": f"VERSION = {version!r}\n"})
        info = f"{name}-{version}.dist-info"
        inside[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        inside[f"{info}/METADATA"] += "".join(f"Requires-Dist: {need}\n" for need in needs)
        inside[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        if commands:
            inside[f"{info}/entry_points.txt"] = f"[console_scripts]\n{commands}\n"
        rows = [f"{path},sha256={_encoded(text)},{len(text.encode())}" for path, text in inside.items()]
        inside[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            for inner, text in inside.items():
                # A fixed time: the same wheel has the same hash.
                wheel.writestr(zipfile.ZipInfo(inner, (2020, 1, 1, 0, 0, 0)), text)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.pins[name] = f"{name}=={version} --hash=sha256:{digest}"
        return self.pins[name]

    def lock(self, path: Path, *lines: str) -> str:
        """Write a lock of `lines` (default: everything) that is found here, and return its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{line}\n" for line in (lines or self.pins.values()))
        path.write_text(f"--no-index\n--find-links {self.folder}\n{text}")
        return str(path)


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def toolchain_at(folder: Path) -> Toolchain:
    """A workshop for the prefix `folder`, as who holds its lock has one."""
    folder.mkdir(parents=True, exist_ok=True)
    return Toolchain.at(Prefix.at(str(folder)), offline=False, jobs=2)


def make(tools: Toolchain, name: str, lock: str) -> Path:
    """Build the environment `name` ("g00001/python3.11-plain") of `lock`, and return its folder."""
    target = Path(tools.prefix.generations, name)
    build(tools, str(target), lock, this_python())
    return target


def contents(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file and link below `folder`: its mode, and the digest of its contents or where it points."""
    found = {}
    for path, status in files_below(str(folder)):
        whole = folder / path
        if whole.is_symlink():
            found[path] = (0, os.readlink(whole))
        else:
            found[path] = (status.st_mode, hashlib.sha256(whole.read_bytes()).hexdigest())
    return found


def write_generation(data: Path, number: int, locks: Mapping[str, str], *, pythons: Sequence[str] = (MINOR,)) -> None:
    """Write the generation `number` below `data`: an environment for each stack of `locks` (its lock) and Python."""
    name = f"g{number:05d}"
    tables = "".join(f'[stacks.{stack}]\npackages = ["made=={number}.0"]\n' for stack in locks)
    versions = "".join(f'"{python}" = "{python}.99"\n' for python in pythons)
    spec = data / "generations" / f"{name}.toml"
    spec.parent.mkdir(parents=True, exist_ok=True)
    spec.write_text(f"id = {number}\npackages = []\n[python]\n{versions}\n{tables}")
    rows = []
    folder = data / "requirements" / name
    folder.mkdir(parents=True, exist_ok=True)
    for python in pythons:
        for stack, lock in locks.items():
            environment = f"python{python}-{stack}"
            rows.append(dict.fromkeys(("torch", "cuda", "cudnn"), "") | {"name": environment, "python": python})
            rows[-1]["stack"] = stack
            (folder / f"{environment}.txt").write_text(Path(lock).read_text())
    (folder / "matrix.json").write_text(json.dumps({"id": number, "environments": rows}))
