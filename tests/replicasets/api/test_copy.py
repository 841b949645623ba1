"""`rs cp` where something fails on the way: what breaks off, and sets that change meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.api.test_endpoints import FOO, refused, send
from tests.replicasets.api.test_progress import during
from tests.replicasets.fake_files import Sent
from tests.replicasets.test_archives import FILE, archive
from workbench.cli import main
from workbench.replicasets.errors import EngineGone, Exhausted
from workbench.replicasets.operations.files import Files
from workbench.replicasets.values import Caller


@pytest.fixture(autouse=True)
def reached(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_ADDRESS", served.address)
    monkeypatch.setenv("WORKBENCH_TOKEN", served.tokens["op"])


def test_there_and_back_and_what_breaks_off(
    served: Served,
    client: httpx.Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    send(client, "POST", "/replicaSet", FOO)
    (tmp_path / "file").write_text("text")
    assert main(["rs", "cp", str(tmp_path / "file"), "foo:/etc/new"]) == 0
    assert served.engine.disk("foo-1")["/etc/new"] == "text"
    assert main(["rs", "cp", "foo:/etc/new", str(tmp_path / "back"), "--json"]) == 0
    assert (tmp_path / "back").read_text() == "text"

    class Broken(Sent):
        def __iter__(self) -> Iterator[bytes]:
            yield self.pieces[0]
            raise EngineGone("the engine went away on the way")

    before = set(tmp_path.iterdir())
    monkeypatch.setattr(served.engine, "files", lambda name, path: Broken(archive(("new", FILE, "x" * 9000))))
    capsys.readouterr()
    with caplog.at_level(logging.ERROR, "workbench"):
        assert main(["rs", "cp", "foo:/etc/new", str(tmp_path / "half")]) == 1
    assert "the service broke off" in capsys.readouterr().err and set(tmp_path.iterdir()) == before
    assert [record for record in caplog.records if "bug" in record.message] == []
    assert served.audit()[-1]["message"] == "the engine went away on the way"


def test_a_set_that_is_changed_meanwhile(served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    send(client, "POST", "/replicaSet", FOO)
    add = served.engine.add_files

    def changed(name: str, folder: str, pieces: Iterable[bytes]) -> None:
        add(name, folder, pieces)
        served.room.restart("foo", Caller("op"))

    monkeypatch.setattr(served.engine, "add_files", changed)
    body = b"".join(archive(("x", FILE, "x")))
    response = client.post("/api/v1/replicaSet/foo/archive?path=/etc", content=body)
    assert (response.status_code, response.json()["msg"]) == (409, "foo was changed meanwhile")
    with during(served, "carry", client, "PATCH", "/replicaSet/foo/restart"):
        assert refused(client, "GET", "/replicaSet/foo/stat?path=/etc") == (409, 1109)
    assert refused(client, "GET", "/replicaSet/foo/archive?path=etc") == (400, 1109)
    assert refused(client, "POST", "/replicaSet/foo/archive?path=/etc/passwd") == (404, 1109)


def test_limits_of_size() -> None:
    assert b"".join(Files(Sent([b"ab", b"cd"]), 4)) == b"abcd"
    with pytest.raises(Exhausted, match="larger than 3 bytes"):
        list(Files(Sent([b"ab", b"cd"]), 3))
