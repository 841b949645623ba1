"""`rs open` and its endpoint: which port, prefix and token, and from where it is reached."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_endpoints import FOO, refused, send
from workbench.cli import main
from workbench.verbs._rs_open import reached_at

PLACES: dict[str, tuple[list[str], list[str], tuple[str, str]]] = {
    "given": (["WORKBENCH_TOKEN=mine-1234"], ["http://x/?token=printed-1"], ("/", "mine-1234")),
    "of Jupyter": (["JUPYTER_TOKEN=mine-1234"], [], ("/", "mine-1234")),
    "printed last": (
        [],
        ["http://x/?token=first-one", "x /lab?a=b&token=second-one"],
        ("/", "second-one"),
    ),
    "printed, and no address": ([], ["?token=short", "?token=evil\x1b[2J1234", "?token=<script>alert(1)"], ("/", "")),
    "none": ([], ["nothing"], ("/", "")),
    "behind a platform": (["NB_PREFIX=/notebook/a/b"], ["/?token=printed-1"], ("/notebook/a/b/", "")),
    "with a token below": (["NB_PREFIX=/a", "WORKBENCH_AUTH=token"], ["/?token=printed-1"], ("/a/", "printed-1")),
    "of a login before it": (["WORKBENCH_AUTH=platform", "WORKBENCH_TOKEN=mine-1234"], [], ("/", "")),
}


@pytest.mark.parametrize("place", PLACES)
def test_prefix_and_token(place: str, served: Served, client: httpx.Client) -> None:
    env, lines, expected = PLACES[place]
    send(client, "POST", "/replicaSet", {**FOO, "env": env})
    served.engine.standing["foo-1"].lines = tuple(lines)
    data = send(client, "GET", "/replicaSet/foo/address")
    assert (data["host"], data["port"]) == ("127.0.0.1", 20000)
    assert (data["path"], data["token"]) == expected


def test_which_port(served: Served, client: httpx.Client) -> None:
    def port(query: str = "") -> Any:  # noqa: ANN401
        return send(client, "GET", f"/replicaSet/foo/address{query}")["port"]

    send(client, "POST", "/replicaSet", {**FOO, "containerPorts": ["80", "8888", "53/udp"]})
    assert (port(), port("?port=80")) == (20001, 20000)
    assert refused(client, "GET", "/replicaSet/foo/address?port=53") == (400, 1016)
    send(client, "PATCH", "/replicaSet/foo", {"portPatch": {"containerPorts": ["80"]}})
    assert port() == 20000
    send(client, "PATCH", "/replicaSet/foo", {"portPatch": {"containerPorts": []}})
    assert refused(client, "GET", "/replicaSet/foo/address") == (404, 1016)
    send(client, "PATCH", "/replicaSet/foo/stop")
    assert refused(client, "GET", "/replicaSet/foo/address") == (409, 1016)


def test_the_verb(
    served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKBENCH_ADDRESS", served.address)
    monkeypatch.setenv("WORKBENCH_TOKEN", served.tokens["op"])
    opened: list[str] = []

    def opens(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("workbench.launch.opening.open_in_browser", opens)
    send(client, "POST", "/replicaSet", {**FOO, "env": ["WORKBENCH_TOKEN=a/b&c=1234"]})
    address = "http://127.0.0.1:20000/?token=a%2Fb%26c%3D1234"
    assert main(["rs", "open", "foo"]) == 0
    assert capsys.readouterr() == (f"{address}\n", "") and opened == []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["rs", "open", "foo"]) == 0 and opened == [address]
    assert main(["rs", "open", "foo", "--no-browser"]) == 0
    capsys.readouterr()
    assert main(["rs", "open", "foo", "--json"]) == 0 and opened == [address]
    assert json.loads(capsys.readouterr().out)["address"] == address
    # What is read is recorded, without the token.
    line = served.audit()[-1]
    assert line["what"] == {"operation": "address", "set": "foo"} and "1234" not in json.dumps(served.audit())


def test_from_where_it_is_reached() -> None:
    assert reached_at("127.0.0.1", "localhost", 40000) == ("127.0.0.1", "")
    assert reached_at("127.0.0.1", "gpu1", 40000) == ("127.0.0.1", "ssh -N -L 40000:127.0.0.1:40000 gpu1")
    assert reached_at("0.0.0.0", "gpu1", 40000) == ("gpu1", "")
    assert reached_at("::", "::1", 40000) == ("[::1]", "")
    assert reached_at("192.0.2.7", "gpu1", 40000) == ("192.0.2.7", "")
