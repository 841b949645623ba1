from __future__ import annotations

from workbench.images.buildkit.llb.joins.strategy import JoinKind, JoinStrategy, choose


def test_the_daemon_merges_when_it_can_do_both() -> None:
    strategy, why = choose({"mergeop", "diffop", "exec.mount.cache.content"})
    assert (strategy, why) == (
        JoinStrategy(JoinKind.MERGE, True),
        "branches are joined by MergeOp, which this BuildKit has",
    )


def test_else_a_step_compares() -> None:
    strategy, why = choose({"mergeop", "file.base"})
    assert strategy == JoinStrategy(JoinKind.GENERAL)
    assert why == "branches are joined by a step that compares them: this BuildKit has no diffop"
    assert choose(set())[1].endswith("has no mergeop and no diffop")


def test_else_they_are_built_one_after_the_other() -> None:
    strategy, why = choose(set(), shell=False)
    assert strategy.kind is JoinKind.REPLAY
    assert why == (
        "branches are built one after the other: this BuildKit has no mergeop and no diffop, and the base has no shell"
    )
    assert choose({"mergeop", "diffop"}, shell=False)[0].kind is JoinKind.MERGE
