"""One test, named by its number, for faults of the original monobase (reference: monobase, section 9): the store's."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.wheels import MINOR, SITE, Index, make, python_flag, this_python, toolchain_at, write_generation
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.monobase import environment, layout
from workbench.monobase.bytecode import Compilers
from workbench.monobase.environment import Claims
from workbench.monobase.fill import BUILT, UP_TO_DATE, FillRequest, fill
from workbench.monobase.generation import load_all
from workbench.monobase.install import Toolchain
from workbench.monobase.leases import prepare, take
from workbench.monobase.prefix import Prefix, staged
from workbench.monobase.prune import prune
from workbench.monobase.select import is_outside, no_cuda
from workbench.monobase.verify import verify


class Silent:
    def begin(self, generation: str, environment: str) -> None:
        pass

    def end(self, outcome: object) -> None:
        pass


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two generations of two stacks."""
    index = Index(tmp_path / "index")
    for number in (1, 2):
        first, second = index.add("aa", f"{number}.0"), index.add("bb", files={"bb/__init__.py": "B = 1\n"})
        locks = {
            "one": index.lock(tmp_path / f"{number}-one.txt", first),
            "two": index.lock(tmp_path / f"{number}-two.txt", first, second),
        }
        write_generation(tmp_path / "data", number, locks)
    return tmp_path / "data"


