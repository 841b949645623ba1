"""One step of a build graph: the bytes that its digest is of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from workbench.images.buildkit.llb.checks import text
from workbench.images.buildkit.llb.pb import ops_pb2 as pb

# BuildKit's number for "no input" (an empty tree) and "no output".
NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Vertex:
    """One step: its bytes, what it stands on, what a daemon must be able to do for it.

    Two vertices are equal when their digests are: equal steps on equal inputs are one vertex, however
    often they are made. `name` and `ignore_cache` are no part of the digest. A vertex that changes a tree
    has that tree (`root`) and the `step` that can be done to another tree just so.
    """

    digest: str
    data: bytes = field(repr=False)
    inputs: tuple[Vertex, ...] = field(repr=False)
    capabilities: frozenset[str]
    name: str = ""
    ignore_cache: bool = False
    root: Output | None = field(default=None, repr=False)
    step: GraphStep | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vertex) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True, slots=True)
class Output:
    """A tree that a vertex gives: its output number `index`."""

    vertex: Vertex
    index: int = 0


class HasOutput(Protocol):
    """Something that stands for a tree of files, such as a GraphState."""

    @property
    def output(self) -> Output | None:
        """The output that is the tree, None for an empty one."""


class GraphStep(Protocol):
    """A step that changes a tree."""

    def on(self, root: Output | None) -> Output:
        """Return the tree `root` after this step."""


class Inputs:
    """The inputs of a vertex that is being made: each once, by number."""

    def __init__(self) -> None:
        self._numbers: dict[Output, int] = {}
        # By identity: equal vertices may have different names.
        self._vertices: dict[int, Vertex] = {}

    def add(self, output: Output | None) -> int:
        """Return the number of `output` among the inputs, NONE for an empty tree."""
        if output is None:
            return NONE
        self._vertices[id(output.vertex)] = output.vertex
        return self._numbers.setdefault(output, len(self._numbers))

    def __len__(self) -> int:
        return len(self._numbers)

    def vertex(
        self,
        op: pb.Op,
        capabilities: Iterable[str],
        name: str = "",
        ignore_cache: bool = False,
        *,
        root: Output | None = None,
        step: GraphStep | None = None,
    ) -> Vertex:
        """Return the vertex that `op` describes, standing on these inputs."""
        op.inputs.extend(pb.Input(digest=one.vertex.digest, index=one.index) for one in self._numbers)
        data = op.SerializeToString(deterministic=True)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        text(name, "the name of a step", empty=True)
        stands_on = tuple(self._vertices.values())
        return Vertex(digest, data, stands_on, frozenset(capabilities), name, ignore_cache, root, step)
