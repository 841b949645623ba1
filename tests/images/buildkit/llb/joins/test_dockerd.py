"""The ways of joining on a real BuildKit, and against each other."""

from __future__ import annotations

import base64
import io
import os
import shlex
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.dockerd import Dockerd
from tests.engine import TINY, tiny_root
from tests.images.buildkit.llb.joins import trees
from tests.images.buildkit.llb.joins.trees import Node, Tree
from workbench.images.buildkit.llb.client import Daemon, connect
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway
from workbench.images.buildkit.llb.joins import report
from workbench.images.buildkit.llb.joins.join import conflicts, join
from workbench.images.buildkit.llb.joins.strategy import GENERAL, REPLAY, JoinKind, JoinStrategy, choose
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.mounts import bind
from workbench.images.buildkit.llb.state import GraphState, image, scratch

WITH_PYTHON = "localhost/tiny-python:1"
# The daemon is the same in every example, and one takes a second: few, always the same ones.
few = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def daemon(dockerd: Dockerd) -> Iterator[Daemon]:
    with connect(dockerd.address) as reached:
        yield reached


@pytest.fixture(scope="module", params=["busybox", "python"])
def base(request: pytest.FixtureRequest, dockerd: Dockerd) -> GraphState:
    """A base without GNU's find and without Python, and one with a Python."""
    if request.param == "busybox":
        return image(TINY).env("PATH", "/bin")
    return image(dockerd.load(WITH_PYTHON, _with_python())).env("PATH", "/bin")


@few
@given(case=trees.forks(st.sampled_from(["a", "b", "-x", "sp ace", "b\\ack", "*", "ü"])))
def test_all_ways_give_the_tree_that_merging_gives(
    daemon: Daemon, base: GraphState, case: tuple[Tree, list[Tree]]
) -> None:
    before, after = case
    assume(not trees.clashing(before, after))
    start = base.run(_script({}, before), name="the base", network="none")
    branches = [start.run(_script(before, tree), network="none") for tree in after]
    for strategy in _ways(daemon):
        found, reported = _built(daemon, start, branches, strategy)
        assert (strategy, trees.timeless(found)) == (strategy, trees.timeless(trees.merged(before, after)))
        assert reported in (None, (0, []))


def test_a_conflict_is_reported_and_the_later_wins(daemon: Daemon, base: GraphState) -> None:
    start = base.run("mkdir -p /t/d && echo 1 > /t/f && echo 1 > /t/d/f", network="none")
    one = start.run("echo 2 > /t/f; echo a > /t/d/a; ln -s f /t/l", network="none")
    other = start.run("echo 3 > /t/f; rm -r /t/d; echo l > /t/l; chmod 600 /t/f", network="none")
    wanted = {"f": Node("file", 0o600, content=b"3\n"), "l": Node("file", content=b"l\n")}
    expected = {report.JoinConflict(0, 1, path) for path in ("/t/d/a", "/t/f", "/t/l")}
    for strategy in {GENERAL, choose(daemon.capabilities())[0]}:
        found, reported = _built(daemon, start, [one, other], strategy)
        assert trees.timeless(found) == trees.timeless(wanted)
        assert reported is not None and reported[0] == 3 and set(reported[1]) == expected
        # The report is kept: the same join taken from the cache has it too.
        assert _built(daemon, start, [one, other], strategy)[1] == reported


def test_a_join_leaves_nothing_else(daemon: Daemon, base: GraphState) -> None:
    start = base.run("mkdir /t", network="none")
    branches = [start.run(f"echo {name} > /t/{name}", network="none") for name in "ab"]
    found = _built(daemon, start, branches, GENERAL, at="/")[0]
    alone = _built(daemon, start, branches[:1], GENERAL, at="/")[0]
    assert trees.timeless(found) == trees.timeless({**alone, "t/b": Node("file", content=b"b\n")})


def test_replaying_reports_conflicts_too(daemon: Daemon, base: GraphState) -> None:
    start = base.run("mkdir /t && echo 1 > /t/f", network="none")
    branches = [start.run(f"echo {word} > /t/f", network="none") for word in ("one", "two")]
    found, reported = _built(daemon, start, branches, REPLAY)
    assert found["f"].content == b"two\n"
    assert reported == (1, [report.JoinConflict(0, 1, "/t/f")])


def test_a_join_can_be_joined_again(daemon: Daemon, base: GraphState) -> None:
    start = base.run("mkdir /t && touch /t/gone", network="none")
    left = [start.run(f"touch /t/{name}", network="none") for name in "ab"]
    inner = join(start, left, GENERAL)
    for strategy in _ways(daemon):
        whole = [start.run("rm /t/gone", network="none"), inner]
        assert sorted(_built(daemon, start, whole, strategy)[0]) == ["a", "b"]


def test_names_with_a_newline_are_joined_by_python(daemon: Daemon, dockerd: Dockerd) -> None:
    base = image(dockerd.load(WITH_PYTHON, _with_python())).env("PATH", "/bin").mkdir("/t")
    branches = [base.run(["/bin/mkdir", f"/t/{name}"], network="none") for name in ("a\nb", "c")]
    assert sorted(_built(daemon, base, branches, GENERAL)[0]) == ["a\nb", "c"]


