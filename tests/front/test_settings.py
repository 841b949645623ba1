from __future__ import annotations

import pytest

from workbench_front.settings import SettingsError, settings

FLAGS = ["--name", "small", "--", "serve", "--at={prefix}/", "{port}"]


@pytest.mark.parametrize(
    ("given", "prefix"),
    [("", ""), ("/", ""), ("/notebook/team/mine", "/notebook/team/mine"), ("/a/", "/a"), ("a/b", "/a/b")],
)
def test_the_prefix_begins_with_a_slash_and_ends_without(given: str, prefix: str) -> None:
    found = settings(FLAGS, {"NB_PREFIX": given})
    assert found.prefix == prefix
    assert found.command == ("serve", f"--at={prefix}/", "8787")
    assert found.health == f"{prefix}/"


@pytest.mark.parametrize("given", ["/a b", "/a;}", "/a$host", "/a{", "/a\n/b", "/../x", "/a/..", "//", "/a//b"])
def test_a_prefix_that_nginx_would_read_as_more_is_refused(given: str) -> None:
    if given == "//":
        assert settings(FLAGS, {"NB_PREFIX": given}).prefix == ""
    else:
        with pytest.raises(SettingsError, match="NB_PREFIX"):
            settings(FLAGS, {"NB_PREFIX": given})


@pytest.mark.parametrize("name", ["WORKBENCH_PORT", "WORKBENCH_SERVER_PORT", "WORKBENCH_IDLE_SECONDS"])
def test_numbers_are_numbers(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings(FLAGS, {name: "8888;"})


def test_the_rest_has_defaults() -> None:
    found = settings(FLAGS, {"WORKBENCH_PORT": ""})
    assert (found.port, found.server_port, found.idle_seconds, found.strip) == (8888, 8787, 600, False)
