from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.monobase.wheels import MINOR, this_python
from workbench.errors import UsageError, WorkbenchError
from workbench.monobase import interpreters
from workbench.monobase.interpreters import InterpreterMissingError, find, in_home, named_interpreters, probe
from workbench.monobase.prefix import Prefix


def test_an_interpreter_reports_what_it_is() -> None:
    found = this_python()
    assert (found.minor, found.tag) == (MINOR, sys.implementation.cache_tag)
    assert probe("/bin/true") is None
    assert probe("/no/such/file") is None


def test_names() -> None:
    assert named_interpreters(["3.12=/a/python", "3.11=/b/c"]) == {"3.12": "/a/python", "3.11": "/b/c"}


@pytest.mark.parametrize("text", ["3.12", "3.12=python", "3.12.1=/a", "=/a", "x=/a", "3.12="])
def test_what_names_no_python(text: str) -> None:
    with pytest.raises(UsageError, match="does not name a Python"):
        named_interpreters([text])


def test_one_that_is_named_must_be_that_version(tmp_path: Path) -> None:
    prefix = Prefix.at(str(tmp_path))
    assert find(prefix, MINOR, {MINOR: this_python().path}) == this_python()
    with pytest.raises(WorkbenchError, match=rf"this is not Python 3\.99: it is {MINOR}"):
        find(prefix, "3.99", {"3.99": this_python().path})
    with pytest.raises(WorkbenchError, match="it does not run"):
        find(prefix, "3.99", {"3.99": "/no/such/file"})


def test_one_below_the_prefix_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "in_home", lambda path: "")
    for full in ("9", "10"):
        binary = tmp_path / f"uv/python/cpython-{MINOR}.{full}-linux-x86_64-gnu/bin/python{MINOR}"
        binary.parent.mkdir(parents=True)
        binary.symlink_to(this_python().path)
    assert f"cpython-{MINOR}.10-" in find(Prefix.at(str(tmp_path)), MINOR, {}).path


def test_one_that_is_nowhere_is_reported_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InterpreterMissingError) as error:
        find(Prefix.at(str(tmp_path)), "3.99", {})
    assert error.value.message == "no Python 3.99 on this machine"
    assert "--python 3.99=/path/to/python3.99" in error.value.hint


def test_one_in_a_home_folder_is_not_found_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    binary = tmp_path / "bin" / "python3.98"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\necho \'["{binary}", "3.98.0", "cpython-398", "abi", "linux"]\'\n')
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:{os.environ['PATH']}")
    assert in_home(str(binary)) == str(tmp_path)
    with pytest.raises(InterpreterMissingError) as error:
        find(Prefix.at(str(tmp_path / "prefix")), "3.98", {})
    assert f"{binary} is in a home folder ({tmp_path}), which other users cannot enter" in error.value.message


def test_a_script_that_chooses_one_is_not_taken_for_it(tmp_path: Path) -> None:
    shim = tmp_path / "python"
    shim.write_text(f'#!/bin/sh\nexec {this_python().path} "$@"\n')
    shim.chmod(0o755)
    assert probe(str(shim)) == this_python()
    assert probe(sys.executable) == this_python()
