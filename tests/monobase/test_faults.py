"""One test, named by its number, for faults of the original monobase (reference: monobase, section 9).

Those of the store, of building and of pruning are in test_faults_store.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.monobase.models import index_in, offline, run, user, variables
from tests.monobase.wheels import MINOR, Index, need_python, python_flag, write_generation
from workbench.catalog.compatibility import read_compatibility
from workbench.catalog.tree import CatalogueTree
from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError
from workbench.monobase.activation import activate
from workbench.monobase.diff import PackageChange, diff
from workbench.monobase.generation import DATA, load
from workbench.monobase.monogen import validate
from workbench.monobase.request import read_request
from workbench.monobase.user import install_user, read_user_requirements
from workbench.verbs.monobase import SUBVERBS


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the released generations, to change."""
    for name in ("generations", "requirements"):
        shutil.copytree(DATA / name, tmp_path / "monobase" / name, ignore=shutil.ignore_patterns("g00003*"))
    return tmp_path / "monobase"


def test_m01_a_rule_that_changes_does_not_change_what_was_released(data: Path) -> None:
    pairs = read_compatibility(CatalogueTree(str(REPOSITORY)))
    row = replace(pairs.frameworks["torch"]["2.10.0"], pythons=("3.12",))
    stricter = replace(pairs, frameworks={"torch": {**pairs.frameworks["torch"], "2.10.0": row}})
    assert validate(data, stricter) == validate(data, pairs)
    assert len(load(data, "g00001").environments) == 4
    # While one that is not released must follow today's rules.
    spec = data / "generations/g00002.toml"
    lines = [line for line in spec.read_text().splitlines() if not line.startswith(("released", "digest"))]
    spec.write_text("\n".join(lines))
    with pytest.raises(FaultsError) as caught:
        validate(data, stricter)
    assert caught.value.faults == [
        (
            "requirements/g00002",
            f"python3.11-torch2.10.0-cu128 is in the matrix and no longer should be: run `{here('monobase update')}`",
        )
    ]


@pytest.mark.parametrize("part", ["spec", "matrix", "lock", "lock more", "lock less"])
def test_m02_a_released_generation_that_moved_is_refused(data: Path, part: str) -> None:
    folder = data / "requirements/g00001"
    lock = folder / "python3.12-torch2.14.1-cu130.txt"
    if part == "spec":
        spec = data / "generations/g00001.toml"
        spec.write_text(spec.read_text().replace('"3.12.16"', '"3.12.15"'))
    elif part == "matrix":
        rows = json.loads((folder / "matrix.json").read_text())
        rows["environments"][0]["cudnn"] = "8"
        (folder / "matrix.json").write_text(json.dumps(rows))
    elif part == "lock":
        lock.write_text(lock.read_text().replace("filelock==4.2.11", "filelock==4.2.10"))
    elif part == "lock more":
        (folder / "python3.12-more.txt").write_text("")
    else:
        lock.unlink()
    with pytest.raises(WorkbenchError) as caught:
        load(data, "g00001")
    expected = {"lock more": "not in the matrix", "lock less": "has no lock"}
    assert expected.get(part, "was released as sha256:") in caught.value.message
    assert wizard("monobase", "build", "--prefix", data / "prefix", "--data", data).returncode == 1
    assert wizard("monobase", "update", "--data", data, "--min-gen-id", "1").returncode == 1
    assert not (data / "prefix/monobase").exists()


def test_m07_a_diff_lists_each_change_once() -> None:
    found = diff(load(DATA, "g00001"), load(DATA, "g00002"))
    names = tuple(environment.name for environment in load(DATA, "g00001").environments)
    assert found.changes == (PackageChange("numpy", "2.4.5", "2.4.6", names),)
    assert (found.added, found.removed, found.common) == ((), (), 4)
    done = wizard("monobase", "diff", "1", "2", "--prefix", "/nonexistent")
    assert done.stdout.splitlines() == [
        "package  old    new    in",
        "numpy    2.4.5  2.4.6  all environments",
        "bytes: not both are built below /nonexistent",
    ]


