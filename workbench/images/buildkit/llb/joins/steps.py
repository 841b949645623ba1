"""The step in which our own program compares and joins trees."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

from workbench.images.buildkit.llb.checks import StepError
from workbench.images.buildkit.llb.files import mkfile
from workbench.images.buildkit.llb.mounts import ExecMount, bind
from workbench.images.buildkit.llb.ops import Exec
from workbench.images.buildkit.llb.state import GraphState, scratch
from workbench.images.buildkit.llb.vertex import Output

# Below /dev, because there the places of mounts leave no trace.
_PROGRAM, _REPORT, _TARGET, _LOWER = "/dev/.join", "/dev/.report", "/dev/.target", "/dev/.base"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Apply:
    """The step that makes the changes of `branches` (what they changed of `base`) to another tree, in order.

    It runs with the shell, and the Python if there is one, of `tools`, so that nothing it needs changes
    under it. That other tree is a branch of `base` too.
    """

    base: GraphState
    branches: Sequence[Output | None]
    tools: GraphState
    content_cache: bool
    name: str = ""

    def on(self, root: Output | None) -> Output:
        """Return `root` with the changes made to it."""
        step = self.step(root)
        vertex = step.on(self.tools.output).vertex
        return Output(replace(vertex, root=root, step=self), step.number_of(_TARGET))

    def report(self, root: Output | None) -> Output:
        """Return the tree with the report of the very same step."""
        step = self.step(root)
        return Output(step.on(self.tools.output).vertex, step.number_of(_REPORT))

    def step(self, root: Output | None) -> Exec:
        """Return the step as a process."""
        pairs = [(_LOWER, _TARGET), *((_LOWER, f"/dev/.branch{number}") for number in range(len(self.branches)))]
        trees = {_LOWER: self.base.output, _TARGET: root}
        trees |= {upper: tree for (_, upper), tree in zip(pairs[1:], self.branches, strict=True)}
        return _process("apply", pairs, trees, self.tools, self.content_cache, self.name)


def compared(
    pairs: Sequence[tuple[Output | None, Output | None]], tools: GraphState, content_cache: bool, name: str
) -> Output:
    """Return the tree with the report on pairs of trees, each what a branch began as and what it became."""
    places = [(f"/dev/.base{number}", f"/dev/.branch{number}") for number in range(len(pairs))]
    trees = {
        place: tree
        for place_pair, pair in zip(places, pairs, strict=True)
        for place, tree in zip(place_pair, pair, strict=True)
    }
    step = _process("compare", places, trees, tools, content_cache, name)
    return Output(step.on(tools.output).vertex, step.number_of(_REPORT))


def _process(
    mode: str,
    pairs: Sequence[tuple[str, str]],
    trees: dict[str, Output | None],
    tools: GraphState,
    content_cache: bool,
    name: str,
) -> Exec:
    if tools.output is None:
        raise StepError("branches of an empty tree cannot be compared: it has no shell", hint="replay them")
    # Written to or not, each has an output of its own: a daemon then begins without reading all of it first.
    mounts: list[ExecMount] = [
        bind(place, GraphState(tree), readonly=False, content_cache=not content_cache) for place, tree in trees.items()
    ]
    mounts += [bind(_REPORT, scratch(), readonly=False), bind(_PROGRAM, _program())]
    arguments = ("/bin/sh", f"{_PROGRAM}/join.sh", mode, _REPORT, *(place for pair in pairs for place in pair))
    path = tools.environment.get("PATH", _PATH)
    return Exec(arguments, {"PATH": path}, "/", "0:0", mounts, "none", name=name)


@functools.cache
def _program() -> GraphState:
    """Return the tree that the program is in."""
    folder = files("workbench.images.buildkit.llb.joins.program")
    scripts = [(name, folder.joinpath(name).read_bytes()) for name in ("join.sh", "join.py")]
    return scratch().change(*(mkfile(f"/{name}", data) for name, data in scripts), name="bring the joining program")
