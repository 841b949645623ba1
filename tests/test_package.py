"""The package that `pip install .` installs: the command, the catalogue inside it, and what it may not do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import files_below, wizard
from workbench import __version__

DATA = ("base", "bundles", "cuda-layer", "ides", "models", "monobase", "releases", "service", "snippets", "wizard.py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository, built as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", folder, REPOSITORY)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which the wheel is installed, with the packages that run these tests."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    pip(sys.executable, "--python", folder / "bin/python", "install", "--no-deps", wheel)
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "bin/hadolint").symlink_to(Path(sys.executable).parent / "hadolint")
    return folder / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without the repository in sight, and the one that commands run in."""
    for name in ("PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pip(python: str | Path, *arguments: object) -> None:
    command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr


def run(program: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def test_the_dependencies_are_those_of_the_pipfile() -> None:
    """Change them in Pipfile, then in pyproject.toml."""
    pipfile = tomllib.loads((REPOSITORY / "Pipfile").read_text())
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == [f"{name}{versions}" for name, versions in sorted(pipfile["packages"].items())]


def test_the_version_is_the_newest_of_the_changes_and_has_a_day() -> None:
    headings = re.findall(r"^## (.*)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    dated = [
        re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)", text) for text in headings if text != "Unreleased"
    ]
    assert all(dated)
    assert dated[0] is not None
    assert dated[0][1] == __version__


def test_the_wheel_has_every_file_of_the_package_and_of_the_data(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "workbench", *DATA],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=True,
    ).stdout.split("\0")
    expected = {name if name.startswith("workbench/") else f"workbench/data/{name}" for name in listed if name}
    # `python -m monobase.build` works where it is installed.
    modules = {name for name in listed if re.fullmatch(r"monobase/\w+\.py", name)}
    expected = (expected - {f"workbench/data/{name}" for name in modules}) | modules
    with zipfile.ZipFile(wheel) as file:
        assert {name for name in file.namelist() if ".dist-info/" not in name} == expected


def test_the_command_works_from_any_folder(installed: Path, elsewhere: Path) -> None:
    program = installed / "workbench-images"
    assert run(program, "--version").stdout == f"workbench-images {__version__}\n"
    listed = run(program, "list")
    assert (listed.returncode, listed.stdout) == (0, wizard("list").stdout)
    python = run(installed / "python", "-c", "import workbench; print(workbench.__file__)").stdout
    assert python.startswith(str(installed.parent))


@pytest.mark.parametrize("module", ["build", "diff", "monogen", "update", "user"])
def test_monobases_modules_run_by_name(installed: Path, elsewhere: Path, module: str) -> None:
    arguments = [] if module == "monogen" else ["--help"]
    for python, folder in ((installed / "python", elsewhere), (Path(sys.executable), REPOSITORY)):
        command = [str(python), "-m", f"monobase.{module}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        assert (done.returncode, "g00003" in done.stdout or f"monobase {module}" in done.stdout) == (0, True), (
            done.stderr
        )


def test_a_recipe_is_the_same_byte_for_byte(installed: Path, elsewhere: Path) -> None:
    flags = ("new", "--defaults", "--date", "20261122", "--offline", "--out")
    done = run(installed / "workbench-images", *flags, "x")
    assert done.returncode == 0, done.stderr
    assert wizard(*flags, elsewhere / "y").returncode == 0
    files = files_below(elsewhere / "x")
    assert files == files_below(elsewhere / "y")
    (manifest,) = (files[name] for name in files if name.endswith("/recipe.toml"))
    assert f'tool = "{__version__}"' in manifest.decode()


def test_recipes_go_to_the_current_folder_and_the_next_command_works(installed: Path, elsewhere: Path) -> None:
    """What is printed as the next command is the one that this installation has."""
    done = run(installed / "workbench-images", "new", "--defaults", "--date", "20261122", "--offline")
    (folder,) = (elsewhere / "recipes").iterdir()
    assert done.stdout.splitlines()[-1] == f"build it with: workbench-images build recipes/{folder.name}"
    assert run(installed / "workbench-images", "check", f"recipes/{folder.name}").returncode == 0