@pytest.mark.parametrize("verb", SUBVERBS)
def test_m08_help_takes_neither_network_nor_uv(verb: str) -> None:
    lines = [
        "import socket, subprocess, sys",
        "def no(*args, **named): raise AssertionError(args)",
        "socket.socket.connect = socket.getaddrinfo = subprocess.Popen.__init__ = no",
        "from workbench.cli import main",
        f"main(['monobase', {verb!r}, '--help'])",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, cwd=REPOSITORY, env={}, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "examples:" in done.stdout


def test_m10_a_cog_that_is_missing_is_installed_beside_a_prefix_that_is_read_only(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    prefix, wheels = places
    shutil.copytree(wheels, tmp_path / "index")
    index = Index(tmp_path / "index")
    index.add("cog", "3.0", needs=["schema"])
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("not root, or no unshare: nothing can be mounted read-only")
    need_python(prefix)
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "monobase", "exec", "--", "python", "-c"]
    probe = "import cog, tool; print(cog.VERSION, cog.__file__)"
    mounted = (
        'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && ! touch "$1/x" 2>/dev/null && shift && exec "$@"'
    )
    given = {**variables(prefix, tmp_path / "cache", R8_COG_VERSION="3.0", MONOBASE_STACK="plain"), **offline(index)}
    given["PATH"] = os.environ["PATH"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mounted, "sh", str(prefix), *command, probe],
        capture_output=True,
        text=True,
        env=given,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    root = tmp_path / f"cache/cog/cog3.0-python{MINOR}"
    assert done.stdout == f"3.0 {root}/lib/python{MINOR}/site-packages/cog/__init__.py\n"
    # A shell finds it from then on.
    again = run(prefix, tmp_path / "cache", "python", "-c", probe, R8_COG_VERSION="3.0", MONOBASE_STACK="plain")
    assert again.stdout == done.stdout, again.stderr


def test_m11_versions_are_compared_as_versions(places: tuple[Path, Path], tmp_path: Path) -> None:
    prefix, _ = places
    # cog 1.0 brings schema 1.0, and model needs schema>=2: another major with the same minor.
    with pytest.raises(WorkbenchError, match="layers contradict each other") as caught:
        activate(str(prefix), variables(prefix, tmp_path, R8_COG_VERSION="1.0", MONOBASE_STACK="newer"))
    assert caught.value.message == (
        f"layers contradict each other: model 1.0 of g00002/python{MINOR}-newer needs schema>=2, "
        f"and cog1.0-python{MINOR} has schema 1.0"
    )
    assert activate(str(prefix), variables(prefix, tmp_path, MONOBASE_STACK="newer")).notes == ()
    for text in ("12.4", "12.4.0", "12.4.1"):
        assert read_request({"R8_CUDA_VERSION": text}).cuda == "12.4"


def test_m12_requirements_are_read_as_the_standard_has_them(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("attrs>=23,<26\n")
    (tmp_path / "requirements.txt").write_text(
        "# a comment\nNumPy >= 1.22  # another\npydantic[email]~=2.1 ; python_version >= '3.9'\n-e ./local\n"
        "./wheels/a-1.0-py3-none-any.whl\n--extra-index-url https://host/simple\n-r more.txt\nsix==1.* \\\n"
        "    --hash=sha256:00\ntool @ https://host/tool-1.0-py3-none-any.whl\nold<1 ; python_version < '3'\n"
    )
    requirements = read_user_requirements(tmp_path / "requirements.txt")
    assert [(entry.name, entry.where, entry.applies("3.11.2")) for entry in requirements] == [
        ("numpy", "requirements.txt:2", True),
        ("pydantic", "requirements.txt:3", True),
        ("attrs", "more.txt:1", True),
        ("six", "requirements.txt:8", True),
        ("tool", "requirements.txt:10", True),
        ("old", "requirements.txt:11", False),
    ]
    assert [requirements[0].allows(version) for version in ("1.22", "1.21", "2.0rc1")] == [True, False, True]
    assert [requirements[1].allows(version) for version in ("2.1", "2.99", "3.0")] == [True, True, False]
    (tmp_path / "requirements.txt").write_text("fine\nnumpy=>1\n")
    with pytest.raises(WorkbenchError, match="'numpy=>1' is not a requirement") as caught:
        read_user_requirements(tmp_path / "requirements.txt")
    assert caught.value.where == f"{tmp_path}/requirements.txt:2"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("08", "'08' is not a generation id: write it without leading zeros"),
        ("010", "'010' is not a generation id: write it without leading zeros"),
        ("../x", "'../x' is not a generation id: write a number such as 2"),
        ("-1", "'-1' is not a generation id: write a number such as 2"),
        ("0x8", "'0x8' is not a generation id: write a number such as 2"),
    ],
)
def test_m13_ids_are_decimal(text: str, complaint: str) -> None:
    done = wizard("monobase", "build", "--min-gen-id", text)
    assert (done.returncode, complaint in done.stderr) == (2, True), done.stderr


def test_m13_the_cache_is_left_alone_unless_requested(places: tuple[Path, Path]) -> None:
    prefix, _ = places
    assert (prefix / "uv/cache").is_dir()


def test_m14_path_files_are_read_and_every_layers_commands_found(places: tuple[Path, Path], tmp_path: Path) -> None:
    prefix, _ = places
    probe = "import editable, sys; print(editable.HERE, sys.hooked)"
    done = run(prefix, tmp_path, "python", "-c", probe, MONOBASE_STACK="plain")
    assert (done.stdout, done.stderr) == ("True True\n", "")
    assert run(prefix, tmp_path, "tool", MONOBASE_STACK="plain").stdout == "tool runs\n"
    without = run(prefix, tmp_path, "python", "-c", probe)
    assert "No module named 'editable'" in without.stderr


