from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY, make_catalogue
from tests.chance import chance
from tests.command import files_below, wizard
from tests.release.index import SOURCE, Index, served
from workbench.catalog.layers import LayerRule
from workbench.catalog.questions import Selection
from workbench.catalog.reader import read_catalogue
from workbench.commands import here
from workbench.compose.possible import attempt
from workbench.lock.pipenv import is_current
from workbench.release.check import check
from workbench.release.freeze import freeze
from workbench.release.index import query
from workbench.release.sizes import with_sizes
from workbench.release.update import update as update_release

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
FOLDER = f"bundles/1-plain/py{PYTHON.replace('.', '')}"
OWN = f"releases/2026a/{FOLDER}"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served() as found:
        monkeypatch.setenv("PIP_INDEX_URL", found.url)
        # The machine's other sources of packages do not matter here.
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            monkeypatch.delenv(name, raising=False)
        yield found


def frozen(
    root: Path,
    locked: dict[str, str],
    more: dict[str, str | None] | None = None,
    architectures: tuple[str, ...] = ("x86_64",),
) -> Path:
    """The small catalogue with this lock, for the Python of the tests, frozen."""
    release = (make_catalogue(root) / "releases/2026a.toml").read_text()
    release = f"architectures = {json.dumps(architectures)}\n{release}"
    release = release.replace('["3.11", "3.12"]', f'["{PYTHON}"]').replace('["3.11"]', f'["{PYTHON}"]')
    files: dict[str, str | None] = {
        **{f"bundles/1-plain/py31{minor}/requirements{part}.txt": None for minor in "12" for part in ("", "-editor")},
        "releases/2026a.toml": release.replace('"3.11"', f'"{PYTHON}"'),
        **{f"{FOLDER}/{name}": text for name, text in locked.items()},
    }
    folder = make_catalogue(root, {**files, **(more or {})})
    freeze(read_catalogue(str(folder)), "2026a", None)
    return folder


def update(folder: Path, *flags: str, **env: str) -> subprocess.CompletedProcess[str]:
    return wizard("release", "update", "2026a", "--catalog", folder, "--interpreter", sys.executable, *flags, env=env)


def pins(folder: Path) -> dict[str, str]:
    lines = (folder / OWN / "requirements.txt").read_text().splitlines()
    return dict(line.split(";")[0].split(" ")[0].split("==") for line in lines)


def advised(folder: Path, package: str, version: str) -> None:
    file = folder / "releases/2026a.toml"
    fix = f'\n[[security]]\npackage = "{package}"\nfixed = "{version}"\nadvisory = "TEST-1"\n'
    file.write_text(file.read_text() + fix)


def faults_of(folder: Path) -> list[tuple[str, str]]:
    return list(check(read_catalogue(str(folder)), "2026a", "2026-11-22").faults)


@pytest.mark.thorough
def test_real_packages_move_by_z_only(tmp_path: Path) -> None:
    """urllib3, packaging and requests, of which the package index has newer z and newer y; idna comes with requests."""
    script = '. workbench/lock/index-url.sh && echo "$PIP_INDEX_URL"'
    url = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True
    ).stdout.strip()
    old = {"urllib3": "2.2.0", "packaging": "24.0", "requests": "2.32.0", "idna": "3.6", "certifi": "2024.2.2"}
    old["charset-normalizer"] = "3.3.0"
    pipfile = '[packages]\nurllib3 = "~=2.2.0"\npackaging = "*"\nrequests = "~=2.32.0"\n'
    folder = frozen(tmp_path, Index().lock(pipfile, {"packages": old}))
    done = update(folder, "--json", PIP_INDEX_URL=url)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    now = pins(folder)
    assert {name: version.split(".")[:2] for name, version in now.items()} == {
        name: version.split(".")[:2] for name, version in old.items()
    }
    # The last of their z, and no more of them will come.
    assert (now["urllib3"], now["requests"], now["charset-normalizer"]) == ("2.2.3", "2.32.5", "3.3.2")
    assert (now["packaging"], now["idna"]) == ("24.0", "3.6")
    assert {"urllib3", "packaging", "idna", "certifi"} <= set(report["held"])
    moved = {each["package"]: (each["before"], each["after"]) for each in report["moved"]}
    assert moved["urllib3"] == ("2.2.0", "2.2.3")
    assert set(moved) == {name for name, version in now.items() if version != old[name]}
    assert faults_of(folder) == []
    assert is_current(str(folder / OWN))


