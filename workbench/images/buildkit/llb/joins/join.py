"""Joining branches of one base: a tree with what each of them changed, whatever the daemon can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.images.buildkit.llb import ops
from workbench.images.buildkit.llb.checks import StepError
from workbench.images.buildkit.llb.joins.steps import Apply, compared
from workbench.images.buildkit.llb.joins.strategy import JoinKind, JoinStrategy
from workbench.images.buildkit.llb.state import GraphState, diff
from workbench.images.buildkit.llb.vertex import GraphStep, Output


def join(
    base: GraphState,
    branches: Sequence[GraphState],
    strategy: JoinStrategy,
    *,
    tools: GraphState | None = None,
    name: str = "",
) -> GraphState:
    """Return the tree of `base` with what the `branches` changed of it; removals count, and the last wins.

    The first branch is taken whole, and only the others' changes are copied where the daemon cannot
    merge: put the largest first. Variables, folder and user are the base's but where a branch has changed
    them. `tools` (the base when None) is the tree whose shell compares, with JoinKind.GENERAL. With JoinKind.REPLAY
    the branches are steps on the base; anything else is a StepError.
    """
    settled = _settled(base, branches)
    changed = _changed(base, branches)
    if not changed:
        return settled
    first, *others = changed
    if not others:
        tree = first.output
    elif strategy.kind is JoinKind.MERGE:
        differences = [diff(base, one).output for one in others]
        tree = ops.Merge([one for one in differences if one], name).on(first.output)
    elif strategy.kind is JoinKind.GENERAL:
        tree = _apply(base, others, tools, strategy, name).on(first.output)
    else:
        tree = _replayed(base, changed)[-1]
    return replace(settled, output=tree)


def conflicts(
    base: GraphState,
    branches: Sequence[GraphState],
    strategy: JoinStrategy,
    *,
    tools: GraphState | None = None,
    name: str = "",
) -> GraphState | None:
    """Return a tree whose file `/conflicts` says which paths two branches change, and not to the same.

    It counts the branches that `changing` returns; None when those are fewer than two. With JoinKind.GENERAL,
    given the same arguments, it comes out of the very step that joins; else it is a step beside the join,
    which reads the trees. `joins.report` reads it.
    """
    changed = _changed(base, branches)
    if len(changed) < 2:
        return None
    if strategy.kind is JoinKind.GENERAL:
        return GraphState(_apply(base, changed[1:], tools, strategy, name).report(changed[0].output))
    after = _replayed(base, changed) if strategy.kind is JoinKind.REPLAY else [one.output for one in changed]
    before = [base.output, *after[:-1]] if strategy.kind is JoinKind.REPLAY else [base.output] * len(after)
    return GraphState(compared(list(zip(before, after, strict=True)), tools or base, strategy.content_cache, name))


def changing(base: GraphState, branches: Sequence[GraphState]) -> list[int]:
    """Return the numbers of the branches that change the tree, each tree once, where it comes last."""
    last = {one.output: number for number, one in enumerate(branches) if one.output != base.output}
    return sorted(last.values())


def settings_clash(base: GraphState, branches: Sequence[GraphState]) -> list[str]:
    """Return what two branches set to different values: names of variables, `the folder`, `the user`."""
    found: dict[str, set[object]] = {}
    for branch in branches:
        for key, value in _set(base, branch).items():
            found.setdefault(key, set()).add(value)
    return sorted(key for key, values in found.items() if len(values) > 1)


def _set(base: GraphState, branch: GraphState) -> dict[str, str | None]:
    before, after = base.environment, branch.environment
    names = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    done: dict[str, str | None] = {f"the variable {key}": after.get(key) for key in names}
    if branch.cwd != base.cwd:
        done["the folder"] = branch.cwd
    if branch.account != base.account:
        done["the user"] = branch.account
    return done


def _settled(base: GraphState, branches: Sequence[GraphState]) -> GraphState:
    """Return the base with the variables, the folder and the user that the branches changed."""
    variables, cwd, account = base.environment, base.cwd, base.account
    for branch in branches:
        after = branch.environment
        for key in {**base.environment, **after}:
            if after.get(key) == base.environment.get(key):
                continue
            if key in after:
                variables[key] = after[key]
            else:
                variables.pop(key, None)
        cwd = branch.cwd if branch.cwd != base.cwd else cwd
        account = branch.account if branch.account != base.account else account
    return GraphState(base.output, tuple(sorted(variables.items())), cwd, account)


def _changed(base: GraphState, branches: Sequence[GraphState]) -> list[GraphState]:
    return [branches[number] for number in changing(base, branches)]


def _apply(
    base: GraphState, others: Sequence[GraphState], tools: GraphState | None, strategy: JoinStrategy, name: str
) -> Apply:
    return Apply(base, [one.output for one in others], tools or base, strategy.content_cache, name)


def _replayed(base: GraphState, branches: Sequence[GraphState]) -> list[Output | None]:
    """Return what comes of doing the steps of each branch on what came of the one before."""
    tree, trees = branches[0].output, [branches[0].output]
    for branch in branches[1:]:
        for step in _steps(base, branch):
            tree = step.on(tree)
        trees.append(tree)
    return trees


def _steps(base: GraphState, branch: GraphState) -> list[GraphStep]:
    """Return the steps from the base to the branch."""
    steps: list[GraphStep] = []
    tree = branch.output
    while tree != base.output:
        if tree is None or tree.vertex.step is None or tree.vertex.step.on(tree.vertex.root) != tree:
            raise StepError("a branch that is not made of steps on its base cannot be replayed")
        steps.append(tree.vertex.step)
        tree = tree.vertex.root
    return steps[::-1]
