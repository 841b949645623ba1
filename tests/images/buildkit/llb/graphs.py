"""Reading definitions back, and making graphs up."""

from __future__ import annotations

import hashlib

from hypothesis import strategies as st

from workbench.images.buildkit.llb import mounts
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.state import GraphState, diff, image, local, merge, scratch


def entries(definition: pb.Definition) -> list[bytes]:
    """The encoded vertices and the last entry."""
    return list(getattr(definition, "def"))


def decoded(state: GraphState) -> list[pb.Op]:
    """The vertices of the graph in order, without the last entry."""
    return [pb.Op.FromString(one) for one in entries(marshal(state))[:-1]]


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def encoded(state: GraphState) -> bytes:
    return marshal(state).SerializeToString(deterministic=True)


_WORDS = st.sampled_from(["a", "b", "c", "d"])
_SOURCES = st.one_of(st.builds(image, _WORDS), st.builds(local, _WORDS), st.builds(scratch))


@st.composite
def states(draw: st.DrawFn) -> GraphState:
    """Graphs of some steps, with shared parts."""
    made = [draw(_SOURCES)]
    for _ in range(draw(st.integers(0, 8))):
        made.append(_next(draw, made))
    return made[-1]


def _next(draw: st.DrawFn, made: list[GraphState]) -> GraphState:
    one, other = draw(st.sampled_from(made)), draw(st.sampled_from(made))
    word = draw(_WORDS)
    match draw(st.integers(0, 7)):
        case 0:
            return draw(_SOURCES)
        case 1 if other.output is not None:
            return one.copy(other, f"/{word}", f"/{word}")
        case 2:
            return one.mkfile(f"/{word}", word.encode(), name=word)
        case 3 if other.output is not None:
            return one.run(word, mounts=[mounts.bind("/m", other), mounts.cache("/c", word)])
        case 4:
            return merge([one, other])
        case 5:
            return diff(one, other)
        case 6:
            return one.env(word, word).workdir(f"/{word}")
        case _:
            return one.run(word, ignore_cache=draw(st.booleans()), name=draw(_WORDS))