@pytest.mark.thorough
def test_what_comes_with_others_stays_in_its_own_x_y_and_the_next_time_nothing_moves(
    tmp_path: Path, index: Index
) -> None:
    index.add("beta", "2.3.1", "2.3.4", "2.4.0")
    index.add("alpha", "1.0.0", "1.0.2", "1.1.0", needs=["beta>=2.3"])
    index.add("gamma", "0.1.0")
    index.add("alpha", "1.0.3", needs=["beta>=2.3", "gamma"])
    folder = frozen(
        tmp_path, index.lock('[packages]\nalpha = "*"\n', {"packages": {"alpha": "1.0.0", "beta": "2.3.1"}})
    )
    dry = update(folder, "--dry-run")
    assert "3 versions would move; 2 packages have a later x.y" in dry.stdout, dry.stderr
    assert pins(folder) == {"alpha": "1.0.0", "beta": "2.3.1"}
    done = update(folder)
    assert done.returncode == 0, done.stderr
    assert pins(folder) == {"alpha": "1.0.3", "beta": "2.3.4", "gamma": "0.1.0"}
    assert faults_of(folder) == []
    before = files_below(folder)
    again = update(folder)
    assert (again.returncode, again.stdout.startswith("0 versions moved")) == (0, True)
    assert files_below(folder) == before


