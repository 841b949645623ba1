"""Prefixes filled with real wheels, and what goes wrong while they are: kills, other builders, full disks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.chance import chance
from tests.command import wizard
from tests.engine import search_path
from tests.monobase.wheels import MINOR, contents, this_python
from workbench.monobase import layout
from workbench.monobase.environment import read_marker
from workbench.monobase.generation import load_all
from workbench.monobase.interpreters import probe
from workbench.monobase.leases import take
from workbench.monobase.prefix import Prefix, point
from workbench.monobase.store import FileStore
from workbench.monobase.verify import verify

pytestmark = pytest.mark.thorough

DATA = REPOSITORY / "monobase" / "test"
KILLS = 8


def pythons() -> list[str]:
    """The flags that name the Pythons of this machine that the generations need: ours, and another one if there is."""
    found = {MINOR: this_python().path}
    wanted = {one.python for generation in load_all(DATA) for one in generation.environments}
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for minor in wanted - found.keys():
        named = [shutil.which(f"python{minor}"), *map(str, sorted(root.glob(f"versions/{minor}.*/bin/python")))]
        for path in filter(None, named):
            if (python := probe(os.path.realpath(path))) is not None and python.minor == minor:
                found[minor] = python.path
    return [f"--python={minor}={path}" for minor, path in found.items() if minor in wanted]


def command(prefix: Path, *flags: str) -> list[str]:
    build = [sys.executable, str(REPOSITORY / "wizard.py"), "monobase", "build", "--prefix", str(prefix)]
    return [*build, "--data", str(DATA), "--skip-missing", "--allow-skipped", *pythons(), *flags]


def build(prefix: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(prefix, *flags), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix that was filled in one go, from the package index."""
    prefix = tmp_path_factory.mktemp("monobase") / "whole"
    done = build(prefix)
    assert done.returncode == 0, done.stderr
    return prefix


def warm(whole: Path, prefix: Path) -> None:
    """Give a new prefix what uv has downloaded, and nothing else."""
    (prefix / "uv").mkdir(parents=True)
    subprocess.run(["cp", "-a", str(whole / "uv/cache"), str(prefix / "uv/cache")], check=True)


def finished(prefix: Path) -> dict[str, int]:
    """Every environment that is finished, and which folder it is."""
    found = Path(prefix, "monobase").glob("g*/python*")
    return {str(path): path.stat().st_ino for path in found if read_marker(str(path)) is not None}


def sparse(whole: Path) -> dict[str, tuple[int, str]]:
    return contents(whole / "monobase")


def environment(prefix: Path, generation: str = "latest") -> Path:
    return prefix / "monobase" / generation / f"python{MINOR}-plain"


def test_numpy_runs_from_each_generation(whole: Path) -> None:
    for generation in load_all(DATA):
        (packaging,) = [package.partition("==")[2] for package in generation.packages]
        code = "import numpy, packaging; print(packaging.__version__, numpy.arange(4).sum(), numpy.__file__)"
        python = environment(whole, generation.name) / "bin/python"
        printed = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert printed[:2] == [packaging, "6"]
        assert printed[2].startswith(str(environment(whole, generation.name)))
    compiled = next(environment(whole, "g00001").rglob("numpy/__pycache__/__init__.*.pyc"))
    shared = environment(whole, "g00002") / compiled.relative_to(environment(whole, "g00001"))
    assert compiled.stat().st_ino == shared.stat().st_ino


