"""`rs cp` on real podman: there and back, whose it is, links to the host, what is refused, and large files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.engine import tiny_root
from tests.replicasets.api.test_service import Process, serving
from tests.replicasets.conftest import Podman
from tests.replicasets.test_archives import FILE, LINK, archive, tree
from workbench.cli import main

__all__ = ["serving"]
pytestmark = pytest.mark.thorough
USER = "localhost/user:1"
PATH = "/api/v1/replicaSet/foo"


def in_set(client: httpx.Client, line: str) -> str:
    done = client.post(f"{PATH}/execute", json={"cmd": ["sh", "-c", line]}).json()["data"]
    assert done["exitCode"] == 0, done
    return str(done["stdout"]).strip()


def added(client: httpx.Client, folder: str, content: list[bytes] | Iterator[bytes]) -> httpx.Response:
    return client.post(f"{PATH}/archive", params={"path": folder}, content=iter(content))


@pytest.fixture
def verb(
    serving: Process, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a verb in this process; return its exit code and what it wrote."""
    monkeypatch.setenv("WORKBENCH_ADDRESS", serving.address)
    monkeypatch.setenv("WORKBENCH_TOKEN_FILE", str(serving.state / "operate.token"))

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


def test_files_into_and_out_of_a_set(
    serving: Process, podman: Podman, verb: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    change = ("--change", "ENV PATH=/bin", "--change", "USER 1001:0", "--change", 'CMD ["/bin/sh"]')
    podman.engine("import", *change, "-", USER, stdin=tiny_root())
    secret, outside = tmp_path / "secret", tmp_path / "outside"
    secret.write_text("the host's")
    outside.mkdir()
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep/a\nb").write_text("kept")
    (source / "link").symlink_to("deep/a\nb")
    (source / "run.sh").write_text("#!/bin/sh")
    (source / "run.sh").chmod(0o755)
    with serving.client() as client:
        body = {"imageName": USER, "replicaSetName": "foo", "cmd": ["sh"]}
        assert client.post("/api/v1/replicaSet", json=body).status_code == 200
        # A folder, by the verb: into a folder that is there, under its own name; it is the image's user's.
        assert verb("rs", "cp", source, "foo:/tmp") == (0, "2 files, 13 bytes\n", "")
        assert in_set(client, "cd /tmp/source; stat -c '%u:%g %a' . deep run.sh; cat link; pwd -P") == (
            "1001:0 755\n1001:0 755\n1001:0 755\nkept/tmp/source"
        )
        in_set(client, "cd /tmp/source; ln -s /etc/shadow out; mkfifo pipe; echo >> run.sh")
        code, text, errors = verb("rs", "cp", "foo:/tmp/source/", tmp_path / "back")
        assert (code, text) == (0, "2 files, 14 bytes\n"), errors
        assert sorted(errors.splitlines()) == [
            "left out: out is a link that leads out: /etc/shadow",
            "left out: source/pipe is no file, folder or link",
        ]
        (source / "run.sh").write_text("#!/bin/sh\n")
        assert tree(tmp_path / "back") == tree(source)
        assert verb("rs", "cp", "foo:/tmp/source", tmp_path / "back")[0] == 0
        assert (tmp_path / "back/source/run.sh").exists()

        # Links to the host's files lead to the set's own, which are not there; running or not, up or absolute.
        in_set(client, f"ln -s {secret} /tmp/s; ln -s {outside} /tmp/o; ln -s ../../../../..{secret} /tmp/u")
        for path in ("/tmp/s", "/tmp/u", str(secret), f"/proc/1/cwd/../../..{secret}", "/tmp/o/x"):
            response = client.get(f"{PATH}/archive", params={"path": path})
            assert (response.status_code, response.json()["code"]) == (404, 1109), path
        for entries in (
            [("../../../../../../.." + str(outside) + "/x", FILE, "evil")],
            [("l", LINK, str(outside)), ("l/x", FILE, "evil")],
            [(str(outside) + "/x", FILE, "evil")],
        ):
            added(client, "/tmp", archive(*entries))
        added(client, "/tmp/o", archive(("x", FILE, "evil")))
        assert list(outside.iterdir()) == [] and secret.read_text() == "the host's"

        # What is refused, and changes nothing.
        gzip = bytes.fromhex("1f8b0800") + b"x" * 253 + b"ustar" + bytes(1000)
        assert [added(client, "/tmp", [body]).status_code for body in (gzip, b"", b"no tar" * 200)] == [400] * 3
        assert added(client, "/none", archive(("x", FILE, "x"))).status_code == 404
        assert added(client, "/tmp", archive(("source", FILE, "x"))).status_code == 502
        assert client.get(f"{PATH}/archive", params={"path": "relative"}).status_code == 400
        for words, message in (
            (("foo:/tmp/none", "."), "foo has nothing at '/tmp/none'"),
            ((source, "foo:/tmp/source/run.sh"), "/tmp/source/run.sh of foo is no folder"),
        ):
            code, _, errors = verb("rs", "cp", *words)
            assert code == 1 and message in errors, errors

        # A large file goes through in pieces, without being in memory, and under another name.
        with open(tmp_path / "large", "wb") as file:
            file.write(os.urandom(1 << 20))
            os.truncate(file.fileno(), 64 << 20)
        assert verb("rs", "cp", tmp_path / "large", "foo:/tmp/new")[0] == 0
        assert verb("rs", "cp", "foo:/tmp/new", tmp_path / "large.back")[0] == 0
        assert (tmp_path / "large.back").read_bytes() == (tmp_path / "large").read_bytes()
        client.patch(f"{PATH}/stop")
        assert client.get(f"{PATH}/archive", params={"path": "/tmp/new"}).status_code == 409
