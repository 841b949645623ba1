"""Where sets are reached, which variables they get for it, and how `rs open` leads there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.replicasets.api.proxy.conftest import Proxied, ReachedEngine
from tests.replicasets.call_faults import Faults
from tests.replicasets.fakes import IMAGE, FakeEngine, MemoryStore, service
from workbench.cli import main
from workbench.replicasets.errors import NotFound
from workbench.replicasets.operations.reach import Upstream
from workbench.replicasets.requests import RunRequest
from workbench.tag import TAG_LABEL


def _with_label(engine: FakeEngine) -> FakeEngine:
    engine.stored["localhost/ours:1"] = ("ours", {}, {TAG_LABEL: "jupyter-minimal"}, 1)
    return engine


@pytest.mark.parametrize("proxied", [True, False])
def test_images_of_recipes_get_their_prefix_and_keep_their_token(proxied: bool, tmp_path: Path) -> None:
    rs = service(tmp_path, _with_label(FakeEngine(Faults())), MemoryStore(Faults()), proxied=proxied)

    def env(name: str, image: str, *given: str) -> dict[str, str]:
        version = rs.run(RunRequest(image, name, env=given, ports=["8888"]))
        return dict(each.partition("=")[::2] for each in version.env)

    found = env("foo", "localhost/ours:1")
    if not proxied:
        assert found == {}
        return
    token = found.pop("WORKBENCH_TOKEN")
    assert found == {"NB_PREFIX": "/s/foo", "WORKBENCH_AUTH": "token", "WORKBENCH_HOSTS": "*"} and len(token) > 40
    assert env("bar", "localhost/ours:1", "JUPYTER_TOKEN=mine-1234").get("WORKBENCH_TOKEN") is None
    assert env("own", "localhost/ours:1", "NB_PREFIX=/x") == {"NB_PREFIX": "/x"}
    assert env("others", IMAGE) == {}
    # The next version has the same: a tab that is open goes on.
    assert dict(each.partition("=")[::2] for each in rs.restart("foo").env)["WORKBENCH_TOKEN"] == token
    port = rs.info("foo").version.ports[0].host
    assert rs.reach("foo") == Upstream(rs.info("foo").set.id, "127.0.0.1", port, "/s/foo", token)


def test_where_a_port_is(tmp_path: Path) -> None:
    published = service(tmp_path / "1", FakeEngine(Faults()), MemoryStore(Faults()))
    reached = service(tmp_path / "2", ReachedEngine(Faults()), MemoryStore(Faults()))
    for rs in (published, reached):
        rs.run(RunRequest(IMAGE, "foo", ports=["80"]))
    port = published.info("foo").version.ports[0].host
    assert (published.reach("foo").port, reached.reach("foo").port) == (port, 80)
    assert reached.reach("foo", 81).port == 81
    with pytest.raises(NotFound, match="port 81 of foo is not published"):
        published.reach("foo", 81)


def test_the_verb(proxied: Proxied, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WORKBENCH_ADDRESS", proxied.address)
    monkeypatch.setenv("WORKBENCH_TOKEN", proxied.tokens["op"])
    proxied.run("foo")
    assert main(["rs", "open", "foo"]) == 0
    address = capsys.readouterr().out.strip()
    place, _, ticket = address.partition("#ticket=")
    assert place == f"{proxied.sets}/s/foo/" and proxied.enter(ticket).json()["entered"]
    assert main(["rs", "open", "foo", "--json", "--port", "9000"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == "/s/foo:9000/"
    monkeypatch.setenv("WORKBENCH_TOKEN", proxied.tokens["other"])
    assert main(["rs", "open", "foo"]) != 0


def test_what_serve_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["serve", "--state", str(tmp_path / "s"), "--port", "0", "--no-preflight", "--engine", "unix:///nowhere"]
    for flags, reason in (
        (["--workbenches", "x"], "x is no port"),
        (["--workbenches", "0.0.0.0:0"], "0.0.0.0:0 is not this machine alone"),
        (["--workbenches", "0", "--workbenches-url", "lab"], "lab is no address"),
        (["--workbenches-url", "https://lab.example.org"], "--workbenches-url goes with --workbenches"),
    ):
        assert main([*words, *flags]) == 2 and reason in capsys.readouterr().err