def test_an_empty_base_is_replayed(daemon: Daemon) -> None:
    branches = [scratch().mkdir("/t").mkfile("/t/a", b"1"), scratch().mkdir("/t", parents=True).mkfile("/t/b", b"2")]
    found = _built(daemon, scratch(), branches, REPLAY, report_it=False)[0]
    assert trees.timeless(found) == {"a": Node("file", content=b"1", time=0), "b": Node("file", content=b"2", time=0)}


def test_the_strategy_fits_the_daemon(daemon: Daemon) -> None:
    strategy, why = choose(daemon.capabilities())
    if {"mergeop", "diffop"} <= daemon.capabilities():
        assert strategy.kind is JoinKind.MERGE
    else:
        assert (strategy.kind, "mergeop" in why, "diffop" in why) == (JoinKind.GENERAL, True, True)


def _ways(daemon: Daemon) -> list[JoinStrategy]:
    """The ways that this daemon can go: MergeOp only where it has that."""
    return [*dict.fromkeys([GENERAL, REPLAY, choose(daemon.capabilities())[0]])]


def _built(
    daemon: Daemon,
    base: GraphState,
    branches: list[GraphState],
    strategy: JoinStrategy,
    *,
    report_it: bool = True,
    at: str = "/t",
) -> tuple[dict[str, Node], tuple[int, list[report.JoinConflict]] | None]:
    """Return what is at `at` when the branches are joined, and what is reported about it."""
    joined = join(base, branches, strategy)
    conflict_tree = conflicts(base, branches, strategy) if report_it else None
    # An image of its own packs the tree, for a gateway reads files and no owners of links.
    packed = image(TINY).run(
        "tar -c -f /out/tar -C /t .",
        env={"PATH": "/bin"},
        mounts=[bind("/t", joined, selector=at), bind("/out", scratch(), readonly=False)],
        network="none",
    )
    assert packed.output is not None
    out = GraphState(type(packed.output)(packed.output.vertex, 1))
    contents: list[bytes | None] = []

    def build(gateway: Gateway) -> BuildResult:
        contents.append(gateway.solve(marshal(out)).read_file("/tar"))
        contents.append(gateway.solve(marshal(conflict_tree)).read_file(report.FILE) if conflict_tree else None)
        return BuildResult()

    daemon.build(build)
    tree, text = contents
    assert tree is not None
    return _unpacked(tree), report.read(text) if text is not None else None


def _unpacked(data: bytes) -> dict[str, Node]:
    kinds = {tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link", tarfile.FIFOTYPE: "pipe"}
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            kind = kinds.get(entry.type, "file")
            read = tar.extractfile(entry) if entry.isreg() else None
            content = read.read() if read else os.fsencode(entry.linkname)
            found[entry.name.removeprefix("./")] = Node(kind, entry.mode, (entry.uid, entry.gid), content)
    found.pop(".", None)
    return found


def _script(before: Tree, after: Tree) -> str:
    """Return what makes one tree of the other, below /t, with what busybox has."""
    lines = ["set -e", "mkdir -p /t", "cd /t"]
    lines += [f"rm -rf ./{shlex.quote(path)}" for path in sorted(set(before) - set(after))]
    for path, node in sorted(after.items()):
        if before.get(path) == node:
            continue
        where = f"./{shlex.quote(path)}"
        if node.kind == "folder":
            lines.append(f"[ -d {where} -a ! -L {where} ] || {{ rm -rf {where}; mkdir {where}; }}")
        elif node.kind == "link":
            lines.append(f"rm -rf {where}; ln -s {shlex.quote(os.fsdecode(node.content))} {where}")
        elif node.kind == "pipe":
            lines.append(f"rm -rf {where}; mkfifo {where}")
        else:
            lines.append(f"rm -rf {where}; echo {base64.b64encode(node.content).decode()} | base64 -d > {where}")
        lines.append(f"chown -h {node.owner[0]}:{node.owner[1]} {where}")
        if node.kind != "link":
            lines.append(f"chmod {node.mode:o} {where}")
    # Each a step of its own, whatever ran on this daemon before.
    return "\n".join([*lines, f": {uuid.uuid4()}"])


def _with_python() -> bytes:
    """The tiny root with this Python off the path: the interpreter, what it is linked to, what it starts with."""
    packed = io.BytesIO(tiny_root())
    program = os.path.realpath(sys.executable)
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = {word for word in linked.split() if word.startswith("/")}
    library = Path(os.__file__).parent
    modules = [*library.glob("*.py"), *library.glob("encodings/*.py"), *library.glob("collections/*.py")]
    with tarfile.open(fileobj=packed, mode="a") as tar:
        tar.add(program, "opt/python/bin/python3")
        for one in sorted(libraries):
            tar.add(os.path.realpath(one), one.lstrip("/"))
        for module in sorted(modules):
            tar.add(module, f"opt/python/lib/{library.name}/{module.relative_to(library)}")
    return packed.getvalue()
