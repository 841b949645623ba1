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


def test_numbers_are_numbers() -> None:
    with pytest.raises(SettingsError, match="WORKBENCH_IDLE_SECONDS"):
        settings(FLAGS, {"WORKBENCH_IDLE_SECONDS": "8888;"})


@pytest.mark.parametrize(("name", "default"), [("WORKBENCH_PORT", 8888), ("WORKBENCH_SERVER_PORT", 8787)])
def test_a_port_that_is_none_is_ignored(name: str, default: int) -> None:
    # Kubernetes sets the first in a namespace with a service of the name workbench.
    for text, noted in (("tcp://10.0.0.7:80", False), ("8888;", True), ("65536", True), ("0", True)):
        found = settings(FLAGS, {name: text})
        assert default in (found.port, found.server_port)
        assert bool(found.notes) is noted
        assert all(name in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("WORKBENCH_TOKEN", "short"),
        ("WORKBENCH_TOKEN", "with a blank in it"),
        ("WORKBENCH_TOKEN", "mit-Umlaut-\u00fc"),
        ("WORKBENCH_AUTH", "none"),
        ("WORKBENCH_HOSTS", "http://lab.example.org"),
    ],
)
def test_what_lets_people_in_is_checked(name: str, given: str) -> None:
    with pytest.raises(SettingsError, match=name) as raised:
        settings(FLAGS, {name: given})
    assert name != "WORKBENCH_TOKEN" or given not in str(raised.value)


def test_hosts_are_listed() -> None:
    assert settings(FLAGS, {"WORKBENCH_HOSTS": "Lab.example.org, .example.net"}).hosts == (
        "lab.example.org",
        ".example.net",
    )


def test_the_rest_has_defaults() -> None:
    found = settings(FLAGS, {"WORKBENCH_PORT": ""})
    assert (found.port, found.server_port, found.idle_seconds, found.strip) == (8888, 8787, 600, False)


@pytest.mark.parametrize(
    ("environ", "token", "generated"),
    [
        ({}, "generated", True),
        ({"NB_PREFIX": "/"}, "generated", True),
        ({"NB_PREFIX": "/n"}, "", False),
        ({"NB_PREFIX": "/n", "WORKBENCH_AUTH": "token"}, "generated", True),
        ({"NB_PREFIX": "/n", "WORKBENCH_TOKEN": "12345678"}, "12345678", False),
        ({"WORKBENCH_TOKEN": "12345678"}, "12345678", False),
        ({"WORKBENCH_AUTH": "platform"}, "", False),
        ({"WORKBENCH_AUTH": "platform", "WORKBENCH_TOKEN": "12345678"}, "", False),
    ],
)
def test_it_is_the_platform_that_decides_only_where_it_says_so(
    environ: dict[str, str], token: str, generated: bool
) -> None:
    found, again = settings(FLAGS, environ), settings(FLAGS, environ)
    assert found.generated is generated
    if generated:
        assert len(found.token) == 48
        assert found.token != again.token
    else:
        assert found.token == token
