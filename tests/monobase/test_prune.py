"""prune removes what is unused; leases show what is in use; status and ready report what exists."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.monobase.wheels import MINOR, Index, make, this_python, toolchain_at, write_generation
from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.environment import build
from workbench.monobase.fill import FillRequest, fill
from workbench.monobase.generation import load_all
from workbench.monobase.install import Toolchain
from workbench.monobase.layout import GenerationFolder
from workbench.monobase.leases import InUseError, holders, is_used, lease_file, prepare, take, unused
from workbench.monobase.prefix import Prefix
from workbench.monobase.prune import prune
from workbench.monobase.select import is_outside
from workbench.monobase.status import status, unready
from workbench.monobase.verify import verify

HOLD = """
import os, subprocess, sys
from workbench.monobase.leases import take
from workbench.monobase.prefix import Prefix
prefix = Prefix.at(sys.argv[1])
take(prefix, sys.argv[2], prefix.generation(sys.argv[2]))
print("leased", flush=True)
os.execvp("cat", ["cat"])
"""
BIG = "DATA = '" + "x" * 300_000 + "'\n"


class Silent:
    def begin(self, generation: str, environment: str) -> None:
        pass

    def end(self, outcome: object) -> None:
        pass


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations of one environment each: they share bb, and have a large aa of their own."""
    folder = tmp_path_factory.mktemp("built")
    index = Index(folder / "index")
    shared = index.add("bb", files={"bb.py": BIG.replace("x", "y")})
    for number in (1, 2):
        own = index.add("aa", f"{number}.0", files={"aa.py": BIG.replace("x", str(number))})
        write_generation(folder / "data", number, {"one": index.lock(folder / f"{number}.txt", own, shared)})
    fill(
        toolchain_at(folder / "prefix"), FillRequest(load_all(folder / "data"), {MINOR: this_python()}, {}), Silent(), 2
    )
    return folder


@pytest.fixture
def data(built: Path) -> Path:
    return built / "data"


@pytest.fixture
def tools(built: Path, tmp_path: Path) -> Toolchain:
    """A copy of it, with its links."""
    subprocess.run(["cp", "-a", str(built / "prefix"), str(tmp_path / "prefix")], check=True)
    tools = toolchain_at(tmp_path / "prefix")
    for name in ("g00001", "g00002"):
        age(tools.prefix, name)
    return tools


def age(prefix: Prefix, name: str, seconds: float = 100_000) -> None:
    """Let the last use of `name` be so long ago."""
    before = time.time() - seconds
    os.utime(lease_file(prefix, name), (before, before))


