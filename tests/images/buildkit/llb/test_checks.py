from __future__ import annotations

import posixpath
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.images.buildkit.llb import checks
from workbench.images.buildkit.llb.checks import StepError
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.mounts import bind, cache, secret
from workbench.images.buildkit.llb.ops import qualified
from workbench.images.buildkit.llb.state import GraphState, image, local

# Surrogates and NUL too, which no argument of a process and no protobuf string can have.
TEXT = st.text(alphabet=st.characters(codec=None, categories=None), max_size=12)
CHANGES: dict[str, Callable[[GraphState, str], object]] = {
    "run": lambda state, text: state.run(text),
    "arguments": lambda state, text: state.run([text, text]),
    "name": lambda state, text: state.run("x", name=text),
    "env": lambda state, text: state.env(text, text).run("x"),
    "value": lambda state, text: state.env("A", text).run("x"),
    "cwd": lambda state, text: state.run("x", cwd=text),
    "user": lambda state, text: state.run("x", user=text),
    "network": lambda state, text: state.run("x", network=text),
    "proxy": lambda state, text: state.run("x", proxies={"no_proxy": text}),
    "bind": lambda state, text: state.run("x", mounts=[bind(text, state, selector=text)]),
    "cache": lambda state, text: state.run("x", mounts=[cache("/" + text, text)]),
    "secret": lambda state, text: state.run("x", mounts=[secret("/" + text, text, owner=text)]),
    "copy": lambda state, text: state.copy(state, "/" + text, "/" + text, owner=text),
    "patterns": lambda state, text: state.copy(state, "/a", "/b", include=[text], exclude=[text]),
    "mkfile": lambda state, text: state.mkfile("/" + text, text.encode(errors="replace"), owner=text),
    "mkdir": lambda state, text: state.mkdir(text),
    "rm": lambda state, text: state.rm("/" + text),
    "symlink": lambda state, text: state.symlink(text, "/" + text),
    "image": lambda state, text: image(text),
    "local": lambda state, text: local(text, include=[text], shared_key=text),
}


@pytest.mark.parametrize("change", CHANGES)
@given(text=TEXT)
def test_any_text_makes_a_graph_or_is_refused(change: str, text: str) -> None:
    try:
        made = CHANGES[change](image("a"), text)
    except StepError as error:
        assert error.message
    else:
        assert isinstance(made, GraphState)
        marshal(made).SerializeToString(deterministic=True)


@given(st.lists(st.sampled_from(["", "a", ".", "..", "b c"]), max_size=6))
def test_a_path_stays_in_the_tree(parts: list[str]) -> None:
    path = checks.path("/" + "/".join(parts), "it")
    assert path.startswith("/") and not path.startswith("//") and ".." not in path.split("/")
    assert path == checks.path(path, "it")
    assert path.rstrip("/") == posixpath.normpath("/" + "/".join(parts)).replace("//", "/").rstrip("/")


@given(st.integers())
def test_a_mode_is_permission_bits(mode: int) -> None:
    if 0 <= mode <= 0o7777:
        assert checks.mode(mode, "it") == mode
    else:
        with pytest.raises(StepError):
            checks.mode(mode, "it")


def test_the_largest_file_fits() -> None:
    assert len(checks.data(bytes(checks.MOST_DATA), "it")) == 3 * 1024 * 1024


def test_a_qualified_image_stays_as_it_is() -> None:
    for ref in ("a", "a/b", "localhost/a", "quay.io/a:1"):
        assert qualified(qualified(ref)) == qualified(ref)
