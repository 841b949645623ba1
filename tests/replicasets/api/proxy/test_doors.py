"""Who gets to a set, and who does not: tickets, sessions, pages of other addresses, tokens that count no more."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.replicasets.api.proxy.conftest import Proxied
from workbench.replicasets.api.proxy.places import Place, Site, checked_url, place_of
from workbench.replicasets.api.proxy.sessions import IDLE_SECONDS, LONGEST_SECONDS, TICKET_SECONDS, Grant, Sessions
from workbench.replicasets.values import Caller, Role


def test_a_ticket_counts_once_for_one_set_and_its_owner(proxied: Proxied) -> None:
    proxied.run("foo")
    proxied.run("theirs", "other")
    data = proxied.ticket("foo")
    ticket = data["ticket"]
    assert (data["port"], data["url"], data["path"]) == (proxied.workbenches.site.port, "", "/s/foo/")
    assert proxied.tokens["op"] not in str(data)
    # The page of the set takes it, and says what is opened before that.
    assert proxied.enter(ticket, origin=proxied.address).status_code == 403
    assert proxied.enter(ticket, origin="null").status_code == 403
    assert proxied.enter(ticket, sure=False).json() == {"entered": False, "name": "foo", "owner": "op"}
    entered = proxied.enter(ticket)
    assert entered.json() == {"entered": True, "path": "/s/foo/"}
    cookie = entered.headers["set-cookie"]
    assert {"HttpOnly", "Path=/s/foo", "SameSite=strict"} <= set(cookie.split("; ")) and "Domain" not in cookie
    assert proxied.tokens["op"] not in cookie and ticket not in cookie
    for used in (ticket, "wrong", ""):
        assert proxied.enter(used).status_code == 403
    for who, status in (("other", 404), ("look", 403), ("root", 403)):
        with proxied.api(who) as api:
            assert api.post("/api/v1/replicaSet/foo/session").status_code == status, who
    with proxied.api("op") as api:
        assert api.post("/api/v1/replicaSet/theirs/session").status_code == 404
        assert api.post("/api/v1/replicaSet/none/session").status_code == 404
        assert api.get("/api/v1/resources/engine").json()["data"]["workbenches"] is True


def test_a_session_is_of_one_set(proxied: Proxied) -> None:
    for name, owner in (("foo", "op"), ("more", "op"), ("theirs", "other")):
        proxied.run(name, owner)
    with proxied.browser("foo") as client:
        assert client.get("/s/foo/").status_code == 200
        for path in ("/s/more/", "/s/theirs/", "/s/foo:1/", "/s/foo.x/", "/s/Foo/"):
            assert client.get(path).status_code == 401, path
        assert client.get("/s/foo/../more/").status_code == 401  # httpx takes the dots out, as browsers do
        # The API knows no cookie.
        assert httpx.get(f"{proxied.address}/api/v1/replicaSet", headers=dict(client.headers)).status_code == 401
    # A token in a header is a program's, and no set gets it.
    for who, status in (("op", 200), ("root", 200), ("other", 404), ("look", 401), ("none", 401)):
        headers = {"Authorization": f"Bearer {proxied.tokens.get(who, 'none')}"}
        assert httpx.get(f"{proxied.sets}/s/foo/", headers=headers).status_code == status, who
    assert all("authorization" not in each["headers"] for each in proxied.ide.seen)


PAGES: dict[str, tuple[dict[str, str], str, int]] = {
    "its own": ({"Origin": "SELF", "Referer": "SELF/s/foo/x"}, "POST", 200),
    "of another port": ({"Origin": "http://127.0.0.1:1"}, "POST", 403),
    "of another port, reading": ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, "GET", 403),
    "in a frame": (
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        "GET",
        403,
    ),
    "a link": (
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        "GET",
        200,
    ),
    "a form of another site": ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, "POST", 403),
    "without an origin": ({"Origin": "null"}, "POST", 403),
    "of another set": ({"Origin": "SELF", "Referer": "SELF/s/more/lab"}, "GET", 403),
    "typed": ({"Sec-Fetch-Site": "none"}, "GET", 200),
}


def test_which_pages_get_to_a_set(proxied: Proxied) -> None:
    proxied.run("foo")
    with proxied.browser("foo") as client:
        for page, (headers, method, status) in PAGES.items():
            sent = {name: value.replace("SELF", proxied.sets) for name, value in headers.items()}
            assert client.request(method, "/s/foo/x", headers=sent).status_code == status, page


def test_it_ends_with_the_token(proxied: Proxied) -> None:
    proxied.run("foo")
    with proxied.browser("foo") as client:
        late = proxied.ticket("foo")["ticket"]
        proxied.known.rotate("op")
        assert client.get("/s/foo/").status_code == 401
        assert proxied.enter(late).status_code == 403


def test_the_ways_in_are_short(proxied: Proxied) -> None:
    proxied.run("foo")
    found = httpx.get(f"{proxied.sets}/s/foo/", headers={"Accept": "text/html"})
    assert found.status_code == 401 and "rs open" in found.text
    assert "frame-ancestors 'none'" in found.headers["content-security-policy"]
    # Whether there is such a set is for those who get in.
    assert httpx.get(f"{proxied.sets}/s/none/", headers={"Accept": "text/html"}).text == found.text
    assert httpx.post(f"{proxied.sets}/session", content=b"x" * 5000).status_code == 403
    headers = {"Origin": proxied.sets}
    for body in (b"x" * 5000, b"[]", b"{}", b"\xff"):
        assert httpx.post(f"{proxied.sets}/session", content=body, headers=headers).status_code in (400, 413)


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_times_and_numbers() -> None:
    clock, counting = _Clock(), [True]
    caller = Caller("op", Role.OPERATE)
    sessions = Sessions(lambda who, proof: caller if counting[0] else None, clock)
    place = Place("foo")
    grant = Grant("op", "proof", place, "id", "op")
    old = sessions.ticket(grant)
    clock.now = TICKET_SECONDS
    assert sessions.look(old) is None and sessions.begin(old) is None
    begun = sessions.begin(sessions.ticket(grant))
    assert begun is not None
    _, plain = begun
    assert sessions.find(plain, Place("foo", 1)) is None and sessions.find("x", place) is None
    began = clock.now
    while clock.now + IDLE_SECONDS < began + LONGEST_SECONDS:
        clock.now += IDLE_SECONDS
        assert sessions.find(plain, place) == (grant, caller)
    clock.now = began + LONGEST_SECONDS + 1
    assert sessions.find(plain, place) is None
    _, idle = sessions.begin(sessions.ticket(grant)) or (None, "")
    clock.now += IDLE_SECONDS + 1
    assert sessions.find(idle, place) is None
    _, last = sessions.begin(sessions.ticket(grant)) or (None, "")
    kept = [sessions.begin(sessions.ticket(grant)) for _ in range(256)]
    assert sessions.find(last, place) is None and kept[-1] is not None
    counting[0] = False
    assert sessions.find(kept[-1][1], place) is None


def test_places_and_hosts() -> None:
    assert place_of(b"/s/foo/x") == Place("foo") and place_of(b"/s/foo:80") == Place("foo", 80)
    for path in (b"/s/fo%6f/", b"/s/../x", b"/s//", b"//s/foo/", b"http://x/s/foo/", b"/s/foo:0/"):
        assert place_of(path) is None, path
    site = Site(1, checked_url("https://*.lab.example.org:8443"))
    labels = {Place(*each).label for each in (("foo",), ("Foo",), ("f_oo",), ("foo", 80), ("foo.x",))}
    assert len(labels) == 5 and all(each.replace("-", "").isalnum() and each.islower() for each in labels)
    address = site.address(Place("foo"))
    assert address == f"https://{Place('foo').label}.lab.example.org:8443/s/foo/"
    assert site.serves(Place("foo"), f"{Place('foo').label}.lab.example.org:8443")
    assert not site.serves(Place("foo"), f"{Place('bar').label}.lab.example.org") and not site.serves(Place("foo"), "")
    for text in ("lab.example.org", "https://lab.example.org/x", "https://a.*.org", "https://*"):
        with pytest.raises(ValueError, match=re.escape(text)):
            checked_url(text)


class TestSplit:
    """Each set at a host of its own."""

    @pytest.fixture
    def site(self) -> Site:
        return Site(0, "http://*.localhost:PORT")

    def test_sets_have_hosts(self, proxied: Proxied) -> None:
        proxied.run("foo")
        proxied.run("bar")
        data = proxied.ticket("foo", "root")
        host = f"{Place('foo').label}.localhost:{proxied.workbenches.site.port}"
        assert data["url"] == f"http://{host}"
        more = {"Host": host, "Origin": data["url"]}
        assert proxied.enter(data["ticket"]).status_code == 403
        entered = proxied.enter(data["ticket"], False, data["url"], Host=host)
        cookie = entered.headers["set-cookie"].partition(";")[0]
        assert httpx.get(f"{proxied.sets}/s/foo/", headers={**more, "Cookie": cookie}).status_code == 200
        assert httpx.get(f"{proxied.sets}/s/foo/", headers={"Cookie": cookie}).status_code == 404
        assert httpx.get(f"{proxied.sets}/s/bar/", headers={**more, "Cookie": cookie}).status_code == 404
