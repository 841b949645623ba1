from __future__ import annotations

from workbench.images.buildkit.llb.joins.how import How, Way, choose


def test_the_daemon_merges_when_it_can_do_both() -> None:
    how, why = choose({"mergeop", "diffop", "exec.mount.cache.content"})
    assert (how, why) == (How(Way.MERGE, True), "branches are joined by MergeOp, which this BuildKit has")


def test_else_a_step_compares() -> None:
    how, why = choose({"mergeop", "file.base"})
    assert how == How(Way.GENERAL)
    assert why == "branches are joined by a step that compares them: this BuildKit has no diffop"
    assert choose(set())[1].endswith("has no mergeop and no diffop")


def test_else_they_are_built_one_after_the_other() -> None:
    how, why = choose(set(), shell=False)
    assert how.way is Way.REPLAY
    assert why == (
        "branches are built one after the other: this BuildKit has no mergeop and no diffop, and the base has no shell"
    )
    assert choose({"mergeop", "diffop"}, shell=False)[0].way is Way.MERGE