def test_m16_a_pin_that_contradicts_the_cogs_packages_is_reported(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, wheels = places
    for name, text in offline(wheels).items():
        monkeypatch.setenv(name, text)
    file, given = user(prefix, wheels, tmp_path, "extra\nschema<2\n")
    with pytest.raises(FaultsError) as caught:
        install_user(str(prefix), given, file)
    cog = os.readlink(prefix / "cog/latest")
    clash = f"requests schema<2, and {cog}/cog2.0-python{MINOR} has schema 2.0"
    assert caught.value.faults == [("requirements.txt:2", clash)]
    assert not (tmp_path / "user").exists()
    made = install_user(str(prefix), given, file, override=True)
    assert (made.packages, made.overridden) == (("extra",), (clash,))
    probe = "import schema, extra, tool; print(schema.VERSION, extra.__file__)"
    done = run(prefix, tmp_path, "python", "-c", probe, MONOBASE_STACK="plain")
    assert done.stdout == f"2.0 {tmp_path}/user/lib/python{MINOR}/site-packages/extra/__init__.py\n", done.stderr


def test_m17_cogs_are_locked_with_hashes_and_held_to_them(tmp_path: Path) -> None:
    index = index_in(tmp_path / "index")
    locks = {"plain": index.lock(tmp_path / "plain.txt", index.pins["tool"])}
    write_generation(tmp_path / "data", 1, locks)
    prefix = tmp_path / "prefix"
    command = ["monobase", "build", "--prefix", prefix, "--data", tmp_path / "data", python_flag()]
    command += ["--cog-versions", "2.0"]
    assert wizard(*command, env=offline(index)).returncode == 0
    [lock] = (prefix / "cog").glob(f"g*/cog2.0-python{MINOR}.txt")
    assert lock.read_text().count("--hash=sha256:") == 2
    # The same version with other bytes, for a host that has the lock and not the files.
    for name in ("store", "uv", "wheels"):
        shutil.rmtree(prefix / name, ignore_errors=True)
    shutil.rmtree(lock.with_suffix(""))
    index.add("cog", "2.0", files={"cog/__init__.py": "EVIL = 1\n"}, needs=["schema>=2"])
    done = wizard(*command, env=offline(index))
    assert (done.returncode, "ash mismatch" in done.stderr) == (1, True), done.stderr


def test_m19_cuda_without_cudnn_is_cuda_and_an_unknown_pair_fails_at_once(tmp_path: Path) -> None:
    from tests.monobase import trees

    trees.generation(tmp_path, "g00001", {"python3.12-torch2.14.1-cu130": [], "python3.12-torch2.14.1-cpu": []})
    trees.latest(tmp_path, "g00001")
    given = {"R8_PYTHON_VERSION": "3.12", "R8_TORCH_VERSION": "2.14.1", "R8_CUDA_VERSION": "13.0"}
    assert activate(str(tmp_path), given).environment == "python3.12-torch2.14.1-cu130"
    with pytest.raises(WorkbenchError, match=r"has no environment python3[.]12-torch2[.]14[.]1-cu128") as caught:
        activate(str(tmp_path), {**given, "R8_CUDA_VERSION": "12.8"})
    assert caught.value.hint == "available: python3.12-torch2.14.1-cpu, python3.12-torch2.14.1-cu130"
    once = activate(str(tmp_path), given).variables
    assert activate(str(tmp_path), {**given, **once}).variables == once


def test_m21_the_users_layer_is_for_what_it_was_resolved_against(
    places: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, wheels = places
    for name, text in offline(wheels).items():
        monkeypatch.setenv(name, text)
    file, given = user(prefix, wheels, tmp_path, "schema\nextra\n", MONOBASE_GEN_ID="1", R8_COG_VERSION="1.0")
    assert install_user(str(prefix), given, file).packages == ("extra",)
    probe = "import schema, extra; print(schema.VERSION)"
    chosen: Mapping[str, str] = {"MONOBASE_STACK": "plain", "MONOBASE_GEN_ID": "1", "R8_COG_VERSION": "1.0"}
    assert run(prefix, tmp_path, "python", "-c", probe, **chosen).stdout == "1.0\n"
    done = run(prefix, tmp_path, "python", "-c", probe, MONOBASE_STACK="plain")
    cog = os.readlink(prefix / "cog/latest")
    assert done.stderr.splitlines()[0] == (
        "error: layers contradict each other: the user layer was resolved for environment "
        f"g00001/python{MINOR}-plain, and g00002/python{MINOR}-plain is activated; the user layer was resolved for "
        f"cog {cog}/cog1.0-python{MINOR}, and {cog}/cog2.0-python{MINOR} is activated"
    )


def test_m22_without_an_environment_nothing_of_one_can_be_imported(places: tuple[Path, Path], tmp_path: Path) -> None:
    prefix, _ = places
    probe = "import importlib.util as u; print([bool(u.find_spec(name)) for name in ('cog', 'tool')])"
    assert run(prefix, tmp_path, "python", "-c", probe).stdout == "[True, False]\n"
    assert run(prefix, tmp_path, "python", "-c", probe, MONOBASE_STACK="plain").stdout == "[True, True]\n"