@pytest.mark.parametrize(
    "arguments", [["--help"], ["new", "--help"], ["lock", "--help"], ["export", "elyra", "--help"], ["model", "--help"]]
)
def test_help_names_the_command(installed: Path, elsewhere: Path, arguments: list[str]) -> None:
    shown = run(installed / "workbench-images", *arguments).stdout
    assert "workbench-images" in shown
    assert "wizard.py" not in shown
    assert "make " not in shown.partition("examples:")[2]


def test_hints_name_the_command(installed: Path, elsewhere: Path) -> None:
    code = """
from workbench.cli import main
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.verbs import list
def run(args): raise WorkbenchError("no", hint=f"`{here('cuda --os c9s --layers devel')}`, or `{here('new')}`")
list.run = run
main(["list"])
main(["list", "--json"])
"""
    shown = run(installed / "python", "-c", code).stderr
    assert shown.count("`workbench-images cuda --os c9s --layers devel`, or `workbench-images new`") == 2


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["lock", "--bundle", "minimal"], "--catalog"),
        (["release", "freeze", "2026a"], "--catalog"),
        (["release", "update", "2025b"], "--catalog"),
        (["release", "new", "2027a"], "--catalog"),
        (["monobase", "monogen", "--release", "1"], "--data"),
        (["monobase", "update"], "--data"),
    ],
)
def test_the_installed_catalogue_is_read_only(
    installed: Path, elsewhere: Path, arguments: list[str], flag: str
) -> None:
    data = installed.parent / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages/workbench/data"
    before = files_below(data)
    done = run(installed / "workbench-images", *arguments)
    assert done.returncode == 2
    assert "was installed with the tool and is read-only" in done.stderr
    assert f"`{flag} DIR`" in done.stderr
    assert files_below(data) == before


def test_another_catalogue_may_be_written_to(installed: Path, elsewhere: Path) -> None:
    catalogue = make_catalogue(elsewhere)
    done = run(installed / "workbench-images", "release", "new", "2027a", "--catalog", catalogue)
    assert done.returncode == 0, done.stderr
    assert (catalogue / "releases/2027a.toml").exists()


def test_images_of_the_tool_hold_the_same_files(installed: Path, elsewhere: Path) -> None:
    """The contexts of the service's and of monobase's image, by the digest that becomes their label."""
    code = """
from workbench.catalog.reader import read_catalogue
from workbench.images.labels import SOURCE_LABEL
from workbench.images.tool_image import tool_image
from workbench.locations import ROOT
from workbench.verbs.monobase.image import TOOL
tools = {"service": ("wizard.py", "workbench"), "monobase": TOOL}
for name, tool in tools.items():
    catalogue = read_catalogue(str(ROOT))
    with tool_image(name, f"{name}/image", tool, catalogue, str(ROOT), "2026a", "bookworm", "3.11", "20261122") as made:
        print(name, made.labels[SOURCE_LABEL])
"""
    ours = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    theirs = run(installed / "python", "-c", code)
    assert theirs.stdout == ours.stdout, theirs.stderr
    assert len(theirs.stdout.splitlines()) == 2


def test_a_model_begins_with_the_template(installed: Path, elsewhere: Path) -> None:
    assert run(installed / "workbench-images", "model", "init", "mine").returncode == 0
    assert sorted(files_below(elsewhere / "mine")) == sorted(files_below(REPOSITORY / "models/template"))


@pytest.mark.slow
def test_pip_installs_it_with_what_it_needs(elsewhere: Path) -> None:
    """As a user does, from a clone: nothing but pip and its index."""
    venv.create("venv", symlinks=True, with_pip=True)
    pip(elsewhere / "venv/bin/python", "install", REPOSITORY)
    done = run(elsewhere / "venv/bin/workbench-images", "new", "--defaults", "--offline", "--out", "x")
    assert done.returncode == 0, done.stderr
    assert os.listdir("x")
