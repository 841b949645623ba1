"""The Python that is activated runs, or an error or a warning says that another one does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase import trees
from tests.monobase.models import run, variables
from tests.monobase.shells import SHELLS, source
from tests.monobase.test_activation import both
from tests.monobase.wheels import MINOR, Index, python_flag, this_python, write_generation
from workbench.monobase import layout
from workbench.monobase.interpreters import probe

GONE = "/usr/bin/python3.12-that-is-gone"


def test_a_python_that_is_missing_is_an_error_and_not_the_next_one_on_the_path(tmp_path: Path) -> None:
    """An environment's link led nowhere in a model's image, and 3.9, further on PATH, answered for 3.11."""
    trees.generation(tmp_path, "g00001", {"python3.12-plain": []})
    trees.latest(tmp_path, "g00001")
    python = tmp_path / "monobase/g00001/python3.12-plain/bin/python"
    asked = {"R8_PYTHON_VERSION": "3.12", "MONOBASE_STACK": "plain"}
    assert isinstance(both(tmp_path, asked), dict)
    hint = "Python 3.12 must be there, in the image of a model too"
    trees.point(python, GONE)
    message = f"the Python of g00001/python3.12-plain is missing here: {GONE}"
    assert both(tmp_path, asked) == (message, hint)
    python.unlink()
    assert both(tmp_path, asked) == (f"the Python of g00001/python3.12-plain is missing here: {python}", hint)


def test_the_cogs_python_and_the_users_are_looked_at_too(tmp_path: Path) -> None:
    trees.generation(tmp_path, "g00001", {"python3.12-plain": []})
    trees.latest(tmp_path, "g00001")
    cogs = trees.cogs(tmp_path, "g0a1b2c3d", ["1.0"], ["3.12"], "1.0")
    trees.conflicts(cogs / "cog1.0-python3.12", "g00001", "python3.12-plain")
    asked = {"R8_PYTHON_VERSION": "3.12", "MONOBASE_STACK": "plain"}
    trees.point(cogs / "cog1.0-python3.12/bin/python", GONE)
    found = both(tmp_path, asked)
    assert found[0] == f"the Python of g0a1b2c3d/cog1.0-python3.12 is missing here: {GONE}"  # type: ignore[index]


@pytest.mark.parametrize("given", [{}, {"PYTHONHOME": "/opt/other-python"}])
def test_pythonhome_is_no_home_of_an_environment(
    places: tuple[Path, Path], tmp_path: Path, given: dict[str, str]
) -> None:
    prefix, _ = places
    probe_it = "import sys, tool; print(sys.base_prefix)"
    done = run(prefix, tmp_path, "python", "-c", probe_it, MONOBASE_STACK="plain", **given)
    assert done.stdout.strip() == str(Path(this_python().path).parents[1]), done.stderr
    for shell in SHELLS:
        code, found, stderr = source(shell, {**variables(prefix, tmp_path, MONOBASE_STACK="plain"), **given})
        assert (code, "PYTHONHOME" in found) == (0, False), stderr
    command = ("monobase", "activate", "--prefix", prefix, "--json")
    # Of the tool itself it would be the home, too.
    env = {**variables(prefix, tmp_path, MONOBASE_STACK="plain"), "PATH": os.environ["PATH"]}
    assert "PYTHONHOME" in json.loads(wizard(*command, env=env).stdout)["unset"]


def other_python() -> str:
    """A Python of another version than the one that runs the tests."""
    folders = [Path(sys.executable).resolve().parents[2], Path("/usr/bin"), Path("/usr/local/bin")]
    for folder in folders:
        for path in [*sorted(folder.glob("*/bin/python3.?*")), *sorted(folder.glob("python3.?*"))]:
            found = probe(str(path)) if path.name.removeprefix("python3.").isdigit() else None
            if found is not None and found.minor != MINOR and found.minor != "3.6":
                return found.path
    pytest.skip("there is no other Python on this machine")


def test_another_python_that_inherits_the_variables_says_so_and_takes_no_package(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    prefix, _ = places
    other = other_python()
    code = "import importlib.util as u; print(u.find_spec('tool'))"
    done = run(prefix, tmp_path, other, "-c", code, MONOBASE_STACK="plain")
    assert done.stdout == "None\n"
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("warning: this is Python 3.")
    assert lines[0].endswith(f"({other}), and Python {MINOR} is activated: it does not see what is activated")
    ours = run(prefix, tmp_path, "python", "-c", code, MONOBASE_STACK="plain")
    assert ("ModuleSpec" in ours.stdout, ours.stderr) == (True, "")


def test_a_link_to_a_python_names_its_version(tmp_path: Path) -> None:
    """`python3` is 3.11 in one image and 3.9 in another."""
    real = this_python()
    (tmp_path / "bin").mkdir()
    script = f'#!/bin/sh\nexec {real.path} "$@"\n'
    for name in ("python3", f"python{MINOR}"):
        (tmp_path / "bin" / name).write_text(script)
    assert Path(real.path).name == f"python{MINOR}"
    (tmp_path / "python3").symlink_to(real.path)
    found = probe(str(tmp_path / "python3"))
    assert found is not None and Path(found.path).name == f"python{MINOR}"


def test_the_generation_says_which_patch_version_it_has(tmp_path: Path) -> None:
    """The one that its file names is what is fetched where there is none; the manifest and `status` have both."""
    index = Index(tmp_path / "index")
    write_generation(tmp_path / "data", 1, {"one": index.lock(tmp_path / "lock", index.add("aa"))})
    command = ("--prefix", tmp_path / "prefix")
    assert wizard("monobase", "build", *command, "--data", tmp_path / "data", python_flag()).returncode == 0
    done = layout.read_done(str(tmp_path / "prefix/monobase/g00001"))
    assert done is not None
    assert done.pythons == {MINOR: (this_python().version, f"{MINOR}.99")}
    shown = wizard("monobase", "status", *command).stdout
    assert f"{this_python().version} (named: {MINOR}.99)" in shown
    [status] = json.loads(wizard("monobase", "status", *command, "--json").stdout)
    assert status["pythons"] == {MINOR: [this_python().version, f"{MINOR}.99"]}


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh"])
def test_every_shell_activates_and_keeps_its_own_settings(
    places: tuple[Path, Path], tmp_path: Path, shell: str
) -> None:
    """With what its users set: errors for patterns that match nothing, and a `cat` that is another program."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    prefix, _ = places
    own = {"zsh": "setopt nomatch warn_create_global; chpwd() { echo moved; }", "bash": "shopt -s failglob"}
    state = {"zsh": "setopt", "bash": "shopt; set -o"}.get(shell, "set -o")
    script = (
        f"{own.get(shell, ':')}\nalias cat=no-such-program\nbefore=$({state})\n. {prefix}/bin/activate.sh || exit 3\n"
        f'[ "$before" = "$({state})" ] || exit 4\npython -c "import tool, sys; print(sys.prefix)"\n'
        "set | grep -E '^_mb_' && exit 5\nexit 0\n"
    )
    (tmp_path / "script").write_text(script)
    given = variables(prefix, tmp_path, MONOBASE_STACK="plain")
    done = subprocess.run([program, str(tmp_path / "script")], env=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    found = ("cd bin; . ./activate.sh", ". bin/activate.sh", "PATH=$PATH:$PWD/bin; f() { . activate.sh; }; f")
    for lines in found:
        command = [program, "-c", f'{lines}; echo "$MONOBASE_GENERATION"']
        named = subprocess.run(command, env=given, capture_output=True, text=True, cwd=prefix, check=False)
        assert (named.stdout, named.stderr) == ("g00002\n", ""), lines
    given["MONOBASE_STACK"] = "none"
    done = subprocess.run([program, str(tmp_path / "script")], env=given, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: g00002 has no environment")
