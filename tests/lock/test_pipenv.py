from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.command import files_below
from workbench.indexes import MAIN, further_variables
from workbench.lock.conflict import uv_program
from workbench.lock.folders import folders_to_lock
from workbench.lock.fresh import stale_locks
from workbench.lock.index import use_index_of_pip
from workbench.lock.interpreter import find_interpreter, version_of
from workbench.lock.pipenv import export_name, is_current
from workbench.names import lists_of_folder, python_of, python_of_lists

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
FOLDER = f"py{sys.version_info.major}{sys.version_info.minor}"
PIPFILE = """\
[[source]]
name = "index"
url = "${PIP_INDEX_URL}"
verify_ssl = true

[packages]
packaging = "~=26.0"

[jupyter]
pluggy = "~=1.5"
packaging = "*"
"""
FOLDERS = folders_to_lock(str(REPOSITORY), None, None)
# Lists for certain bases whose packages are on an index that cannot be reached from everywhere.
WAITING = sorted(
    folder
    for folder in FOLDERS
    if lists_of_folder(Path(folder).name) and not (REPOSITORY / folder / "Pipfile.lock").exists()
)
LOCKED = sorted(FOLDERS.keys() - set(WAITING))
LOCKS = sorted(path.parent for path in REPOSITORY.glob("*/*/*/Pipfile.lock"))


def make_lock(catalogue: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """`make lock` in everything but the catalogue: the variable of the Pipfiles is set as there."""
    script = '. workbench/lock/index-url.sh && exec "$0" wizard.py lock --catalog "$@"'
    command = ["sh", "-c", script, sys.executable, str(catalogue), *flags]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)


@pytest.mark.thorough
def test_locking_for_real_then_nothing_to_do_then_a_change(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path, {f"bundles/2-new/{FOLDER}/Pipfile": PIPFILE, "bundles/2-new/display.txt": "N"})
    folder = catalogue / "bundles/2-new" / FOLDER
    assert not is_current(str(folder))
    done = make_lock(catalogue, "--json")
    assert done.returncode == 0, done.stderr
    assert [outcome["status"] for outcome in json.loads(done.stdout)] == ["locked"]
    lists = ["requirements-jupyter.txt", "requirements.txt", "sizes.txt"]
    assert sorted(files_below(folder)) == ["Pipfile", "Pipfile.lock", *lists]
    assert re.fullmatch(r"packaging==26\.\S+; .*--hash=sha256:\w{64} .*\n", (folder / "requirements.txt").read_text())
    assert is_current(str(folder))
    before = files_below(folder)
    assert [outcome["status"] for outcome in json.loads(make_lock(catalogue, "--json").stdout)] == ["current"]
    assert files_below(folder) == before
    (folder / "requirements.txt").write_text("packaging==1.0\n")
    assert not is_current(str(folder))
    (folder / "Pipfile").write_text(PIPFILE.replace("~=1.5", "~=1.6"))
    assert not is_current(str(folder))


def test_what_cannot_be_resolved_leaves_the_old_lock(tmp_path: Path) -> None:
    pipfile = PIPFILE.replace('packaging = "*"', 'packaging = "==1.0.9999"')
    catalogue = make_catalogue(tmp_path, {f"bundles/2-new/{FOLDER}/Pipfile": pipfile})
    folder = catalogue / "bundles/2-new" / FOLDER
    (folder / "requirements.txt").write_text("packaging==26.0\n")
    done = make_lock(catalogue, "--bundle", "new", "--python", HERE)
    assert done.returncode == 1
    assert "pipenv cannot lock it" in done.stderr
    assert files_below(folder) == {"Pipfile": pipfile.encode(), "requirements.txt": b"packaging==26.0\n"}


