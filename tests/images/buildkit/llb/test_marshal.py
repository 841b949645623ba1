from __future__ import annotations

import gc
import sys
from dataclasses import replace

from hypothesis import given

from tests.images.buildkit.llb import graphs
from tests.images.buildkit.llb.graphs import decoded, encoded, entries
from workbench.images.buildkit.llb import capabilities as caps
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.mounts import bind, cache, secret, tmpfs
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.state import GraphState, diff, image, local, merge, scratch
from workbench.images.buildkit.llb.vertex import Output, Vertex

GOLDEN = [
    "16f98a7e5653bd2c",
    "21e323ee1ac8a2fd",
    "46f19bea1bd4a3ed",
    "4d36715e1f87c32c",
    "8de6d13e116af6e7",
    "90fbd02206d69362",
    "b04a605039f5238d",
    "cb018faf0edd82a3",
    "d474de99cc09cf1a",
    "d8f037d4c4a11064",
]


def whole() -> GraphState:
    """A graph with every kind of vertex."""
    base = image("localhost/base:1", name="the base").env("PATH", "/bin").workdir("/srv").user("1001:0")
    one = base.run(
        "make",
        env={"B": "2", "A": "1"},
        mounts=[cache("/cache", "pip"), secret("/run/key", "key"), tmpfs("/tmp"), bind("/src", local("context"))],
        network="none",
    )
    other = base.copy(local("context", exclude=["*.pyc"]), "/src", "/srv/", owner="1001:0", mode=0o750)
    joined = merge([one, diff(base, other)], name="both")
    return joined.mkdir("/d", parents=True).mkfile("/d/f", b"text", owner="root").rm("/tmp/x", missing_ok=True)


def test_a_whole_graph_has_these_digests() -> None:
    # Whoever changes one of these makes every cache of every user worth nothing.
    assert [vertex.split(":")[1][:16] for vertex in sorted(marshal(whole()).metadata)] == GOLDEN


def test_every_vertex_comes_once_and_after_what_it_needs() -> None:
    definition = marshal(whole())
    kinds = [pb.Op.FromString(one).WhichOneof("op") for one in entries(definition)]
    assert kinds == ["source", "source", "exec", "source", "file", "diff", "merge", "file", "file", "file", None]


def test_the_metadata_of_a_vertex() -> None:
    definition = marshal(image("a").run("x", name="step", ignore_cache=True))
    source, step, last = entries(definition)
    assert definition.metadata == {
        graphs.digest(source): pb.OpMetadata(caps={caps.IMAGE: True, caps.IMAGE_RESOLVE_MODE: True}),
        graphs.digest(step): pb.OpMetadata(
            ignore_cache=True,
            description={"llb.customname": "step"},
            caps={
                caps.EXEC: True,
                caps.EXEC_DEFAULT_PATH: True,
                caps.MOUNT_BIND: True,
                caps.DESCRIPTION: True,
                caps.IGNORE_CACHE: True,
            },
        ),
    }
    assert pb.Op.FromString(last) == pb.Op(inputs=[pb.Input(digest=graphs.digest(step))])


def test_an_empty_tree_is_an_empty_definition() -> None:
    assert marshal(scratch()) == pb.Definition()


def test_equal_steps_are_one_vertex() -> None:
    twice = [image("a").run("x", name=name, ignore_cache=again) for name, again in (("", False), ("x", True))]
    both = marshal(merge([one.mkdir(f"/{number}") for number, one in enumerate(twice)]))
    assert [pb.Op.FromString(one).WhichOneof("op") for one in entries(both)] == [
        "source",
        "exec",
        "file",
        "file",
        "merge",
        None,
    ]
    (step,) = [one for one in both.metadata.values() if caps.EXEC in one.caps]
    assert (step.ignore_cache, step.description["llb.customname"]) == (True, "x")