def build(prefix: Path, data: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return wizard("monobase", "build", "--prefix", prefix, "--data", data, python_flag(), *flags)


def order(data: Path) -> FillRequest:
    return FillRequest(load_all(data), {MINOR: this_python()}, {})


def test_m03_what_is_finished_is_not_done_again_after_a_crash(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = toolchain_at(tmp_path / "prefix")
    made: list[str] = []
    real = staged

    def crash_in_the_third(prefix: Prefix, kind: str) -> object:
        if kind == "environment" and len(made) == 3:
            raise MemoryError
        made.append(kind) if kind == "environment" else None
        return real(prefix, kind)

    monkeypatch.setattr("workbench.monobase.environment.staged", crash_in_the_third)
    with pytest.raises(MemoryError):
        fill(tools, order(data), Silent(), 1)
    monkeypatch.undo()
    finished = {path: path.stat().st_ino for path in Path(tools.prefix.generations).glob("g*/python*")}
    assert len(finished) == 3
    outcomes = fill(toolchain_at(tmp_path / "prefix"), order(data), Silent(), 1)
    assert sorted(one.status for one in outcomes) == sorted([BUILT, UP_TO_DATE, UP_TO_DATE, UP_TO_DATE])
    assert all(path.stat().st_ino == inode for path, inode in finished.items())


def test_m04_a_file_that_was_written_to_goes_no_further_and_is_found(data: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    assert build(prefix, data).returncode == 0
    path = prefix / f"monobase/g00001/python{MINOR}-two/{SITE}/bb/__init__.py"
    path.chmod(0o644)
    path.write_text("poison = 1\n")
    found = verify(Prefix.at(str(prefix)))
    assert {fault.environment for fault in found.damage} == {
        f"monobase/g0000{number}/python{MINOR}-two" for number in (1, 2)
    }
    locks = {"two": str(data / f"requirements/g00002/python{MINOR}-two.txt")}
    write_generation(data, 3, locks)
    # What is new has the right bytes; what is damaged stays damaged until it is repaired.
    built = build(prefix, data)
    assert built.returncode == 0, built.stderr
    assert (prefix / f"monobase/g00003/python{MINOR}-two/{SITE}/bb/__init__.py").read_text() == "B = 1\n"
    refused = wizard("monobase", "verify", "--prefix", prefix, "--data", data)
    assert refused.returncode == 1
    assert f"monobase/g00001/python{MINOR}-two/{SITE}/bb/__init__.py" in refused.stderr
    assert f"`{here('monobase repair')}` repairs them" in refused.stderr
    repaired = wizard("monobase", "repair", "--prefix", prefix)
    assert repaired.returncode == 0, repaired.stderr
    assert build(prefix, data).returncode == 0
    assert wizard("monobase", "verify", "--prefix", prefix, "--data", data).returncode == 0


def test_m05_an_emptied_cache_does_not_end_sharing(data: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    assert build(prefix, data, "--max-gen-id", "1", "--clean-uv-cache").returncode == 0
    assert not (prefix / "uv/cache").exists()
    assert build(prefix, data).returncode == 0
    paths = [prefix / f"monobase/g0000{number}/python{MINOR}-two/{SITE}/bb/__init__.py" for number in (1, 2)]
    assert paths[0].stat().st_ino == paths[1].stat().st_ino


def test_m06_pruning_below_a_linked_prefix_removes_nothing_that_is_used(data: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to("real")
    assert build(link, data).returncode == 0
    done = wizard("monobase", "prune", "--prefix", link, "--min-gen-id", "2", "--grace", "0")
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path / "real/monobase")) == ["g00002", "latest"]
    checked = wizard("monobase", "verify", "--prefix", link, "--data", data)
    assert checked.stdout.startswith("2 environments, "), checked.stderr
    assert wizard("monobase", "ready", "--prefix", link, "--data", data, "--min-gen-id", "2").returncode == 0


def test_m09_a_latest_that_points_at_nothing_is_repaired(data: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    (prefix / "monobase").mkdir(parents=True)
    (prefix / "monobase/latest").symlink_to("g00099")
    done = build(prefix, data)
    assert done.returncode == 0, done.stderr
    assert os.readlink(prefix / "monobase/latest") == "g00002"


def test_m15_an_old_cog_and_an_old_generation_stay_while_something_runs_on_them(data: Path, tmp_path: Path) -> None:
    tools = toolchain_at(tmp_path / "prefix")
    fill(tools, order(data), Silent(), 2)
    for name in ("g0000000a", "g0000000b"):
        folder = tools.prefix.below("cog", name)
        lock = str(data / f"requirements/g00001/python{MINOR}-one.txt")
        environment.build(tools, f"{folder}/cog1-python{MINOR}", lock, this_python())
        prepare(tools.prefix, f"cog-{name}")
    os.symlink("g0000000b", tools.prefix.below("cog", "latest"))
    leases = [
        take(tools.prefix, "g00001", tools.prefix.generation("g00001")),
        take(tools.prefix, "cog-g0000000a", tools.prefix.below("cog", "g0000000a")),
    ]
    kept = [name for name, _ in prune(tools, is_outside(2, None)).kept]
    assert kept == ["g00001", "cog-g0000000a", "cog-g0000000b"]
    for one in leases:
        os.close(one)
    assert prune(tools, is_outside(2, None), grace=0).removed == ["g00001", "cog-g0000000a"]


def test_m18_what_fails_in_a_worker_fails_the_build(tmp_path: Path) -> None:
    """A compiler that dies, and a disk that is full under it, are errors; a source that is no Python is not."""
    compilers, source = Compilers(2), tmp_path / "a.py"
    source.write_text("A = 1\n")
    broken = tmp_path / "b.py"
    broken.write_text("def (\n")
    sources = {"a.py": str(source), "b.py": str(broken)}
    assert set(compilers.compile(this_python(), sources, str(tmp_path / "out"))) == {"a.py"}
    dies = tmp_path / "python"
    dies.write_text("#!/bin/sh\necho 'it is broken' >&2\nexit 7\n")
    dies.chmod(0o755)
    from dataclasses import replace

    with pytest.raises(WorkbenchError, match=r"compiling with .*/python: it is broken"):
        compilers.compile(replace(this_python(), path=str(dies)), sources, str(tmp_path / "out2"))
    if os.path.exists("/dev/full"):
        (tmp_path / "out3").mkdir()
        (tmp_path / "out3" / "0.pyc").symlink_to("/dev/full/x")
        with pytest.raises(WorkbenchError, match="compiling with"):
            compilers.compile(this_python(), {"a.py": str(tmp_path / "none.py")}, str(tmp_path / "out3"))


def test_m20_environments_are_made_at_once(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are being assembled at the same moment: each waits for the other."""
    meet = threading.Barrier(2, timeout=60)
    real: Callable[..., environment.EnvironmentMarker] = environment._assemble

    def assemble(*arguments: object) -> environment.EnvironmentMarker:
        meet.wait()
        return real(*arguments)

    monkeypatch.setattr(environment, "_assemble", assemble)
    outcomes = fill(toolchain_at(tmp_path / "prefix"), order(data), Silent(), 2)
    assert [one.status for one in outcomes] == [BUILT] * 4


def test_m20_latest_markers_and_old_generations_follow_the_range_and_the_prefix(data: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    assert build(prefix, data).returncode == 0
    # The newest is outside of the range: latest is the newest within.
    assert build(prefix, data, "--max-gen-id", "1").returncode == 0
    assert os.readlink(prefix / "monobase/latest") == "g00001"
    assert (prefix / "monobase/g00001/.done").exists()
    done = build(prefix, data, "--min-gen-id", "2", "--prune-old-gen", "--grace", "0")
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(prefix / "monobase")) == ["g00002", "latest"]
    assert os.readlink(prefix / "monobase/latest") == "g00002"


def test_m20_without_cuda_nothing_of_cuda_is_touched() -> None:
    data = Path(__file__).parents[2] / "monobase"
    environments = [one for generation in load_all(data) for one in generation.environments]
    assert any(one.cuda for one in environments)
    assert all(bool(no_cuda(one)) == bool(one.cuda) for one in environments)


def test_claims_are_dropped_when_who_has_them_fails(data: Path, tmp_path: Path) -> None:
    """An environment that waits for another's package installs it itself when the other could not."""
    tools: Toolchain = toolchain_at(tmp_path / "prefix")
    claims = Claims()
    assert claims.take({"a", "b"}) == {"a", "b"}
    got: list[set[str]] = []
    waiter = threading.Thread(target=lambda: got.extend((claims.take({"a"}), claims.take({"a"}))))
    waiter.start()
    claims.drop({"a", "b"})
    waiter.join(timeout=60)
    assert {"a"} in got
    shutil.rmtree(tools.prefix.root)
    assert make(
        toolchain_at(tmp_path / "prefix"), "g00001/one", str(data / f"requirements/g00001/python{MINOR}-one.txt")
    )


def test_generations_that_are_no_environments_do_not_count(tmp_path: Path) -> None:
    assert layout.generations(Prefix.at(str(tmp_path / "none"))) == []