@pytest.mark.thorough
def test_two_ides_may_have_two_versions_of_one_package(tmp_path: Path) -> None:
    pipfile = PIPFILE.replace('packaging = "~=26.0"', 'six = "*"').replace('packaging = "*"', 'packaging = "==26.0"')
    pipfile += '\n[runtime]\npackaging = "==25.0"\n'
    catalogue = make_catalogue(tmp_path, {f"bundles/2-new/{FOLDER}/Pipfile": pipfile})
    done = make_lock(catalogue)
    assert done.returncode == 0, done.stderr
    folder = catalogue / "bundles/2-new" / FOLDER
    for name, version in (("jupyter", "26.0"), ("runtime", "25.0")):
        assert f"packaging=={version};" in (folder / f"requirements-{name}.txt").read_text()
    assert stale_locks(str(catalogue), folders_to_lock(str(catalogue), "new", None)) == []


@pytest.mark.thorough
def test_a_conflict_names_both_requirements_and_their_categories(tmp_path: Path) -> None:
    pipfile = PIPFILE.replace('packaging = "~=26.0"', 'marshmallow-sqlalchemy = "==0.24.2"')
    pipfile = pipfile.replace('packaging = "*"', 'SQLAlchemy = "==1.3.*"')
    catalogue = make_catalogue(tmp_path, {f"bundles/2-new/{FOLDER}/Pipfile": pipfile, "bundles/2-new/display.txt": "N"})
    done = make_lock(catalogue)
    assert done.returncode == 1
    assert re.search(
        r"\[jupyter\] requires SQLAlchemy==1\.3\.\*, and \[packages\] has sqlalchemy \S+, "
        r"by marshmallow-sqlalchemy==0\.24\.2",
        done.stderr,
    )


@pytest.mark.thorough
def test_what_is_for_another_platform_is_left_out_and_named(tmp_path: Path) -> None:
    pipfile = PIPFILE.replace(
        'packaging = "~=26.0"', "colorama = {version = '*', markers = \"sys_platform == 'win32'\"}"
    )
    catalogue = make_catalogue(tmp_path, {f"bundles/2-new/{FOLDER}/Pipfile": pipfile, "bundles/2-new/display.txt": "N"})
    done = make_lock(catalogue, "--json")
    assert done.returncode == 0, done.stderr
    (outcome,) = json.loads(done.stdout)
    assert outcome["reason"] == "left out, for another platform or Python: colorama"
    folder = catalogue / "bundles/2-new" / FOLDER
    assert (folder / "requirements.txt").read_text() == ""
    assert stale_locks(str(catalogue), folders_to_lock(str(catalogue), "new", None)) == []
    assert is_current(str(folder))


@pytest.mark.thorough
def test_an_ide_has_packages_of_its_own_on_top_of_each_bundle(tmp_path: Path) -> None:
    files = {
        f"bundles/2-new/{FOLDER}/Pipfile": '[packages]\npackaging = "==25.0"\n\n[editor]\nsix = "==1.16.0"\n',
        "bundles/2-new/display.txt": "N",
        f"bundles/3-other/{FOLDER}/Pipfile": '[packages]\nidna = "*"\n',
        "bundles/3-other/bundle.toml": 'ides = ["runtime"]\n',
        "bundles/3-other/display.txt": "O",
        f"ides/1-editor/{FOLDER}/Pipfile": '[packages]\nPackaging = "*"\nsix = "*"\n',
    }
    catalogue = make_catalogue(tmp_path, files)
    home = f"ides/1-editor/{FOLDER}"
    found = folders_to_lock(str(catalogue), None, None)
    assert found == {f"bundles/2-new/{FOLDER}": [home], f"bundles/3-other/{FOLDER}": []}
    done = make_lock(catalogue)
    assert done.returncode == 0, done.stderr
    text = (catalogue / f"bundles/2-new/{FOLDER}/requirements-editor.txt").read_text()
    assert re.findall(r"^(\S+?);", text, re.MULTILINE) == ["packaging==25.0", "six==1.16.0"]
    assert sorted(files_below(catalogue / "bundles/3-other" / FOLDER)) == [
        "Pipfile",
        "Pipfile.lock",
        "requirements.txt",
        "sizes.txt",
    ]
    assert stale_locks(str(catalogue), found) == []
    pipfile = catalogue / home / "Pipfile"
    pipfile.write_text(pipfile.read_text() + 'pluggy = "*"\n')
    assert [where for where, _ in stale_locks(str(catalogue), found)] == [f"bundles/2-new/{FOLDER}/Pipfile.lock"]


