from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.monobase.wheels import SITE, Index, contents, make, this_python, toolchain_at
from workbench.errors import WorkbenchError
from workbench.monobase.documents import read_document
from workbench.monobase.environment import Claims, build, manifest_of, read_marker
from workbench.monobase.install import Toolchain, file_digests

# What uv writes for each package; the last for one from a folder alone.
PACKAGE = ("INSTALLER", "METADATA", "RECORD", "REQUESTED", "WHEEL")
FAILING = "def fail() -> None:\n    raise ValueError('failed')\n"


@pytest.fixture
def index(tmp_path: Path) -> Index:
    index = Index(tmp_path / "index")
    index.add("plain")
    files = {"tool/__init__.py": FAILING, "tool/data.txt": "data", "tool/template.py": "{% not Python %}\n"}
    index.add("tool", files=files, commands="say-tool = tool:fail")
    return index


@pytest.fixture
def tools(tmp_path: Path) -> Toolchain:
    return toolchain_at(tmp_path / "prefix")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(folder / "bin" / command[0]), *command[1:]], capture_output=True, text=True, check=False)


def python(folder: Path, code: str) -> str:
    done = run(folder, "python", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_environment_is_whole_and_runs(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    folder = make(tools, "g00001/one", index.lock(tmp_path / "lock.txt"))
    tag = this_python().tag
    assert set(contents(folder)) == {
        ".done",
        "bin/python",
        "bin/python3",
        f"bin/python{this_python().minor}",
        "bin/say-tool",
        "pyvenv.cfg",
        *(f"{SITE}/plain/{name}" for name in ("__init__.py", f"__pycache__/__init__.{tag}.pyc")),
        *(
            f"{SITE}/tool/{name}"
            for name in ("__init__.py", "data.txt", "template.py", f"__pycache__/__init__.{tag}.pyc")
        ),
        *(f"{SITE}/plain-1.0.dist-info/{name}" for name in PACKAGE),
        *(f"{SITE}/tool-1.0.dist-info/{name}" for name in (*PACKAGE, "entry_points.txt")),
    }
    assert python(folder, "import plain; print(plain.VERSION)") == "1.0"
    marker = read_marker(str(folder))
    assert marker is not None
    assert set(manifest_of(tools.wheels, marker.wheels, marker.frame)) == set(contents(folder)) - {".done"}


def test_a_traceback_and_a_command_name_their_own_environment(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    lock = index.lock(tmp_path / "lock.txt")
    folders = [make(tools, f"g0000{number}/one", lock) for number in (1, 2)]
    for folder in folders:
        done = run(folder, "say-tool")
        assert f'File "{folder}/{SITE}/tool/__init__.py", line 2, in fail' in done.stderr
        assert "raise ValueError('failed')" in done.stderr


def test_bytecode_is_made_once_and_never_checked(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    lock = index.lock(tmp_path / "lock.txt")
    first, second = (make(tools, f"g0000{number}/one", lock) for number in (1, 2))
    below = f"{SITE}/plain/__pycache__/__init__.{this_python().tag}.pyc"
    assert (first / below).stat().st_ino == (second / below).stat().st_ino
    # PEP 552: the second word is 1 for bytecode that has a hash and is not compared with its source.
    assert (first / below).read_bytes()[4:8] == b"\x01\0\0\0"


def test_a_new_version_shares_the_bytecode_of_what_did_not_change(
    index: Index, tools: Toolchain, tmp_path: Path
) -> None:
    first = make(tools, "g00001/one", index.lock(tmp_path / "1.txt", index.pins["tool"]))
    changed = {"tool/__init__.py": FAILING, "tool/new.py": "A = 1\n"}
    second = make(tools, "g00002/one", index.lock(tmp_path / "2.txt", index.add("tool", "2.0", changed)))
    below = f"{SITE}/tool/__pycache__/__init__.{this_python().tag}.pyc"
    assert (first / below).stat().st_ino == (second / below).stat().st_ino
    assert (second / f"{SITE}/tool/__pycache__/new.{this_python().tag}.pyc").exists()


def test_a_lock_that_is_built_already_is_left_alone(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    lock = index.lock(tmp_path / "lock.txt")
    folder = make(tools, "g00001/one", lock)
    before = folder.stat()
    make(tools, "g00001/one", lock)
    assert (folder.stat().st_ino, folder.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_of_two_packages_with_one_path_each_time_the_same_wins(tools: Toolchain, tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    index.add("aa", files={"shared/__init__.py": "WHO = 'aa'\n", "aa.py": ""})
    index.add("bb", files={"shared/__init__.py": "WHO = 'bb'\n", "bb.py": ""})
    lock = index.lock(tmp_path / "lock.txt")
    for number in (1, 2, 3):
        folder = make(tools, f"g0000{number}/one", lock)
        assert python(folder, "import shared, aa, bb; print(shared.WHO)") == "bb"


def test_a_source_that_two_packages_have_has_bytecode_with_either(tools: Toolchain, tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    index.add("aa", files={"shared/__init__.py": "WHO = 'both'\n", "aa.py": ""})
    index.add("bb", files={"shared/__init__.py": "WHO = 'both'\n", "bb.py": ""})
    make(tools, "g00001/both", index.lock(tmp_path / "both.txt"))
    below = f"{SITE}/shared/__pycache__/__init__.{this_python().tag}.pyc"
    for name in ("aa", "bb"):
        assert below in contents(make(tools, f"g00001/{name}", index.lock(tmp_path / f"{name}.txt", index.pins[name])))


def test_what_uv_has_that_was_written_to_is_fetched_again(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    make(tools, "g00001/one", index.lock(tmp_path / "1.txt"))
    poisoned = Path(tools.prefix.generations, "g00001", "one", SITE, "plain", "__init__.py")
    poisoned.chmod(0o644)
    with poisoned.open("a") as file:
        file.write("POISON = 1\n")
    # Nothing is known of what was installed but what uv's cache has.
    shutil.rmtree(tools.wheels.folder)
    clean = make(toolchain_at(tmp_path / "prefix"), "g00002/one", index.lock(tmp_path / "2.txt"))
    assert (clean / SITE / "plain" / "__init__.py").read_text() == "VERSION = '1.0'\n"


def test_an_emptied_cache_does_not_end_sharing(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    first = make(tools, "g00001/one", index.lock(tmp_path / "1.txt"))
    shutil.rmtree(tools.uv.cache)
    shutil.rmtree(tools.wheels.folder)
    second = make(toolchain_at(tmp_path / "prefix"), "g00002/one", index.lock(tmp_path / "2.txt"))
    for path in contents(first):
        if not (first / path).is_symlink() and path != ".done":
            assert os.stat(first / path).st_ino == os.stat(second / path).st_ino, path


def test_with_what_is_stored_nothing_is_fetched(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    lock = index.lock(tmp_path / "lock.txt")
    make(tools, "g00001/one", lock)
    shutil.rmtree(tools.uv.cache)
    shutil.rmtree(index.folder)
    assert python(make(tools, "g00002/one", lock), "import plain; print(plain.VERSION)") == "1.0"


def test_another_hash_is_refused_and_leaves_nothing(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    lock = index.lock(tmp_path / "lock.txt", f"plain==1.0 --hash=sha256:{'a' * 64}")
    with pytest.raises(
        WorkbenchError, match=r"installing plain==1\.0 for Python .*: uv reports: .*ash mismatch"
    ) as error:
        make(tools, "g00001/one", lock)
    assert "find out why" in error.value.hint
    assert not Path(tools.prefix.generations).exists()
    assert list(Path(tools.prefix.stage).iterdir()) == []


def test_what_no_index_has(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    lock = index.lock(tmp_path / "lock.txt", f"nosuch==1.0 --hash=sha256:{'a' * 64}")
    with pytest.raises(WorkbenchError, match="nosuch"):
        make(tools, "g00001/one", lock)


def test_nothing_is_written_outside_of_an_environment(tools: Toolchain, tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    index.add("evil", files={"../../../../../escaped.txt": "x", "evil.py": ""})
    make(tools, "g00001/one", index.lock(tmp_path / "lock.txt"))
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_list_of_files_that_leads_outside_is_refused(tmp_path: Path) -> None:
    record = tmp_path / "RECORD"
    record.write_text("a/b.py,sha256=,\n../../../bin/tool,,\n../../../../outside,,\n")
    with pytest.raises(WorkbenchError, match=r"wants to write outside of its environment: \.\./\.\./\.\./\.\./outside"):
        file_digests(str(record), this_python())


def test_a_folder_that_was_never_finished_is_replaced(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    half = Path(tools.prefix.generations, "g00001", "one")
    half.mkdir(parents=True)
    (half / "half").write_text("")
    folder = make(tools, "g00001/one", index.lock(tmp_path / "lock.txt"))
    assert folder == half
    assert "half" not in contents(folder)
    assert list(Path(tools.prefix.stage).iterdir()) == []


def test_environments_made_at_once_install_each_package_once(index: Index, tools: Toolchain, tmp_path: Path) -> None:
    lock = index.lock(tmp_path / "lock.txt")
    claims, errors = Claims(), []

    def one(number: int) -> None:
        try:
            build(tools, f"{tools.prefix.generations}/g{number:05d}/one", lock, this_python(), claims)
        except Exception as error:  # reported by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    found = [contents(Path(tools.prefix.generations, f"g{number:05d}", "one")) for number in range(8)]
    markers = [json.loads(read_document(f"{tools.prefix.generations}/g{number:05d}/one/.done")) for number in range(8)]
    assert [marker.pop("place") for marker in markers] == [f"g{number:05d}/one" for number in range(8)]
    for one_of_them in found:
        one_of_them.pop(".done")
    assert all(other == found[0] for other in found)
    assert all(marker == markers[0] for marker in markers)
    assert len(tools.wheels.keys()) == 2


def test_two_prefixes_come_out_the_same(index: Index, tmp_path: Path) -> None:
    lock = index.lock(tmp_path / "lock.txt")
    one = make(toolchain_at(tmp_path / "a"), "g00001/one", lock)
    other = make(toolchain_at(tmp_path / "b"), "g00001/one", lock)
    assert contents(one) == contents(other)
