from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.images.buildkit.llb.graphs import decoded
from workbench.images.buildkit.llb.capabilities import capabilities_of
from workbench.images.buildkit.llb.checks import StepError
from workbench.images.buildkit.llb.joins.join import changing, conflicts, join, settings_clash
from workbench.images.buildkit.llb.joins.strategy import GENERAL, MERGE, REPLAY, JoinKind, JoinStrategy
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.state import GraphState, diff, image, merge, scratch

BASE = image("localhost/base:1").env("PATH", "/bin").env("A", "1").workdir("/srv").user("1001:0")
ONE = BASE.run("one").mkfile("/1", b"1")
OTHER = BASE.run("other").rm("/x")
THIRD = BASE.mkdir("/3")


def same(one: GraphState, other: GraphState) -> bool:
    return one.output == other.output


@pytest.mark.parametrize("strategy", [MERGE, GENERAL, REPLAY])
def test_what_there_is_nothing_to_join_of(strategy: JoinStrategy) -> None:
    assert join(BASE, [], strategy) == join(BASE, [BASE, BASE], strategy) == BASE
    assert join(BASE, [BASE, ONE, ONE], strategy) == ONE
    assert conflicts(BASE, [BASE, ONE, ONE], strategy) is None
    assert changing(BASE, [ONE, BASE, OTHER, ONE]) == [2, 3]


def test_merging_takes_the_first_whole_and_of_the_others_what_differs() -> None:
    assert same(
        join(BASE, [ONE, OTHER, THIRD], MERGE, name="all"),
        merge([ONE, diff(BASE, OTHER), diff(BASE, THIRD)], name="all"),
    )


def test_replaying_does_the_others_steps_on_the_first() -> None:
    assert same(join(BASE, [ONE, OTHER, THIRD], REPLAY), ONE.run("other").rm("/x").mkdir("/3"))


def test_replaying_goes_through_joins() -> None:
    for strategy in (MERGE, GENERAL):
        inner = join(BASE, [ONE, OTHER], strategy)
        again = join(BASE, [THIRD, inner], REPLAY)
        assert decoded(again)[-1].WhichOneof("op") == decoded(inner)[-1].WhichOneof("op")
        assert same(again, join(BASE, [THIRD, inner], REPLAY)) and not same(again, inner)


@pytest.mark.parametrize("branch", [image("localhost/other:1"), scratch(), diff(BASE, ONE), image("b").run("x")])
def test_what_is_no_step_on_the_base_cannot_be_replayed(branch: GraphState) -> None:
    with pytest.raises(StepError, match="not made of steps on its base"):
        join(BASE, [ONE, branch], REPLAY)


def test_the_general_way_is_one_step() -> None:
    joined = join(BASE, [ONE, OTHER, THIRD], GENERAL, name="join")
    op = decoded(joined)[-1]
    mounts = [(one.dest, one.readonly, one.output, one.contentCache) for one in op.exec.mounts]
    assert mounts == [
        ("/", False, 0, 0),
        ("/dev/.base", False, 1, 0),
        ("/dev/.branch0", False, 2, 0),
        ("/dev/.branch1", False, 3, 0),
        ("/dev/.join", True, -1, 0),
        ("/dev/.report", False, 4, 0),
        ("/dev/.target", False, 5, 0),
    ]
    trees = [op.inputs[one.input].digest if one.input >= 0 else "" for one in op.exec.mounts]
    base, one, other, third = (state.output.vertex.digest for state in (BASE, ONE, OTHER, THIRD) if state.output)
    assert [trees[number] for number in (0, 1, 2, 3, 5, 6)] == [base, base, other, third, "", one]
    assert list(op.exec.meta.args) == [
        "/bin/sh",
        "/dev/.join/join.sh",
        "apply",
        "/dev/.report",
        *("/dev/.base", "/dev/.target", "/dev/.base", "/dev/.branch0", "/dev/.base", "/dev/.branch1"),
    ]
    assert (list(op.exec.meta.env), op.exec.meta.user, op.exec.network) == (["PATH=/bin"], "0:0", 2)
    assert joined.output is not None and (joined.output.index, joined.output.vertex.name) == (5, "join")
    # The report is another output of the very same step.
    compared = conflicts(BASE, [ONE, OTHER, THIRD], GENERAL, name="join")
    assert compared is not None and compared.output is not None
    assert (compared.output.vertex, compared.output.index) == (joined.output.vertex, 4)


def test_a_newer_daemon_need_not_read_the_trees_first() -> None:
    strategy = JoinStrategy(JoinKind.GENERAL, content_cache=True)
    op = decoded(join(BASE, [ONE, OTHER], strategy))[-1]
    assert {one.dest for one in op.exec.mounts if one.contentCache == 2} == {
        "/dev/.base",
        "/dev/.branch0",
        "/dev/.target",
    }
    assert "exec.mount.cache.content" in capabilities_of(marshal(join(BASE, [ONE, OTHER], strategy)))
    assert "exec.mount.cache.content" not in capabilities_of(marshal(join(BASE, [ONE, OTHER], GENERAL)))


def test_the_tools_can_come_from_another_tree() -> None:
    tools = image("localhost/tools:1")
    op = decoded(join(scratch(), [scratch().mkdir("/a"), scratch().mkdir("/b")], GENERAL, tools=tools))[-1]
    assert tools.output is not None
    assert op.inputs[op.exec.mounts[0].input].digest == tools.output.vertex.digest
    with pytest.raises(StepError, match="it has no shell"):
        join(scratch(), [scratch().mkdir("/a"), scratch().mkdir("/b")], GENERAL)


def test_comparing_beside_a_merge_and_after_a_replay() -> None:
    for strategy, before in ((MERGE, [BASE, BASE]), (REPLAY, [BASE, ONE])):
        after = [ONE, OTHER if strategy is MERGE else ONE.run("other").rm("/x")]
        compared = conflicts(BASE, [ONE, OTHER], strategy)
        assert compared is not None and compared.output is not None
        op = decoded(compared)[-1]
        trees = {one.dest: op.inputs[one.input].digest for one in op.exec.mounts if one.input >= 0}
        for number in (0, 1):
            for place, state in ((f"/dev/.base{number}", before[number]), (f"/dev/.branch{number}", after[number])):
                assert state.output is not None and trees[place] == state.output.vertex.digest
        assert op.exec.meta.args[2] == "compare"


@given(st.permutations([("A", "2"), ("B", "1"), ("PATH", "/opt/bin:/bin")]))
def test_settings_that_one_branch_changes_are_kept(changes: list[tuple[str, str]]) -> None:
    branches = [BASE.env(name, value) for name, value in changes]
    joined = join(BASE, [*branches, BASE.user("0"), BASE.workdir("/opt")], GENERAL)
    assert joined.environment == {"A": "2", "B": "1", "PATH": "/opt/bin:/bin"}
    assert (joined.account, joined.cwd) == ("0", "/opt")


def test_settings_that_two_change() -> None:
    branches = [BASE.env("A", "2").user("0"), BASE.env("A", "3").workdir("/a"), BASE.env("B", "1"), BASE.env("B", "1")]
    assert settings_clash(BASE, branches) == ["the variable A"]
    assert join(BASE, branches, MERGE).environment["A"] == "3"
    assert settings_clash(BASE, [*branches, BASE.workdir("/b"), BASE.user("7")]) == [
        "the folder",
        "the user",
        "the variable A",
    ]
    less = GraphState(BASE.output, (), BASE.cwd, BASE.account)
    assert join(BASE, [less, BASE.env("B", "1")], REPLAY).environment == {"B": "1"}