@contextmanager
def leased(prefix: Prefix, name: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds a lease: Python takes it and becomes `cat`."""
    command = [sys.executable, "-c", HOLD, prefix.root, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as child:
        assert child.stdout is not None and child.stdout.readline() == "leased\n"
        while Path(f"/proc/{child.pid}/comm").read_text() != "cat\n":
            time.sleep(0.01)
        try:
            yield child
        finally:
            child.kill()


def on_disk(folder: Path) -> int:
    """The bytes that a folder takes: each inode once, folders too."""
    found = {}
    for below, _, names in os.walk(folder):
        for path in (below, *(os.path.join(below, name) for name in names)):
            status = os.lstat(path)
            found[status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def test_the_bytes_of_a_dry_run_are_those_that_are_freed(tools: Toolchain, tmp_path: Path) -> None:
    before = on_disk(tmp_path / "prefix")
    would = prune(tools, is_outside(2, None), dry_run=True)
    assert on_disk(tmp_path / "prefix") == before
    done = prune(tools, is_outside(2, None))
    assert (would.removed, would.freed, would.packages) == (["g00001"], done.freed, 1)
    # stage/ may be made, and folders that lose names keep their own size.
    assert abs(before - on_disk(tmp_path / "prefix") - done.freed) <= 3 * 4096
    assert done.freed > 300_000
    assert [place.name for place in layout.generations(tools.prefix)] == ["g00002"]
    assert verify(tools.prefix).is_whole


def test_what_only_looks_large_frees_little(tools: Toolchain, data: Path, tmp_path: Path) -> None:
    """A generation that is as another one takes megabytes to look at, and next to nothing on the disk."""
    make(tools, "g00003/one", str(data / f"requirements/g00002/python{MINOR}-one.txt"))
    would = prune(tools, lambda place: place.name == "g00003", dry_run=True, grace=0)
    cache = on_disk(Path(tools.uv.cache))
    statuses = {one.name: one for one in status(tools.prefix)}
    assert statuses["g00003"].apparent > 600_000
    assert would.removed == ["g00003"]
    # Its folders and marker, and what uv's cache has beside.
    assert would.freed < 100_000 + cache - 600_000


def test_what_is_in_use_stays_and_its_user_is_named(tools: Toolchain) -> None:
    with leased(tools.prefix, "g00001") as child:
        for dry in (True, False):
            found = prune(tools, is_outside(2, None), dry_run=dry)
            assert found.removed == []
            assert found.kept == [("g00001", f"g00001 is in use by process {child.pid} (cat)")]
        assert verify(tools.prefix).environments == 2
    age(tools.prefix, "g00001")
    assert prune(tools, is_outside(2, None)).removed == ["g00001"]


def test_what_latest_points_at_stays(tools: Toolchain) -> None:
    found = prune(tools, lambda place: True)
    assert (found.removed, found.kept) == (["g00001"], [("g00002", "latest points at it")])


def test_an_old_cog_generation_stays_as_long_as_it_is_used(tools: Toolchain, data: Path) -> None:
    lock = str(data / f"requirements/g00001/python{MINOR}-one.txt")
    for name in ("g0000000a", "g0000000b"):
        target = Path(tools.prefix.below("cog", name, f"cog1-python{MINOR}"))
        build(tools, str(target), lock, this_python())
        prepare(tools.prefix, f"cog-{name}")
    os.symlink("g0000000b", tools.prefix.below("cog", "latest"))
    lease = take(tools.prefix, "cog-g0000000a", tools.prefix.below("cog", "g0000000a"))
    kept = dict(prune(tools, is_outside(None, None)).kept)
    assert kept["cog-g0000000a"].startswith("cog-g0000000a is in use by process")
    os.close(lease)
    age(tools.prefix, "cog-g0000000a")
    assert prune(tools, is_outside(None, None)).removed == ["cog-g0000000a"]
    assert [place.name for place in layout.cog_generations(tools.prefix)] == ["cog-g0000000b"]


def test_a_lease_lasts_as_long_as_any_process_that_inherited_it(tools: Toolchain) -> None:
    lease = take(tools.prefix, "g00001", tools.prefix.generation("g00001"))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        os.close(lease)
        assert is_used(tools.prefix, "g00001")
        child.kill()
    assert not is_used(tools.prefix, "g00001")


def test_a_shell_takes_a_lease_that_counts(tools: Toolchain) -> None:
    script = 'exec 9<"$1" && flock --shared --nonblock 9 && echo leased && exec cat'
    command = ["sh", "-c", script, "sh", lease_file(tools.prefix, "g00001")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "leased\n"
        with pytest.raises(InUseError), unused(tools.prefix, "g00001"):
            pass
        child.kill()
    with unused(tools.prefix, "g00001"):
        pass


def test_what_is_being_removed_or_gone_cannot_be_leased(tools: Toolchain) -> None:
    folder = tools.prefix.generation("g00001")
    with unused(tools.prefix, "g00001"), pytest.raises(WorkbenchError, match="g00001 is being removed"):
        take(tools.prefix, "g00001", folder)
    prune(tools, is_outside(2, None))
    with pytest.raises(WorkbenchError, match="g00001 was removed"):
        take(tools.prefix, "g00001", folder)
    with pytest.raises(WorkbenchError, match="g00007 does not exist"):
        take(tools.prefix, "g00007", tools.prefix.generation("g00007"))


def test_many_may_hold_one_lease(tools: Toolchain) -> None:
    folder = tools.prefix.generation("g00001")
    leases = [take(tools.prefix, "g00001", folder) for _ in range(3)]
    assert holders(tools.prefix, "g00001") == [f"process {os.getpid()} ({Path('/proc/self/comm').read_text().strip()})"]
    for one in leases:
        fcntl.flock(one, fcntl.LOCK_UN)
        os.close(one)


def test_what_a_prefix_holds(tools: Toolchain) -> None:
    statuses = status(tools.prefix)
    assert [(one.name, one.finished, one.latest, one.environments, one.used_by) for one in statuses] == [
        ("g00001", True, False, 1, ()),
        ("g00002", True, True, 1, ()),
    ]
    assert all(300_000 < one.own < one.apparent < 2_000_000 for one in statuses)
    with leased(tools.prefix, "g00002") as child:
        assert status(tools.prefix)[1].used_by == (f"process {child.pid} (cat)",)


def test_ready_and_why_not(tools: Toolchain, data: Path, tmp_path: Path) -> None:
    generations = load_all(data)
    assert unready(tools.prefix, generations) == []
    assert unready(Prefix.at(str(tmp_path / "none")), generations) == [
        ("g00001", "0 of 1 environments are finished"),
        ("g00002", "0 of 1 environments are finished"),
    ]
    os.unlink(tools.prefix.latest)
    assert unready(tools.prefix, generations) == [("latest", "points at nothing")]
    Path(tools.prefix.generation("g00002"), f"python{MINOR}-one", ".done").unlink()
    assert unready(tools.prefix, generations) == [(f"g00002/python{MINOR}-one", "no longer exists")]
    folder = tools.prefix.generation("g00001")
    done = layout.read_done(folder)
    assert done is not None
    layout.write_done(folder, layout.GenerationMarker("sha256:old", {"gone": "sha256:0"}, {}))
    assert unready(tools.prefix, generations[:1]) == [
        ("g00001", f"was built as sha256:old, and is {generations[0].digest} now"),
        ("g00001/gone", "no longer exists"),
        (f"g00001/python{MINOR}-one", "was never built"),
    ]


def test_only_names_of_ours_are_places(tmp_path: Path) -> None:
    prefix = Prefix.at(str(tmp_path))
    for name in ("monobase/g00001", "monobase/g1", "monobase/other", "cog/g0123abcd", "cog/conflicts", "cog/g00001"):
        (tmp_path / name).mkdir(parents=True)
    assert layout.folders(prefix) == [
        GenerationFolder("g00001", f"{prefix.root}/monobase/g00001"),
        GenerationFolder("cog-g0123abcd", f"{prefix.root}/cog/g0123abcd"),
    ]
