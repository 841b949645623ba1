"""Filling from a mirror: the index is not queried, and nothing is taken that has another digest."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command import wizard
from tests.monobase.damages import Silent, snapshot
from tests.monobase.servers import Served, serving, write_simple
from tests.monobase.wheels import MINOR, SITE, Index, python_flag, this_python, toolchain_at, write_generation
from workbench.errors import UsageError, WorkbenchError
from workbench.monobase import mirror, sources
from workbench.monobase.cog import build_cogs, cog_spec
from workbench.monobase.fill import FAILED, FillRequest, fill
from workbench.monobase.generation import load_all
from workbench.monobase.install import Toolchain
from workbench.monobase.mirror import Mirror, MirrorAddress
from workbench.monobase.mirrors import Mirrors, MirrorUse
from workbench.monobase.prefix import Prefix, builder
from workbench.monobase.publish import publish
from workbench.monobase.requirements import read_lock
from workbench.monobase.sources import MirrorError, Readable
from workbench.monobase.verify import verify

BIG = "DATA = '" + "x" * 300_000 + "'\n"


@dataclass
class Fleet:
    """An index that counts, and what nodes are filled with."""

    data: Path
    index: Served
    first: Path
    packs: Path
    digest: str

    def build(self, root: Path, *locations: object) -> list[MirrorUse]:
        """Fill the prefix `root` as a node does, and return what came from mirrors."""
        prefix = Prefix.at(str(root))
        mirrors = Mirrors([MirrorAddress(str(location), self.digest) for location in locations])
        python = this_python()
        with builder(prefix):
            tools = Toolchain.at(prefix, jobs=2, mirrors=mirrors)
            build_cogs(tools, cog_spec(["1.0"], "1.0", {MINOR: python.version}), {MINOR: python}, lambda _: None)
            outcomes = fill(tools, FillRequest(load_all(self.data), {MINOR: python}, {}), Silent(), 2)
        assert [one.reason for one in outcomes if one.status == FAILED] == []
        return mirrors.uses()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A node that was filled from the index, and what it published; nothing changes them."""
    folder = tmp_path_factory.mktemp("fleet")
    index = Index(folder / "index")
    index.add("cog", "1.0", needs=["schema"])
    index.add("schema")
    index.add("large", files={"large.py": BIG, "small.py": "SMALL = 1\n"})
    index.add("tool", files={"tool.py": "def main(): pass\n"}, commands="tool = tool:main")
    write_simple(index)
    for number, names in ((1, ("large",)), (2, ("large", "tool"))):
        lock = folder / "lock.txt"
        lock.write_text("".join(f"{index.pins[name]}\n" for name in names))
        write_generation(folder / "data", number, {"one": str(lock)})
    with serving(index.folder) as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_DEFAULT_INDEX", f"{served.url}/simple")
        made = Fleet(folder / "data", served, folder / "first", folder / "packs", "")
        made.build(made.first)
        made.digest = publish(Prefix.at(str(made.first)), str(made.packs), lambda _: True).digest
        yield made


@pytest.fixture
def node(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a node has its prefix; nobody has queried the index yet."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{fleet.index.url}/simple")
    monkeypatch.setattr(sources, "_PAUSE", 0.0)
    fleet.index.paths, fleet.index.bytes = [], 0
    return tmp_path / "node"


def is_filled(fleet: Fleet, node: Path) -> bool:
    """Whether a node has what the first one has, byte for byte, and nothing damaged."""
    digests = {one.name: one.digest for one in load_all(fleet.data)}
    return snapshot(node) == snapshot(fleet.first) and verify(Prefix.at(str(node)), digests).is_whole


@pytest.mark.thorough
def test_ten_nodes_take_from_the_index_what_one_takes(fleet: Fleet, node: Path, tmp_path: Path) -> None:
    """The first node queried the index; nine more take packages and the cog's lock from what it published."""
    with serving(fleet.packs) as served:
        for number in range(9):
            prefix = tmp_path / f"node{number}"
            (use,) = fleet.build(prefix, served.url if number % 2 else fleet.packs)
            assert (use.packages, use.faults) == (4, [])
            assert use.bytes > 0
            assert is_filled(fleet, prefix)
        # Each file once for each node: shared packs are not fetched again.
        assert len(served.paths) == len(set(served.paths)) * 4
        assert not list(Path(prefix).glob("uv/cache/wheels*"))
    assert (fleet.index.paths, fleet.index.bytes) == ([], 0)
    fleet.build(node)
    assert fleet.index.bytes > 0


