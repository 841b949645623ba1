"""From a state to the definition that a daemon is sent: deterministic, each vertex once."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.images.buildkit.llb import capabilities as caps
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.vertex import HasOutput, Vertex


def marshal(tree: HasOutput) -> pb.Definition:
    """Return the graph that makes `tree` (a GraphState); an empty definition for an empty tree.

    Every vertex stands after all that it needs, and the last entry names the result. Equal states give
    equal bytes (of `SerializeToString(deterministic=True)`). A vertex that was made several times has
    the first of its names, and ignores the cache when one of them does.
    """
    definition = pb.Definition()
    if tree.output is None:
        return definition
    listed = getattr(definition, "def")  # a name that Python's syntax does not take
    for vertex in _ordered(tree.output.vertex):
        if vertex.digest not in definition.metadata:
            listed.append(vertex.data)
        _describe(definition.metadata[vertex.digest], vertex)
    last = pb.Op(inputs=[pb.Input(digest=tree.output.vertex.digest, index=tree.output.index)])
    listed.append(last.SerializeToString(deterministic=True))
    return definition


def _describe(metadata: pb.OpMetadata, vertex: Vertex) -> None:
    needed = set(vertex.capabilities)
    if vertex.name:
        needed.add(caps.DESCRIPTION)
        if caps.NAME not in metadata.description:
            metadata.description[caps.NAME] = vertex.name
    if vertex.ignore_cache:
        needed.add(caps.IGNORE_CACHE)
        metadata.ignore_cache = True
    for capability in needed:
        metadata.caps[capability] = True


def _ordered(last: Vertex) -> Iterator[Vertex]:
    """Yield every vertex after its inputs, without recursion: graphs are deeper than Python's stack.

    By identity, not by digest: equal vertices may differ in what is no part of the digest.
    """
    visited = {id(last)}
    above = [(last, iter(last.inputs))]
    while above:
        vertex, rest = above[-1]
        for needed in rest:
            if id(needed) not in visited:
                visited.add(id(needed))
                above.append((needed, iter(needed.inputs)))
                break
        else:
            above.pop()
            yield vertex