def test_what_loses_its_build_for_an_architecture_is_recorded_and_refused_there(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(version: str, *platforms: str) -> dict[str, str]:
        index.add("alpha", version)
        index.platforms["alpha", version] = platforms
        return index.lock('[packages]\nalpha = "*"\n', {"packages": {"alpha": version}})

    def possible(architecture: str) -> str:
        selection = Selection("2026a", "20261122", "standard", "c9s", PYTHON, "plain", "runtime", architecture)
        return attempt(read_catalogue(str(folder)), selection)[1]

    def moved_to(version: str, *platforms: str) -> tuple[tuple[str, str], ...]:
        texts = locked(version, *platforms)
        # What pipenv makes is known here, and it takes its time.
        monkeypatch.setattr("workbench.release.update.relocked", lambda *arguments: texts)
        report = update_release(read_catalogue(str(folder)), "2026a", query, lambda *progress: None)
        assert [each.after for each in report.moved] == [version]
        assert faults_of(folder) == []
        return report.unbuilt

    x86, arm = "manylinux_2_28_x86_64", "manylinux_2_28_aarch64"
    folder = frozen(tmp_path, locked("1.0.0", x86, arm), architectures=("x86_64", "aarch64"))
    assert (possible("aarch64"), possible("x86_64")) == ("", "")
    assert moved_to("1.0.1", x86) == ((OWN, "no build for aarch64: alpha"),)
    assert possible("aarch64") == "bundle plain needs alpha, of which there is no build for aarch64"
    assert possible("x86_64") == ""
    # It is known by now.
    assert moved_to("1.0.2", x86) == ()
    assert moved_to("1.0.3", x86, arm) == ()
    assert possible("aarch64") == ""


def test_sizes_move_with_the_versions_where_the_release_divides_its_lists(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.as_json = True
    for name in ("alpha", "beta"):
        index.add(name, "1.0.0", "1.0.1")
        index.sizes |= {f"{name}-1.0.{z}-py3-none-any.whl": 100 + z for z in (0, 1)}
    texts = index.lock('[packages]\nalpha = "*"\nbeta = "*"\n', {"packages": {"alpha": "1.0.1", "beta": "1.0.0"}})
    monkeypatch.setattr("workbench.release.update.relocked", lambda *arguments: texts)
    before = index.lock('[packages]\nalpha = "*"\nbeta = "*"\n', {"packages": {"alpha": "1.0.0", "beta": "1.0.0"}})
    release = (make_catalogue(tmp_path) / "releases/2026a.toml").read_text().replace('["3.11", "3.12"]', '["3.11"]')
    table = '\n[layers]\nfrom = ["10MB"]\n'
    own: dict[str, str | None] = {"releases/2026a.toml": release.replace('"3.11"', f'"{PYTHON}"') + table}
    folder = frozen(tmp_path, {**before, "sizes.txt": "alpha==1.0.0 100\nbeta==1.0.0 7\n"}, own)
    update_release(read_catalogue(str(folder)), "2026a", query, lambda *progress: None)
    lines = (folder / OWN / "sizes.txt").read_text().splitlines()
    # What was recorded of the package that stayed is still right.
    assert [line for line in lines if line[0] != "#"] == ["alpha==1.0.1 101", "beta==1.0.0 7"]
    assert faults_of(folder) == []
    # A release without the table gets no record.
    divides_nothing = replace(read_catalogue(str(folder)).releases["2026a"], layers=LayerRule())
    assert with_sizes(divides_nothing, {}, {FOLDER: texts}) == {}


@pytest.mark.thorough
def test_what_one_category_holds_is_held_in_the_others(tmp_path: Path, index: Index) -> None:
    """pipenv fits each category to `packages` alone; a package has one version in a lock all the same."""
    index.add("alpha", "1.0.0", "1.0.1")
    index.add("beta", "2.3.1", "2.3.4")
    index.add("gamma", "0.1.0", needs=["alpha<1.0.1"])
    pinned = {
        "packages": {"beta": "2.3.1"},
        "editor": {"gamma": "0.1.0", "alpha": "1.0.0"},
        "runtime": {"alpha": "1.0.0"},
    }
    folder = frozen(
        tmp_path, index.lock('[packages]\nbeta = "*"\n[editor]\ngamma = "*"\n[runtime]\nalpha = "*"\n', pinned)
    )
    done = update(folder)
    assert done.returncode == 0, done.stderr
    assert pins(folder) == {"beta": "2.3.4"}
    assert "alpha==1.0.0" in (folder / OWN / "requirements-runtime.txt").read_text()
    assert faults_of(folder) == []
    assert is_current(str(folder / OWN))


@pytest.mark.thorough
def test_two_ides_keep_their_own_versions_and_each_moves_by_z(tmp_path: Path, index: Index) -> None:
    """Two IDEs are never in one image: what they pin apart stays apart, and the release promises the lower one."""
    index.add("alpha", "1.0.0", "1.1.0")
    index.add("beta", "2.3.1")
    pinned = {"packages": {"beta": "2.3.1"}, "editor": {"alpha": "1.0.0"}, "runtime": {"alpha": "1.1.0"}}
    lines = '[packages]\nbeta = "*"\n[editor]\nalpha = "~=1.0.0"\n[runtime]\nalpha = "~=1.1.0"\n'
    folder = frozen(tmp_path, index.lock(lines, pinned))
    promise = (folder / "releases/2026a/promises" / f"{FOLDER}.txt").read_text()
    assert promise.splitlines() == ["alpha==1.0.0", "beta==2.3.1"]
    assert faults_of(folder) == []
    index.add("alpha", "1.0.4", "1.1.7", "1.2.0")
    done = update(folder)
    assert done.returncode == 0, done.stderr
    assert "alpha==1.0.4" in (folder / OWN / "requirements-editor.txt").read_text()
    assert "alpha==1.1.7" in (folder / OWN / "requirements-runtime.txt").read_text()
    assert faults_of(folder) == []
    assert is_current(str(folder / OWN))


def test_a_package_yanked_or_gone_is_reported_and_the_old_lock_stays(tmp_path: Path, index: Index) -> None:
    index.add("alpha", "1.0.0", "1.1.0")
    index.add("beta", "2.3.1", "2.4.0")
    index.add("delta", "4.0.0")
    pinned = {"alpha": "1.0.0", "beta": "2.3.1", "delta": "4.0.0"}
    folder = frozen(tmp_path, index.lock('[packages]\nalpha = "*"\nbeta = "*"\ndelta = "*"\n', {"packages": pinned}))
    before = files_below(folder)
    index.yanked["alpha", "1.0.0"] = "deletes files"
    del index.wheels["beta"]["2.3.1"], index.wheels["delta"]
    done = update(folder)
    assert done.returncode == 1
    assert f"{OWN}: alpha 1.0.0 was yanked: deletes files, and no other z of it is available" in done.stderr
    assert f"{OWN}: beta 2.3.1 is gone from the index, and no other z of it is available" in done.stderr
    assert f"{OWN}: delta 4.0.0 is gone from the index, and no other z of it is available" in done.stderr
    assert "nothing was written" in done.stderr
    assert files_below(folder) == before
    assert faults_of(folder) == []


@pytest.mark.thorough
def test_a_fix_that_needs_more_than_z_is_named_and_taken_only_when_allowed(tmp_path: Path, index: Index) -> None:
    index.add("alpha", "1.0.0", "1.2.0", "2.0.0")
    index.add("beta", "2.3.1")
    pinned = {"alpha": "1.0.0", "beta": "2.3.1"}
    locked = index.lock('[packages]\nalpha = "~=1.0.0" # held\nbeta = "*"\n', {"packages": pinned})
    folder = frozen(tmp_path, locked)
    advised(folder, "alpha", "1.2.0")
    fault = "alpha 1.0.0 has TEST-1, fixed in 1.2.0"
    assert faults_of(folder) == [(OWN, f"{fault}: `{here('release update 2026a --allow alpha')}`")]
    before = files_below(folder)
    done = update(folder)
    assert (done.returncode, done.stdout[:16]) == (0, "0 versions moved")
    assert f"security: {OWN}: {fault}, which needs --allow alpha" in done.stderr
    assert files_below(folder) == before
    done = update(folder, "--allow", "Alpha")
    assert done.returncode == 0, done.stderr
    assert pins(folder) == {"alpha": "2.0.0", "beta": "2.3.1"}
    assert faults_of(folder) == []
    assert is_current(str(folder / OWN))
    assert 'alpha = "*" # held' in (folder / OWN / "Pipfile").read_text()
    assert "no lock of release 2026a has gama" in update(folder, "--allow", "gama").stderr


@pytest.mark.thorough
def test_a_package_is_one_package_however_its_name_is_spelled(tmp_path: Path, index: Index) -> None:
    index.add("ruamel-yaml", "0.18.0", "0.18.6")
    locked = index.lock('[packages]\n"ruamel.yaml" = "~=0.18"\n', {"packages": {"ruamel-yaml": "0.18.0"}})
    # The lock has one spelling, pipenv writes another into the new one.
    locked["Pipfile.lock"] = locked["Pipfile.lock"].replace('"ruamel-yaml"', '"ruamel.yaml"')
    folder = frozen(tmp_path, locked)
    advised(folder, "Ruamel_YAML", "0.18.6")
    assert faults_of(folder) == [
        (OWN, f"ruamel-yaml 0.18.0 has TEST-1, fixed in 0.18.6: `{here('release update 2026a')}`")
    ]
    done = update(folder)
    assert done.returncode == 0, done.stderr
    assert list(json.loads((folder / OWN / "Pipfile.lock").read_text())["default"]) == ["ruamel.yaml"]
    assert [line.split(" ")[0] for line in (folder / OWN / "requirements.txt").read_text().splitlines()] == [
        "ruamel.yaml==0.18.6"
    ]
    assert faults_of(folder) == []
    assert is_current(str(folder / OWN))


def test_a_pipfile_that_demands_more_is_refused(tmp_path: Path, index: Index) -> None:
    """An open release with locks of its own: the Pipfile was changed, the lock not yet."""
    index.add("alpha", "1.0.0", "1.1.0")
    locked = index.lock('[packages]\nalpha = "~=1.0"\n', {"packages": {"alpha": "1.0.0"}})
    folder = frozen(tmp_path, locked)
    done = wizard("release", "new", "2026b", "--from", "2026a", "--today", "2026-11-22", "--catalog", folder)
    assert done.stdout.split() == ["releases/2026b.toml", "releases/2026b"]
    own = folder / "releases/2026b" / FOLDER
    assert (own / "requirements.txt").read_text() == locked["requirements.txt"]
    (own / "Pipfile").write_text(SOURCE + '[packages]\nalpha = "~=1.1"\n')
    before = files_below(folder)
    done = wizard("release", "update", "2026b", "--catalog", folder)
    assert done.returncode == 1
    where = f"releases/2026b/{FOLDER}"
    assert f"{where}: alpha is promised as 1.0.0, and its Pipfile demands ~=1.1: only z may move" in done.stderr
    assert files_below(folder) == before


def test_without_an_index_or_locks_of_its_own(tmp_path: Path, index: Index) -> None:
    index.add("alpha", "1.0.0")
    folder = frozen(tmp_path, index.lock('[packages]\nalpha = "*"\n', {"packages": {"alpha": "1.0.0"}}))
    assert "PIP_INDEX_URL, which the Pipfiles name, is not set" in update(folder, PIP_INDEX_URL="").stderr
    done = update(folder, PIP_INDEX_URL="http://somebody:secret@127.0.0.1:9/simple")
    assert done.returncode == 1
    assert "the package index does not answer" in done.stderr
    assert "secret" not in done.stderr
    plain = make_catalogue(tmp_path)
    assert "release 2026a has no locks of its own" in update(plain).stderr


WRITING = """
import sys
from dataclasses import replace
from workbench.catalog.reader import read_catalogue
from workbench.catalog.views import at_release
from workbench.compose.recipe import RecipeFile
from workbench.release.folder import own_files, write_frozen
root, path, old, new = sys.argv[1:]
while True:
    catalogue = read_catalogue(root)
    files = own_files(at_release(catalogue, "2026a").tree, catalogue.releases["2026a"])
    changed = {name: replace(file, data=file.data.replace(old.encode(), new.encode())) if path in name else file
               for name, file in files.items()}
    write_frozen(catalogue.tree, catalogue.releases["2026a"], changed)
    old, new = new, old
"""


@pytest.mark.thorough
def test_kill_while_it_is_written_leaves_the_old_or_the_new(tmp_path: Path, index: Index) -> None:
    """kill -9 in what an update does last, over and over: locks, lists and record are of one state."""
    index.add("alpha", "1.0.0", "1.0.1")
    more = {f"ides/1-editor/files/deep/{number}/file.txt": f"{number}\n" * 500 for number in range(100)}
    locked = index.lock('[packages]\nalpha = "*"\n', {"packages": {"alpha": "1.0.0"}})
    folder = frozen(tmp_path, locked, {**more})
    states: set[str] = set()
    moments = chance()
    # Until both have been met, and 6 times at least: an unlucky run goes on.
    for number in range(60):
        if number >= 6 and states == {"1.0.0", "1.0.1"}:
            break
        now = pins(folder)["alpha"]
        command = [sys.executable, "-c", WRITING, str(folder), FOLDER, now, "1.0.1" if now == "1.0.0" else "1.0.0"]
        process = subprocess.Popen(command, cwd=REPOSITORY)
        time.sleep(moments.uniform(0.4, 1.5))
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert faults_of(folder) == []
        states.add(pins(folder)["alpha"])
    assert states == {"1.0.0", "1.0.1"}


@pytest.mark.thorough
@pytest.mark.parametrize("waits_for", ["simple", "files"])
def test_kill_while_it_locks_leaves_the_old(tmp_path: Path, index: Index, waits_for: str) -> None:
    """kill -9 while it reads the page of the index, and while its pipenv waits for a wheel."""
    index.add("alpha", "1.0.0", "1.0.1")
    folder = frozen(tmp_path, index.lock('[packages]\nalpha = "*"\n', {"packages": {"alpha": "1.0.0"}}))
    before = files_below(folder)
    command = [sys.executable, "wizard.py", "release", "update", "2026a", "--catalog", str(folder)]
    command += ["--interpreter", sys.executable]
    # A killed process leaves its temporary files, and pipenv's cache of pages must not replace the index.
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PIPENV_CACHE_DIR": str(tmp_path / "cache")}
    index.waits_for = waits_for
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.DEVNULL)
    try:
        assert index.requested.wait(60)
    finally:
        process.kill()
        process.wait()
    assert files_below(folder) == before
    assert faults_of(folder) == []