@pytest.mark.thorough
def test_a_bundle_that_builds_on_another_has_a_whole_lock_and_sees_its_change(tmp_path: Path) -> None:
    files = {
        f"bundles/2-new/{FOLDER}/Pipfile": PIPFILE,
        f"bundles/3-child/{FOLDER}/Pipfile": '[packages]\nsix = "*"\n\n[jupyter]\npluggy = "==1.5.0"\n',
        "bundles/3-child/bundle.toml": 'extends = "new"\n',
    }
    catalogue = make_catalogue(tmp_path, files)
    done = make_lock(catalogue, "--bundle", "child")
    assert done.returncode == 0, done.stderr
    folder, parent = catalogue / "bundles/3-child" / FOLDER, catalogue / "bundles/2-new" / FOLDER
    assert re.findall(r"^\S+(?===)", (folder / "requirements.txt").read_text(), re.MULTILINE) == ["packaging", "six"]
    assert "pluggy==1.5.0" in (folder / "requirements-jupyter.txt").read_text()
    assert list(files_below(parent)) == ["Pipfile"]
    assert [is_current(str(folder), above) for above in ([str(parent)], [])] == [True, False]
    (parent / "Pipfile").write_text(PIPFILE.replace("~=26.0", ">=26.0"))
    assert not is_current(str(folder), [str(parent)])


def test_a_parent_without_a_pipfile_for_the_python_is_named(tmp_path: Path) -> None:
    files = {f"bundles/3-child/{FOLDER}/Pipfile": PIPFILE, "bundles/3-child/bundle.toml": 'extends = "plain"\n'}
    done = make_lock(make_catalogue(tmp_path, files))
    assert done.returncode == 1
    assert re.search(rf"bundles/1-plain/{FOLDER}/Pipfile: cannot be read: .*No such file", done.stderr)


def test_an_absent_python_is_a_skip_that_names_it(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path, {"bundles/2-new/py399/Pipfile": PIPFILE})
    done = make_lock(catalogue, "--json")
    assert done.returncode == 0
    (outcome,) = json.loads(done.stdout)
    assert (outcome["status"], outcome["folder"]) == ("skipped", "bundles/2-new/py399")
    assert "no Python 3.99 on this machine" in outcome["reason"]


def test_a_wrong_interpreter_is_refused(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path, {"bundles/2-new/py399/Pipfile": PIPFILE})
    done = make_lock(catalogue, "--interpreter", sys.executable)
    assert done.returncode == 1
    assert f"{sys.executable} is not Python 3.99" in done.stderr


def test_the_oldest_of_a_version_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_interpreter(HERE)
    assert found is not None
    assert version_of(found) == HERE
    older = tmp_path / f"python{HERE}"
    older.write_text(f"#!/bin/sh\necho {HERE}.0\n")
    older.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find_interpreter(HERE) == str(older)
    assert find_interpreter("3.99") is None
    assert version_of("/nowhere/python") is None


