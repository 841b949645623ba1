"""The subverbs of models, as processes: activate, exec and user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.monobase.models import offline, run, user, variables
from tests.monobase.shells import SHELLS, source
from tests.monobase.wheels import MINOR, Index, need_python, this_python
from workbench.errors import WorkbenchError
from workbench.monobase.leases import is_used
from workbench.monobase.prefix import Prefix
from workbench.monobase.user import install_user

TOOL = [sys.executable, "wizard.py", "monobase"]


def tool(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the tool as the image does: with nothing but these variables."""
    return subprocess.run([*TOOL, *arguments], capture_output=True, text=True, env=env, cwd=REPOSITORY, check=False)


@pytest.mark.parametrize("shell", SHELLS)
def test_what_activate_prints_does_what_the_script_does(places: tuple[Path, Path], tmp_path: Path, shell: str) -> None:
    prefix, _ = places
    given = variables(prefix, tmp_path, MONOBASE_STACK="plain", PYTHONPATH="/it's mine")
    (tmp_path / "lines").write_text(tool("activate", env=given).stdout)
    code, found, stderr = source(shell, given, script=tmp_path / "lines")
    assert (code, found) == (0, source(shell, given)[1]), stderr
    data = json.loads(tool("activate", "--json", env=given).stdout)
    assert {name: found[name] for name in data["set"]} == data["set"]
    assert [Path(layer).name for layer in data["layers"]] == [f"cog2.0-python{MINOR}", f"python{MINOR}-plain"]


def test_an_error_is_for_programs_too(places: tuple[Path, Path], tmp_path: Path) -> None:
    prefix, _ = places
    done = tool("activate", "--json", env=variables(prefix, tmp_path, MONOBASE_STACK="none"))
    assert (done.returncode, done.stdout) == (1, "")
    error = json.loads(done.stderr)
    assert error["error"] == f"g00002 has no environment python{MINOR}-none"
    assert error["hint"] == f"available: python{MINOR}-newer, python{MINOR}-plain"


@contextmanager
def running(*command: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that has printed its first line, ended afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=REPOSITORY) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "here\n"
            yield child
        finally:
            child.kill()
            child.wait()