def test_what_lies_below_an_equal_step_counts_too() -> None:
    twice = [image("a").run("x", ignore_cache=again).run("y") for again in (False, True)]
    both = marshal(merge([one.mkdir(f"/{number}") for number, one in enumerate(twice)]))
    assert [one.ignore_cache for one in both.metadata.values()].count(True) == 1


def test_ten_thousand_steps() -> None:
    state = image("a")
    for number in range(10_000):
        state = state.run(f"step {number}")
    definition = marshal(state)
    assert len(definition.metadata) == len(entries(definition)) - 1 == 10_001
    assert sys.getrecursionlimit() < 10_000
    assert repr(state) and hash(state) and state == state.user("")
    del state
    gc.collect()


def test_shared_parts_do_not_multiply() -> None:
    # 2 ** 60 ways lead from the end to the beginning.
    state = image("a")
    for number in range(60):
        state = state.run("x", mounts=[bind(f"/m{number}", state)])
    assert len(marshal(state).metadata) == 61


@given(graphs.states())
def test_what_holds_of_every_graph(state: GraphState) -> None:
    definition = marshal(state)
    listed = entries(definition)
    if state.output is None:
        assert not listed
        return
    digests = [graphs.digest(one) for one in listed[:-1]]
    # Each once, and described; addressed by digest; after all that it needs; all reached from the last.
    assert len(set(digests)) == len(digests) and set(digests) == set(definition.metadata)
    reached = set()
    needed = [state.output.vertex.digest]
    while needed:
        if (one := needed.pop()) not in reached:
            reached.add(one)
            op = pb.Op.FromString(listed[digests.index(one)])
            assert all(digests.index(below.digest) < digests.index(one) for below in op.inputs)
            needed += [below.digest for below in op.inputs]
    assert reached == set(digests)
    last = pb.Op.FromString(listed[-1])
    assert last == pb.Op(inputs=[pb.Input(digest=state.output.vertex.digest, index=state.output.index)])
    for digest, op in zip(digests, decoded(state), strict=True):
        kind = op.WhichOneof("op") or ""
        wanted = {"source": "source.", "exec": caps.EXEC, "file": caps.FILE, "merge": caps.MERGE, "diff": caps.DIFF}
        assert any(one.startswith(wanted[kind]) for one in definition.metadata[digest].caps)


@given(graphs.states())
def test_a_graph_has_the_same_bytes_however_it_is_shared(state: GraphState) -> None:
    if state.output is not None:
        apart = GraphState(Output(_apart(state.output.vertex), state.output.index))
        assert encoded(apart) == encoded(state)


@given(graphs.states(), graphs.states())
def test_equal_states_are_equal_bytes(one: GraphState, other: GraphState) -> None:
    same = entries(marshal(one)) == entries(marshal(other))
    assert same == (one.output == other.output)


def _apart(vertex: Vertex) -> Vertex:
    """Return the same graph with a vertex of its own wherever one is used."""
    return replace(vertex, inputs=tuple(_apart(one) for one in vertex.inputs))


def test_the_order_of_what_has_none_makes_no_difference() -> None:
    base, mounts = image("a"), [cache("/a", "a"), tmpfs("/b"), bind("/c", image("b"))]
    assert encoded(base.run("x", env={"A": "1", "B": "2"}, mounts=mounts)) == encoded(
        base.env("B", "2").env("A", "1").run("x", mounts=mounts[::-1])
    )


def test_an_output_of_a_writable_mount_can_be_the_result() -> None:
    step = image("a").run("x", mounts=[bind("/b", scratch(), readonly=False), bind("/a", image("b"), readonly=False)])
    assert step.output is not None
    (exec_,) = [op.exec for op in decoded(step) if op.HasField("exec")]
    assert [(one.dest, one.output) for one in exec_.mounts] == [("/", 0), ("/a", 1), ("/b", 2)]
    last = entries(marshal(GraphState(Output(step.output.vertex, 2))))[-1]
    assert pb.Op.FromString(last).inputs[0].index == 2
