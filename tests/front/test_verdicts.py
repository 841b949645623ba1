"""Who gets in, decided without any server: tokens, hosts, origins, and what becomes of an address."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench_front.access import Access, Request, Verdict, clean, parameter

TOKEN = "a-token-of-the-tests"
HOST = "127.0.0.1:8888"


def verdict(uri: str = "/", method: str = "GET", hosts: tuple[str, ...] = (), **headers: str) -> Verdict:
    named = {name.replace("_", "-"): value for name, value in {"host": HOST, **headers}.items()}
    return Access(TOKEN, hosts).verdict(Request(method, uri, named))


def cookie(host: str = HOST) -> str:
    access = Access(TOKEN)
    return f"theirs=1; {access.cookie_name(host)}={access.cookie_value(host)}"


def test_a_token_opens_in_the_address_the_cookie_and_the_header() -> None:
    assert verdict() == Verdict.NO_TOKEN
    assert verdict(f"/lab?x=1&token={TOKEN}") == Verdict.ENTER
    assert verdict("/lab?token=another") == Verdict.WRONG_TOKEN
    assert verdict(cookie=cookie()) == Verdict.PASS
    # An application in the IDE may have tokens of its own.
    assert verdict("/proxy/8889/lab?token=another", cookie=cookie()) == Verdict.PASS
    for scheme in ("Bearer", "token", "TOKEN"):
        assert verdict(authorization=f"{scheme} {TOKEN}") == Verdict.PASS
        assert verdict(authorization=f"{scheme} {TOKEN}x") == Verdict.NO_TOKEN
    assert verdict(authorization=TOKEN) == Verdict.NO_TOKEN
    assert verdict("/?token=%C3%BC") == Verdict.WRONG_TOKEN


def test_the_cookie_of_another_port_or_token_does_not_open() -> None:
    assert verdict(cookie=cookie("127.0.0.1:8889")) == Verdict.NO_TOKEN
    access = Access(TOKEN + "2")
    assert verdict(cookie=f"{access.cookie_name(HOST)}={access.cookie_value(HOST)}") == Verdict.NO_TOKEN
    assert TOKEN not in cookie()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]:8888", "10.0.0.7:80", "localhost:1", "a.localhost", "gpu-box:80"])
def test_hosts_that_no_stranger_can_name(host: str) -> None:
    assert verdict(host=host) == Verdict.NO_TOKEN


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:8888", "127.0.0.1.evil.example", "localhost.", ":80"]
)
def test_other_hosts_are_refused_with_the_token_too(host: str) -> None:
    assert verdict(f"/?token={TOKEN}", host=host, cookie=cookie(host)) == Verdict.FOREIGN_HOST


def test_hosts_can_be_named() -> None:
    assert verdict(host="lab.example.org", hosts=("lab.example.org",)) == Verdict.NO_TOKEN
    assert verdict(host="a.example.org:80", hosts=(".example.org",)) == Verdict.NO_TOKEN
    assert verdict(host="aexample.org", hosts=(".example.org",)) == Verdict.FOREIGN_HOST
    assert verdict(host="any.example", hosts=("*",)) == Verdict.NO_TOKEN
    # A proxy in between may have changed the Host, and the name is known.
    named = verdict(cookie=cookie(), origin="https://lab.example.org", method="POST", hosts=("lab.example.org",))
    assert named == Verdict.PASS
    assert verdict(cookie=cookie(), origin="https://evil.example", hosts=("*",)) == Verdict.FOREIGN_ORIGIN


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:8889", "null", "http://[", "x"])
def test_pages_elsewhere_change_nothing_and_open_no_socket(origin: str) -> None:
    assert verdict(method="POST", origin=origin, cookie=cookie()) == Verdict.FOREIGN_ORIGIN
    assert verdict(upgrade="websocket", origin=origin, cookie=cookie()) == Verdict.FOREIGN_ORIGIN
    if origin != "null":
        assert verdict(origin=origin, cookie=cookie()) == Verdict.FOREIGN_ORIGIN
    for own in (f"http://{HOST}", f"https://{HOST}"):
        assert verdict(upgrade="websocket", origin=own, cookie=cookie()) == Verdict.PASS


def test_links_may_be_followed_and_nothing_else_comes_from_elsewhere() -> None:
    for site in ("same-site", "cross-site"):
        followed: dict[str, Any] = {"sec_fetch_site": site, "sec_fetch_mode": "navigate"}
        assert verdict(cookie=cookie(), sec_fetch_dest="document", **followed) == Verdict.PASS
        assert verdict(cookie=cookie(), sec_fetch_dest="iframe", **followed) == Verdict.FOREIGN_ORIGIN
        image = verdict(cookie=cookie(), sec_fetch_site=site, sec_fetch_mode="no-cors", sec_fetch_dest="image")
        assert image == Verdict.FOREIGN_ORIGIN
        form = verdict(method="POST", cookie=cookie(), sec_fetch_dest="document", **followed)
        assert form == Verdict.FOREIGN_ORIGIN
    assert verdict(method="POST", cookie=cookie(), sec_fetch_site="same-origin") == Verdict.PASS


def test_the_server_gets_neither_cookie_nor_token() -> None:
    access = Access(TOKEN)
    request = Request("GET", "/", {"host": HOST, "cookie": f"{cookie()}; b=2", "authorization": f"token {TOKEN}"})
    assert access.passed_on(request) == ("theirs=1; b=2", "")
    request = Request("GET", "/", {"host": HOST, "authorization": "Basic eDp5"})
    assert access.passed_on(request) == ("", "Basic eDp5")


@pytest.mark.parametrize(
    ("uri", "cleaned"),
    [
        (f"/?token={TOKEN}", "/"),
        (f"/a%2Fb?x=%20y&token={TOKEN}&folder=/home&e", "/a%2Fb?x=%20y&folder=/home&e"),
        (f"//evil.example/?token={TOKEN}", "/evil.example/"),
        ("/\\evil.example", "/%5Cevil.example"),
        ("http://evil.example/", "/http://evil.example/"),
        ("/a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie:%20x"),
        ("/?a\r\nb", "/?a%0D%0Ab"),
        ("", "/"),
    ],
)
def test_an_address_is_cleaned(uri: str, cleaned: str) -> None:
    assert clean(uri) == cleaned


@given(st.text(string.printable), st.text(string.printable))
def test_a_clean_address_is_a_path_here_without_a_token(path: str, query: str) -> None:
    cleaned = clean(f"{path}?{query}")
    assert cleaned.startswith("/")
    assert not cleaned.startswith(("//", "/\\"))
    assert cleaned.isprintable()
    assert " " not in cleaned
    assert parameter(cleaned) == ""
    assert clean(cleaned) == cleaned