@pytest.mark.parametrize("folder", LOCKED)
def test_every_lock_of_ours_is_whole(folder: str) -> None:
    """Made from its Pipfile and those below it, equal to its exports, hashed, one pin a package in each image."""
    path = REPOSITORY / folder
    assert stale_locks(str(REPOSITORY), {folder: FOLDERS[folder]}) == []
    locked = json.loads((path / "Pipfile.lock").read_text())
    assert [source["url"] for source in locked.pop("_meta")["sources"]] == ["${PIP_INDEX_URL}"]
    assert locked.pop("develop") == {}
    for category in locked.values():
        # What a marker takes away on this Python has no version, and is in no list.
        for name in [name for name, entry in category.items() if entry["version"] == "*"]:
            assert category.pop(name)["markers"]
    lists = {export_name("packages" if name == "default" else name): locked[name] for name in locked}
    assert {export.name for export in path.glob("requirements*.txt")} == set(lists)
    python = (python_of_lists(path.name) or python_of(path.name) or "").removeprefix("3.")
    for name, packages in lists.items():
        text = (path / name).read_text()
        below = {} if name == "requirements.txt" else locked["default"]
        assert sorted(text.splitlines()) == sorted(
            line_of(package, entry, below) for package, entry in packages.items()
        )
        # pip in an image with an older z would leave such a package out, and then miss it.
        assert not re.search(rf"python_full_version >=? '3\.{python}\.[1-9]", text), name
        for package, entry in packages.items():
            assert entry["hashes"] and all(each.startswith("sha256:") for each in entry["hashes"])
            # An image has the bundle's own packages and those of one IDE.
            assert locked["default"].get(package, entry)["version"] == entry["version"]


def line_of(name: str, entry: dict[str, Any], below: dict[str, Any]) -> str:
    """What is exported for a package of a lock: without extras that the list below has for it."""
    brought = set(entry.get("extras", ())) <= set(below.get(name, {}).get("extras", ()))
    extras = "" if brought else f"[{','.join(entry['extras'])}]"
    markers = f"; {entry['markers']}" if "markers" in entry else ""
    return f"{name}{extras}{entry['version']}{markers} {' '.join(f'--hash={each}' for each in entry['hashes'])}"


@pytest.mark.parametrize(
    "folder", ["base/bookworm/py311", pytest.param("bundles/5-langchain/py312", marks=pytest.mark.thorough)]
)
def test_pipenv_finds_them_current(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of some: starting pipenv takes a second for each list, and what it compares is compared above."""
    monkeypatch.setenv("PIP_INDEX_URL", os.environ.get("PIP_INDEX_URL", "https://index.invalid/simple"))
    assert is_current(str(REPOSITORY / folder), [str(REPOSITORY / each) for each in FOLDERS[folder]])


@pytest.mark.slow
@pytest.mark.parametrize("folder", LOCKED)
def test_every_list_of_ours_can_be_installed(folder: str, tmp_path: Path) -> None:
    """As a recipe installs it, hashes required, but for the download: uv's word for it, of the package index."""
    version = python_of_lists(Path(folder).name) or python_of(Path(folder).name) or HERE
    interpreter = find_interpreter(version)
    if interpreter is None:
        pytest.skip(f"no Python {version} on this machine")
    use_index_of_pip()
    uv, python = uv_program() or "", str(tmp_path / "venv/bin/python")
    environment = {**os.environ, "UV_DEFAULT_INDEX": os.environ[MAIN]}
    subprocess.run([uv, "venv", "--quiet", "--python", interpreter, tmp_path / "venv"], check=True)
    for path in sorted((REPOSITORY / folder).glob("requirements*.txt")):
        flags = ["--dry-run", "--python", python, "--require-hashes", "--build-constraints", str(path), "-r", str(path)]
        done = subprocess.run([uv, "pip", "install", *flags], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, f"{path}: {done.stderr}"


def test_every_pipfile_of_ours_is_locked() -> None:
    assert sorted(REPOSITORY / folder for folder in LOCKED) == LOCKS
    assert len(LOCKS) >= 6
    for folder in WAITING:
        pipfiles = [REPOSITORY / each / "Pipfile" for each in (*FOLDERS[folder], folder)]
        assert any(further_variables(each.read_text()) for each in pipfiles if lists_of_folder(each.parent.name)), (
            folder
        )