@pytest.mark.parametrize("by", ["exec.sh", "monobase exec"])
def test_what_a_model_runs_on_is_leased_as_long_as_it_runs(places: tuple[Path, Path], tmp_path: Path, by: str) -> None:
    if by == "exec.sh" and shutil.which("flock") is None:
        pytest.skip("flock not installed")
    prefix, _ = places
    start = [f"{prefix}/bin/exec.sh"] if by == "exec.sh" else [*TOOL, "exec", "--"]
    cog = f"cog-{os.readlink(prefix / 'cog/latest')}"
    given = variables(prefix, tmp_path, MONOBASE_STACK="plain", MONOBASE_GEN_ID="1")
    tree = Prefix.at(str(prefix))
    assert not is_used(tree, "g00001")
    with running(*start, "sh", "-c", "echo here; exec sleep 600", env=given):
        used = [name for name in ("g00001", "g00002", cog) if is_used(tree, name)]
    assert used == ["g00001", cog]
    deadline = time.monotonic() + 20
    while is_used(tree, "g00001"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_command_that_does_not_exist_is_reported(places: tuple[Path, Path], tmp_path: Path) -> None:
    prefix, _ = places
    done = tool("exec", "--", "no-such-command", env=variables(prefix, tmp_path, MONOBASE_STACK="plain"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: 'no-such-command' is not a command\n")
    assert tool("exec", env=variables(prefix, tmp_path)).returncode == 2


def test_exec_gives_the_commands_exit_code(places: tuple[Path, Path], tmp_path: Path) -> None:
    prefix, _ = places
    given = variables(prefix, tmp_path, MONOBASE_STACK="plain")
    assert tool("exec", "--", "python", "-c", "import tool; raise SystemExit(7)", env=given).returncode == 7
    assert run(prefix, tmp_path, "sh", "-c", "exit 7", MONOBASE_STACK="plain").returncode == 7


def test_a_folder_of_the_users_is_installed_as_it_is(places: tuple[Path, Path], tmp_path: Path) -> None:
    """An editable install, with a package that no layer has and one that a layer has."""
    prefix, wheels = places
    project = tmp_path / "mine"
    project.mkdir()
    (project / "mine.py").write_text("WHAT = 'edited'\n")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "mine"\nversion = "1.0"\n'
    )
    # A build backend of one file: nothing has to be fetched to build it.
    (project / "backend.py").write_text(BACKEND)
    file, given = user(prefix, wheels, tmp_path, "-e ./mine\nextra\ntool\n")
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "monobase", "user", "--requirements", str(file)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**given, **offline(wheels)}, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/user: -e ./mine, extra\n"), done.stderr
    probe = "import mine, extra, tool; print(mine.WHAT, mine.__file__)"
    done = run(prefix, tmp_path, "python", "-c", probe, MONOBASE_STACK="plain")
    assert done.stdout == f"edited {project}/mine.py\n", done.stderr


BACKEND = """
import base64, hashlib, os, zipfile

def _wheel(folder, files):
    files = dict(files)
    info = "mine-1.0.dist-info"
    files[f"{info}/METADATA"] = "Metadata-Version: 2.1\\nName: mine\\nVersion: 1.0\\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(os.path.join(folder, "mine-1.0-py3-none-any.whl"), "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return "mine-1.0-py3-none-any.whl"

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {"mine.py": open("mine.py").read()})

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {"mine.pth": os.getcwd() + "\\n"})
"""


def test_a_folder_that_is_no_layer_is_left_alone(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, wheels = places
    for name, text in offline(wheels).items():
        monkeypatch.setenv(name, text)
    (tmp_path / "project").mkdir()
    (tmp_path / "project/thesis.txt").write_text("mine")
    file, given = user(prefix, wheels, tmp_path, "extra\n", MONOBASE_USER=f"{tmp_path}/project")
    with pytest.raises(WorkbenchError, match="this is not a user's layer"):
        install_user(str(prefix), given, file)
    assert (tmp_path / "project/thesis.txt").read_text() == "mine"
    given["MONOBASE_USER"] = f"{tmp_path}/mine"
    for _ in range(2):
        assert install_user(str(prefix), given, file).root == f"{tmp_path}/mine"
    assert (tmp_path / "mine/.monobase").exists()


def test_torch_is_not_installed_unless_requested(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, _ = places
    index = Index(tmp_path / "index")
    index.add("torch", "2.0")
    index.add("trainer", needs=["torch"])
    for name, text in offline(index).items():
        monkeypatch.setenv(name, text)
    file, given = user(prefix, index.folder, tmp_path, "trainer\n")
    with pytest.raises(WorkbenchError, match="the requirements would install torch") as caught:
        install_user(str(prefix), given, file)
    assert caught.value.hint == "set R8_TORCH_VERSION, so that it comes from an environment"
    assert not (tmp_path / "user").exists()


def test_a_need_of_a_need_that_contradicts_names_both_sides(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, _ = places
    index = Index(tmp_path / "index")
    index.add("schema", "1.0")
    index.add("antique", needs=["schema<2"])
    for name, text in offline(index).items():
        monkeypatch.setenv(name, text)
    file, given = user(prefix, index.folder, tmp_path, "antique\n")
    with pytest.raises(WorkbenchError) as caught:
        install_user(str(prefix), given, file)
    cog = os.readlink(prefix / "cog/latest")
    assert "antique" in caught.value.message
    assert caught.value.message.endswith(f"; {cog}/cog2.0-python{MINOR} has schema 2.0")


def test_the_verb_lists_its_subverbs_and_knows_no_other() -> None:
    listed = wizard("monobase")
    assert listed.returncode == 0
    assert "  activate   print the environment" in listed.stdout
    done = wizard("monobase", "activte")
    assert (done.returncode, "did you mean activate?" in done.stderr) == (2, True)


def test_activation_needs_no_package_but_pythons_own(places: tuple[Path, Path], tmp_path: Path) -> None:
    """In an image, before anything is activated, there may be none."""
    prefix, _ = places
    given = variables(prefix, tmp_path, MONOBASE_STACK="plain")
    bare = [this_python().path, "-S", "wizard.py", "monobase"]
    for command in (["activate"], ["exec", "--", "sh", "-c", "exit 0"]):
        done = subprocess.run([*bare, *command], capture_output=True, text=True, env=given, cwd=REPOSITORY, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_asks_the_tool_for_a_cog_that_is_missing(places: tuple[Path, Path], tmp_path: Path, shell: str) -> None:
    prefix, wheels = places
    need_python(prefix)
    shutil.copytree(wheels, tmp_path / "index")
    index = Index(tmp_path / "index")
    index.add("cog", "4.0")
    command = tmp_path / "bin/monobase"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\ncd {REPOSITORY} && exec {sys.executable} wizard.py monobase "$@"\n')
    command.chmod(0o755)
    given = {**variables(prefix, tmp_path / "cache", R8_COG_VERSION="4.0", MONOBASE_STACK="plain"), **offline(index)}
    given["PATH"] = f"{command.parent}:{given['PATH']}"
    code, found, stderr = source(shell, given)
    assert code == 0, stderr
    assert found["MONOBASE_COG"] == f"cog/cog4.0-python{MINOR}"
    assert found["PATH"].startswith(f"{tmp_path}/cache/cog/cog4.0-python{MINOR}/bin:")
    code, _, stderr = source(shell, {**given, "R8_COG_VERSION": "5.0"})
    assert (code, "resolving cog==5.0" in stderr) == (1, True)


def test_monogen_lists_each_generation_with_its_digest() -> None:
    done = wizard("monobase", "monogen", "--json")
    assert done.returncode == 0
    data = json.loads(done.stdout)
    assert [(row["name"], row["released"], len(row["environments"])) for row in data] == [
        ("g00001", "2026-11-22", 4),
        ("g00002", "2026-11-22", 4),
        ("g00003", "", 238),
    ]
    assert len(data[-1]["unlocked"]) == 231
    assert all(row["digest"].startswith("sha256:") for row in data)