def objects(served: Served, kind: str) -> set[str]:
    return {f"/{path.relative_to(served.folder)}" for path in (served.folder / kind).rglob("*") if path.is_file()}


def flipped(data: bytes) -> bytes:
    return data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]


BOMB = gzip.compress(b"\0" * 2**24) * 64
LIES: dict[str, tuple[str, Callable[[bytes], tuple[int, bytes]]]] = {
    "a byte of a pack": ("packs", lambda data: (200, flipped(data))),
    "half of a pack": ("packs", lambda data: (200, data[: len(data) // 2])),
    "no pack": ("packs", lambda data: (404, b"gone")),
    "an empty pack": ("packs", lambda data: (200, b"")),
    "other contents of that length": (
        "packs",
        lambda data: (200, gzip.compress(b"import evil\n" * (len(gzip.decompress(data)) // 12 + 1))),
    ),
    "a pack of a gigabyte": ("packs", lambda data: (200, BOMB)),
    "other records": ("records", lambda data: (200, gzip.compress(gzip.decompress(data).replace(b".py", b".pi")))),
    "records that are none": ("records", lambda data: (200, b"<html>")),
    "another list": ("lists", lambda data: (200, data.replace(b"record", b"recorD"))),
    "no list": ("lists", lambda data: (403, b"")),
}


@pytest.mark.parametrize("lie", LIES)
def test_nothing_is_taken_that_a_mirror_lies_about(fleet: Fleet, node: Path, lie: str) -> None:
    kind, answer = LIES[lie]
    (generation,) = (one for one in load_all(fleet.data) if one.id == 2)
    packages = read_lock(str(generation.environments[0].requirements)).packages
    tools = toolchain_at(node)
    with serving(fleet.packs) as served:
        chosen = objects(served, kind)
        assert chosen
        served.answer = lambda path, data: answer(data) if path in chosen else (200, data)
        mirrors = Mirrors([MirrorAddress(served.url, fleet.digest)])
        left = mirrors.take(tools.prefix, tools.store, tools.wheels, this_python(), (), packages)
        assert served.bytes < 4 * 2**20
    (use,) = mirrors.uses()
    assert (left, use.packages, bool(use.faults)) == (list(packages), 0, True)
    assert tools.wheels.keys() == []
    assert verify(tools.prefix).damaged_entries == []
    assert not [path for path in node.glob("stage/**/*") if path.is_file()]


def test_one_damaged_pack_costs_one_package(fleet: Fleet, node: Path, tmp_path: Path) -> None:
    shutil.copytree(fleet.packs, tmp_path / "packs")
    largest = max((tmp_path / "packs/packs").rglob("*.gz"), key=lambda path: len(gzip.decompress(path.read_bytes())))
    largest.write_bytes(flipped(largest.read_bytes()))
    (use,) = fleet.build(node, tmp_path / "packs")
    assert use.packages == 3
    assert {Path(path).name.partition("-")[0] for path in fleet.index.paths if path.endswith(".whl")} == {"large"}
    assert is_filled(fleet, node)


def test_the_next_mirror_is_tried_before_the_index(fleet: Fleet, node: Path, tmp_path: Path) -> None:
    with serving(tmp_path) as empty:
        uses = fleet.build(node, tmp_path / "not mounted", empty.url, fleet.packs)
        # Without a list there is nothing to fetch.
        assert len(empty.paths) == 1
    assert [one.packages for one in uses] == [0, 0, 4]
    assert fleet.index.paths == []
    assert is_filled(fleet, node)


def test_a_mirror_that_does_not_answer_is_left_alone(fleet: Fleet, node: Path) -> None:
    with serving(fleet.packs) as served:
        gone = served.url
    (use,) = fleet.build(node, gone)
    assert (use.packages, len(use.faults)) == (0, 1)
    assert is_filled(fleet, node)


def test_what_fails_for_a_moment_is_tried_again(fleet: Fleet, node: Path) -> None:
    with serving(fleet.packs) as served:
        begun: set[str] = set()

        def answer(path: str, data: bytes) -> tuple[int, bytes]:
            is_first = path not in begun
            begun.add(path)
            return (503, b"") if is_first else (200, data)

        served.answer = answer
        (use,) = fleet.build(node, served.url)
    assert (use.packages, use.faults, fleet.index.paths) == (4, [], [])
    with serving(fleet.packs) as served:
        served.cut = 40
        source = Mirror(MirrorAddress(served.url, fleet.digest))
        with pytest.raises(MirrorError, match="the connection ended"):
            source.list()
        assert len(served.paths) == 3


def test_nobody_waits_for_a_mirror_that_is_too_slow(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_PATIENCE", 0.05)
    monkeypatch.setattr(sources, "_PAUSE", 0.0)
    with serving(fleet.packs) as served:
        served.pause = 0.1
        with pytest.raises(MirrorError, match="comes too slowly"):
            Mirror(MirrorAddress(served.url, fleet.digest)).list()


def test_a_list_without_end_is_not_read_to_its_end(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "_LARGEST_TEXT", 1000)
    with serving(fleet.packs) as served:
        served.answer = lambda path, data: (200, b"x" * 10_000_000)
        source = Mirror(MirrorAddress(served.url, fleet.digest))
        with pytest.raises(MirrorError, match="has another digest"):
            source.list()
        assert source.fetched < 1_000_000


def test_what_was_interrupted_goes_on_where_it_was(fleet: Fleet, node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = mirror._copy
    begun: list[object] = []

    def interrupted(stream: Readable, size: int, file: str) -> str:
        begun.append(file)
        if len(begun) > 3:
            raise KeyboardInterrupt
        return copied(stream, size, file)

    with monkeypatch.context() as patch:
        patch.setattr(mirror, "_copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fleet.build(node, fleet.packs)
    assert not list(node.glob("stage/*"))
    assert verify(Prefix.at(str(node))).damaged_entries == []
    fleet.build(node, fleet.packs)
    assert fleet.index.paths == []
    assert is_filled(fleet, node)


def test_a_full_disk_is_no_fault_of_the_mirror(fleet: Fleet, node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mirror, "_copy", full)
    with pytest.raises(WorkbenchError, match="the disk is full"):
        fleet.build(node, fleet.packs)


@pytest.mark.thorough
def test_what_is_damaged_is_repaired_from_a_mirror(fleet: Fleet, node: Path) -> None:
    """A file of which there is no good copy, and the record of its package."""
    fleet.build(node, fleet.packs)
    before = snapshot(node)
    for name in ("large.py", "tool.py"):
        path = node / f"monobase/g00002/python{MINOR}-one/{SITE}/{name}"
        path.chmod(0o644)
        path.write_text("poison\n")
    (record,) = [path for path in node.glob("store/wheels/*") if '"name":"tool"' in path.read_text()]
    record.write_text("{}")
    flags = ("--prefix", node, "--data", fleet.data, "--offline")
    assert wizard("monobase", "repair", *flags).returncode == 1
    done = wizard("monobase", "repair", *flags, "--mirror", f"{fleet.packs}@sha256:{fleet.digest}")
    assert (done.returncode, fleet.index.paths) == (0, []), done.stderr
    assert snapshot(node) == before


def test_a_mirror_without_a_digest_is_refused(tmp_path: Path) -> None:
    for text in ("https://mirror.example@sha256:12", "@sha256:" + "0" * 64):
        with pytest.raises(UsageError, match="is not the address of a mirror"):
            MirrorAddress.parse(text)
    done = wizard("monobase", "build", "--prefix", tmp_path / "prefix", "--mirror", "/mnt/packs")
    assert (done.returncode, (tmp_path / "prefix").exists()) == (2, False)


@pytest.mark.thorough
def test_publish_prints_what_build_takes(fleet: Fleet, node: Path, tmp_path: Path) -> None:
    flags = ("--data", fleet.data, python_flag(), "--json", "--offline")
    published = wizard("monobase", "publish", "--prefix", fleet.first, "--to", tmp_path / "packs")
    assert published.returncode == 0, published.stderr
    first, address = published.stdout.splitlines()
    assert first.startswith("g00001, g00002: 4 packages; ")
    assert address == f"{tmp_path}/packs@sha256:{fleet.digest}"
    # No index is queried with --offline, and none is needed.
    done = wizard("monobase", "build", "--prefix", node, "--mirror", address, *flags)
    assert done.returncode == 0, done.stderr
    (use,) = json.loads(done.stdout)["mirrors"]
    assert (use["location"], use["packages"], use["faults"]) == (f"{tmp_path}/packs", 2, [])


def test_what_is_published_is_the_same_wherever_it_was_built(fleet: Fleet, node: Path, tmp_path: Path) -> None:
    fleet.build(node)
    made = publish(Prefix.at(str(node)), str(tmp_path / "packs"), lambda _: True)
    assert made.digest == fleet.digest
    done = subprocess.run(["diff", "-r", str(fleet.packs), str(tmp_path / "packs")], capture_output=True, text=True)
    assert done.stdout == ""