def test_killed_again_and_again_it_ends_as_if_built_in_one_go(whole: Path, tmp_path: Path) -> None:
    """kill -9 at random moments; what was finished by then is never touched again."""
    moments = chance()
    prefix, kills, rounds = tmp_path / "0", 0, 0
    warm(whole, prefix)
    progress: list[int] = []
    began = time.monotonic()
    assert build(prefix).returncode == 0
    # How long it takes here: the moments are to be anywhere in it, on a slow machine too.
    span = time.monotonic() - began
    shutil.rmtree(prefix)
    warm(whole, prefix)
    while kills < KILLS:
        before = finished(prefix)
        child = subprocess.Popen(command(prefix), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(timeout=moments.uniform(0, span * 0.5))
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            kills += 1
            progress.append(len(finished(prefix)))
        else:
            # It was finished before its turn to die: the next one begins from nothing.
            assert child.returncode == 0
            assert sparse(prefix) == sparse(whole)
            rounds += 1
            prefix = tmp_path / str(rounds)
            warm(whole, prefix)
            before = {}
        assert before.items() <= finished(prefix).items()
    before = finished(prefix)
    done = build(prefix)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("up to date") >= len(before)
    assert before.items() <= finished(prefix).items()
    assert sparse(prefix) == sparse(whole)
    assert verify(Prefix.at(str(prefix))).is_whole
    assert not list(Path(prefix).glob("stage/*"))
    print(f"{KILLS} kills in {rounds + 1} builds; environments that were finished by then: {progress}")


def test_two_builders_at_once_do_not_hurt_each_other(whole: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    warm(whole, prefix)
    both = [
        subprocess.Popen(command(prefix), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    messages = [child.communicate()[1] for child in both]
    assert [child.returncode for child in both] == [0, 0], messages
    # The second one reports for which builder it waits, and finds everything up to date.
    second = next(text for text in messages if "waiting for another builder to leave" in text)
    assert second.count("up to date") == len(finished(prefix))
    assert sparse(prefix) == sparse(whole)
    assert verify(Prefix.at(str(prefix))).is_whole


def test_a_reader_finds_one_generation_or_the_other_while_latest_moves(whole: Path) -> None:
    """Processes start on `latest`, lease what they found, and import numpy from it, while it moves all the time."""
    prefix = Prefix.at(str(whole))
    versions = {one.name: one.packages[0].partition("==")[2] for one in load_all(DATA)}
    readers = [subprocess.Popen(_reader(whole), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    turns = 0
    while any(reader.poll() is None for reader in readers):
        point(prefix.latest, ("g00001", "g00002")[turns % 2])
        turns += 1
    point(prefix.latest, "g00002")
    names = set()
    for reader in readers:
        assert reader.stdout is not None
        lines = reader.stdout.read().splitlines()
        assert reader.returncode == 0
        assert len(lines) == 8
        for line in lines:
            name, version = line.split()
            assert versions[name] == version
            names.add(name)
    assert turns > 100
    assert names <= versions.keys()


def _reader(prefix: Path) -> list[str]:
    script = """
set -e
for turn in 1 2 3 4 5 6 7 8; do
    name=$(readlink "$1/monobase/latest")
    test -e "$1/monobase/$name/.done"
    exec 9<"$1/leases/$name"
    flock --shared --nonblock 9
    echo "$name $("$1/monobase/$name/$2/bin/python" -c 'import numpy, packaging; print(packaging.__version__)')"
done
"""
    return ["sh", "-c", script, "sh", str(prefix), f"python{MINOR}-plain"]


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount an ext4 of that size; skips, with the reason, where that cannot be done."""
    tools = [tool for tool in ("mkfs.ext4", "mount") if shutil.which(tool, path=search_path()) is None]
    if os.geteuid() != 0 or tools:
        pytest.skip(f"{', '.join(tools)} not installed" if tools else "not root")
    environ = {**os.environ, "PATH": search_path()}
    image, mounted = folder / "disk", folder / "mounted"
    with image.open("wb") as file:
        file.truncate(megabytes * 2**20)
    mounted.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True, env=environ)
    done = subprocess.run(
        ["mount", "-o", "loop", str(image), str(mounted)], capture_output=True, text=True, env=environ, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"no loop mounts here: {done.stderr.strip()}")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=True, env=environ)


def test_a_full_disk_is_reported_and_leaves_nothing_half(whole: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path, 400) as disk:
        prefix = disk / "prefix"
        with (disk / "filler").open("wb") as filler:
            free = os.statvfs(disk)
            filler.write(b"\0" * (free.f_bavail * free.f_frsize - 30 * 2**20))
        done = build(prefix)
        assert done.returncode == 1
        assert "the disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(prefix.glob("monobase/g*/.done"))
        assert not list(prefix.glob("stage/*"))
        assert verify(Prefix.at(str(prefix))).is_whole
        (disk / "filler").unlink()
        kept = finished(prefix)
        done = build(prefix)
        assert done.returncode == 0, done.stderr
        assert kept.items() <= finished(prefix).items()
        assert sparse(prefix) == sparse(whole)


def test_ext4_allows_so_many_links_and_there_may_be_more(tmp_path: Path) -> None:
    with small_disk(tmp_path, 64) as disk:
        store = FileStore(Prefix.at(str(disk)))
        (disk / "file").write_text("linked\n")
        entry = store.put(str(disk / "file"))
        (disk / "links").mkdir()
        wanted = 65_100
        for number in range(wanted):
            store.link(entry, f"{disk}/links/{number}")
        inodes = {number: os.stat(f"{disk}/links/{number}").st_ino for number in (0, wanted - 1)}
        assert len(set(inodes.values())) == 2
        # The name in the store went over to the copy.
        assert os.stat(f"{disk}/links/0").st_nlink == 65_000 - 1
        assert Path(f"{disk}/links/{wanted - 1}").read_text() == "linked\n"
        assert store.is_whole(entry)


def test_a_lease_from_a_read_only_mount_keeps_a_generation(whole: Path, tmp_path: Path) -> None:
    """As a container has it: mounted read-only, in another mount namespace. The builder sees its lease."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("not root, or unshare not installed")
    script = """
set -e
mount --bind "$1" "$2"
mount -o remount,bind,ro "$2"
if touch "$2/x" 2>/dev/null; then exit 9; fi
exec 9<"$2/leases/g00001"
flock --shared --nonblock 9
echo leased
exec cat
"""
    view = tmp_path / "view"
    view.mkdir()
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", str(whole), str(view)]
    environ = {**os.environ, "PATH": search_path()}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as child:
        assert child.stdout is not None
        if child.stdout.readline() != "leased\n":
            pytest.skip("no mount namespaces here")
        done = wizard("monobase", "prune", "--prefix", whole, "--min-gen-id", "2", "--dry-run", "--grace", "0")
        child.kill()
    assert done.returncode == 1
    assert f"g00001 is in use by process {child.pid} (cat)" in done.stderr
    done = wizard("monobase", "prune", "--prefix", whole, "--min-gen-id", "2", "--dry-run", "--grace", "0")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "g00001 would be removed")


def test_pruning_while_a_process_runs_on_it(whole: Path) -> None:
    """It goes on importing from a generation that is old; when it has ended, the generation goes."""
    prefix = Prefix.at(str(whole))
    lease = take(prefix, "g00001", prefix.generation("g00001"))
    python = environment(whole, "g00001") / "bin/python"
    code = "import sys; print(sys.stdin.readline() and __import__('numpy').arange(3).sum())"
    with subprocess.Popen(
        [python, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False, text=True
    ) as child:
        os.close(lease)
        refused = wizard("monobase", "prune", "--prefix", whole, "--min-gen-id", "2")
        assert refused.returncode == 1
        assert f"g00001 is in use by process {child.pid} (python" in refused.stderr
        assert child.communicate("go\n")[0] == "3\n"
    # Last of all: it takes a generation from the prefix that the others use.
    done = wizard("monobase", "prune", "--prefix", whole, "--min-gen-id", "2", "--grace", "0")
    assert done.returncode == 0, done.stderr
    assert [place.name for place in layout.generations(prefix)] == ["g00002"]
    assert verify(prefix).is_whole
