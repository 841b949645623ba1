"""File names at the limit of file systems: 255 bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.wheels import MINOR, SITE, Index, python_flag, write_generation

LONG = "n" * 300


@pytest.mark.parametrize("length", [240, 245, 255])
def test_a_module_whose_bytecode_has_no_name_left_is_installed_without_it(tmp_path: Path, length: int) -> None:
    """Python adds `.cpython-311.pyc`, and keeps no bytecode where that is too long. It was "a bug"."""
    module = f"{'m' * (length - 3)}.py"
    index = Index(tmp_path / "index")
    pin = index.add("long", files={"long/__init__.py": "", f"long/{module}": "X = 1\n"})
    write_generation(tmp_path / "data", 1, {"one": index.lock(tmp_path / "lock", pin)})
    flags = ("--prefix", tmp_path / "prefix", "--data", tmp_path / "data")
    done = wizard("monobase", "build", *flags, python_flag())
    assert done.returncode == 0, done.stderr
    site = tmp_path / f"prefix/monobase/g00001/python{MINOR}-one/{SITE}/long"
    assert (site / module).read_text() == "X = 1\n"
    assert len(list((site / "__pycache__").iterdir())) == (2 if length == 240 else 1)
    assert wizard("monobase", "verify", *flags).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        ("status", "--prefix", f"/tmp/{LONG}"),
        ("monogen", "--data", f"/tmp/{LONG}"),
        ("verify", "--prefix", f"/tmp/{LONG}/more"),
        ("build", "--prefix", "/nonexistent", "--data", f"/tmp/{LONG}"),
    ],
)
def test_a_name_that_no_file_system_takes_is_an_error_that_names_it(command: tuple[str, ...]) -> None:
    done = wizard("monobase", *command)
    assert (done.returncode, "bug" in done.stderr) in ((1, False), (0, False)), done.stderr
    if done.returncode:
        assert LONG in done.stderr


def test_so_is_one_that_a_package_brings(tmp_path: Path) -> None:
    """A folder of 250 characters is no fault, and neither is a label's file; 300 are one, by name."""
    index = Index(tmp_path / "index")
    write_generation(tmp_path / "data", 1, {"one": index.lock(tmp_path / "lock", index.add("aa"))})
    flags = ("--prefix", tmp_path / "prefix", "--data", tmp_path / "data", python_flag())
    done = wizard("monobase", "build", *flags, "--node-label", tmp_path / "n" / ("x" * 240))
    assert done.returncode == 0, done.stderr
    done = wizard("monobase", "build", *flags, "--node-label", tmp_path / "n" / LONG)
    assert (done.returncode, LONG in done.stderr, "bug" in done.stderr) == (1, True, False)
