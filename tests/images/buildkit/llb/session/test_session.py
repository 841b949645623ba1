from __future__ import annotations

import base64
import json
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import grpc
import pytest

from tests.images.buildkit.llb.fake import Running
from tests.images.buildkit.llb.session.daemon import fetch, login, secret
from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.failures import BuildKitError, SessionLostError
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.session import session as sessions
from workbench.images.buildkit.llb.session.client_id import client_id
from workbench.images.buildkit.llb.session.files import FolderService
from workbench.images.buildkit.llb.session.services import SEND_FILE
from workbench.images.buildkit.llb.session.session import Session

T = TypeVar("T")

pytestmark = pytest.mark.usefixtures("no_threads")


def used(daemon: Running, session: Session, use: Callable[[grpc.Channel], T]) -> T:
    """What `use` makes of the session as the daemon has it."""
    found: list[T | BaseException] = []

    def keep(channel: grpc.Channel) -> None:
        try:
            found.append(use(channel))
        except BaseException as error:
            found.append(error)

    daemon.use = keep
    with connect(daemon.address) as client:
        client.solve_frontend("dockerfile.v0", {}, session=session)
    (result,) = found
    if isinstance(result, BaseException):
        raise result
    return result


def test_what_a_session_offers_the_daemon(daemon: Running, tmp_path: Path) -> None:
    session = Session(files={"context": str(tmp_path)}, output=str(tmp_path / "image.tar"))
    assert used(daemon, session, lambda _: next(iter(daemon.sessions.values())).health.result(30).status) == 1
    ((name, dialled),) = daemon.sessions.items()
    assert dialled.metadata["name"] == ["workbench-images"]
    assert dialled.metadata["uuid"] == [name] and len(name) == 32
    assert dialled.metadata["sharedkey"] == [session.key]
    assert dialled.metadata["grpc-method"] == [
        "/moby.filesync.v1.FileSync/DiffCopy",
        "/moby.buildkit.secrets.v1.Secrets/GetSecret",
        "/moby.filesync.v1.Auth/Credentials",
        "/moby.filesync.v1.FileSend/DiffCopy",
    ]
    (build,) = daemon.builds.values()
    assert build.request.Session == name


def test_the_key_is_that_of_the_folders(tmp_path: Path) -> None:
    assert Session(files={"a": "/x", "b": "/y"}).key == Session(files={"b": "/y", "a": "/x"}, secrets={"s": b""}).key
    assert Session(files={"a": "/x"}).key != Session(files={"a": "/y"}).key


def test_another_client_has_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In containers of one image the folder is the same, and so is the machine's id: a daemon must not mix them up."""
    keys = []
    for home in ("first", "second", "first"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home))
        client_id.cache_clear()
        keys.append(Session(files={"a": "/x"}).key)
    assert keys[0] == keys[2] != keys[1]
    (tmp_path / "first/workbench-images/buildkit/client-id").write_text("damaged")
    client_id.cache_clear()
    assert re.fullmatch("[0-9a-f]{32}", client_id()) and Session(files={"a": "/x"}).key not in keys
    # Nothing can be kept: the key is this process's.
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    client_id.cache_clear()
    assert Session(files={"a": "/x"}).key == Session(files={"a": "/x"}).key
    client_id.cache_clear()


def test_secrets(daemon: Running, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"from a file")
    session = Session(secrets={"pip.token": b"secret\0", "file": str(tmp_path / "token")})

    def use(channel: grpc.Channel) -> tuple[bytes, bytes, grpc.StatusCode, grpc.StatusCode]:
        first = secret(channel, "pip.token"), secret(channel, "file")
        with pytest.raises(grpc.RpcError) as unknown:
            secret(channel, "other")
        (tmp_path / "token").unlink()
        with pytest.raises(grpc.RpcError) as gone:
            secret(channel, "file")
        assert gone.value.details() == "the file of the secret file: No such file or directory"
        return *first, unknown.value.code(), gone.value.code()

    assert used(daemon, session, use) == (
        b"secret\0",
        b"from a file",
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNKNOWN,
    )


def test_nobody_reads_a_secret_off_a_session() -> None:
    text = repr(Session(secrets={"a": b"hidden"}, auth={"r.example.org": ("me", "hidden")}))
    assert "hidden" not in text


@pytest.mark.parametrize(
    ("session", "message"),
    [
        (Session(secrets={"../x": b""}), "'../x' cannot be the id of a secret"),
        (Session(secrets={"": b""}), "'' cannot be the id of a secret"),
        (Session(secrets={"x": bytes(512001)}), "the secret x has 512001 bytes, and BuildKit takes 512000 at most"),
        (Session(secrets={"x": "/nowhere"}), "the file of the secret x cannot be read: No such file or directory"),
        (Session(auth={"https://r": ("me", "p")}), "'https://r' is no registry"),
        (Session(auth={"r": ("", "p")}), "the login for r cannot be one"),
        (Session(auth={"r": ("a:b", "p")}), "the login for r cannot be one"),
        (Session(auth={"r": ("a", "p\n")}), "the login for r cannot be one"),
        (Session(files={"context": "/nowhere"}), "there is no folder to send as context"),
    ],
)
def test_what_a_session_cannot_have(daemon: Running, session: Session, message: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        used(daemon, session, lambda channel: None)
    assert caught.value.message == message
    assert not daemon.sessions and "Control/Solve" not in daemon.calls


def test_logins(daemon: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {
        "auths": {
            "kept.example.org:5000": {"auth": base64.b64encode(b"me:pass:word").decode()},
            "https://index.docker.io/v1/": {"auth": base64.b64encode(b"hub:x").decode()},
            "broken.example.org": {"auth": "%%%"},
            "half.example.org": {"auth": base64.b64encode(b"me").decode()},
        }
    }
    (tmp_path / "auth.json").write_text(json.dumps(kept))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    session = Session(auth={"given.example.org": ("me", "secret")})
    hosts = ["given.example.org", "kept.example.org:5000", "registry-1.docker.io", "broken.example.org"]
    hosts += ["half.example.org", "unknown.example.org"]
    assert used(daemon, session, lambda channel: [login(channel, host) for host in hosts]) == [
        ("me", "secret"),
        ("me", "pass:word"),
        ("hub", "x"),
        ("", ""),
        ("", ""),
        ("", ""),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with one of each kind."""
    made = tmp_path / "context"
    (made / "a" / "deep").mkdir(parents=True)
    (made / "a" / "deep" / "file").write_bytes(os.urandom(100_000))
    (made / "a-b").write_text("sorts between a and a/deep, as text and not as bytes of a path would")
    (made / "empty").touch()
    (made / "run.sh").write_text("#!/bin/sh\n")
    (made / "run.sh").chmod(0o4755)
    (made / "sticky").mkdir()
    (made / "sticky").chmod(0o1777)
    (made / "link").symlink_to("a/deep")
    (made / "ü").write_text("umlaut")
    os.mknod(made / "socket", stat.S_IFSOCK | 0o755)
    os.mkfifo(made / "pipe")
    yield made


def test_a_folder_is_listed_whole(daemon: Running, folder: Path) -> None:
    got = used(daemon, Session(files={"context": str(folder)}), lambda channel: fetch(channel, "context"))
    listed = {one.path: (one.mode, one.size, one.linkname) for one in got.stats}
    assert listed == {
        "a": (1 << 31 | 0o755, 0, ""),
        "a/deep": (1 << 31 | 0o755, 0, ""),
        "a/deep/file": (0o644, 100_000, ""),
        "a-b": (0o644, 68, ""),
        "empty": (0o644, 0, ""),
        "link": (1 << 27 | 0o777, 0, "a/deep"),
        "run.sh": (1 << 23 | 0o755, 10, ""),
        "sticky": (1 << 31 | 1 << 20 | 0o777, 0, ""),
        "ü": (0o644, 6, ""),
    }
    assert got.paths == ["a", "a/deep", "a/deep/file", "a-b", "empty", "link", "run.sh", "sticky", "ü"]
    assert all((one.uid, one.gid) == (0, 0) for one in got.stats)
    assert got.stats[3].modTime == (folder / "a-b").stat().st_mtime_ns
    assert got.data == {path: (folder / path).read_bytes() for path in ("a/deep/file", "a-b", "empty", "run.sh", "ü")}


def test_only_requested_files_are_sent(daemon: Running, folder: Path) -> None:
    have = frozenset({"a/deep/file", "a-b", "empty", "ü"})
    got = used(daemon, Session(files={"context": str(folder)}), lambda channel: fetch(channel, "context", have=have))
    assert got.data == {"run.sh": b"#!/bin/sh\n"}


@pytest.mark.parametrize(
    ("metadata", "paths"),
    [
        ({"include_patterns": ["a/deep/file"]}, ["a", "a/deep", "a/deep/file"]),
        ({"include_patterns": ["a/deep", "empty"]}, ["a", "a/deep", "a/deep/file", "empty"]),
        ({"include_patterns": ["none"]}, []),
        ({"exclude_patterns": ["a", "s*", "run.sh"]}, ["a-b", "empty", "link", "ü"]),
        ({"exclude_patterns": ["*", "!a/deep"]}, ["a", "a/deep", "a/deep/file"]),
        ({"include_patterns": ["a", "empty"], "exclude_patterns": ["a/deep"]}, ["a", "empty"]),
        ({"followpaths": ["link/file"]}, ["a", "a/deep", "a/deep/file", "link"]),
        ({"followpaths": ["/a-b", "r*.sh", "none"]}, ["a-b", "run.sh"]),
        ({"followpaths": ["../../empty"]}, ["empty"]),
        ({"include_patterns": ["%C3%BC"], "include_patterns_encoded": ["1"]}, ["ü"]),
    ],
)
def test_patterns_choose(daemon: Running, folder: Path, metadata: dict[str, list[str]], paths: list[str]) -> None:
    got = used(
        daemon,
        Session(files={"context": str(folder)}),
        lambda channel: fetch(channel, "context", frozenset(), **metadata),
    )
    assert got.paths == paths


def test_a_link_in_a_circle_leads_nowhere(daemon: Running, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    session = Session(files={"context": str(tmp_path)})
    assert used(daemon, session, lambda channel: fetch(channel, "context", followpaths=["a"])).paths == ["a", "b"]


def test_a_folder_that_is_not_offered(daemon: Running, folder: Path) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        used(daemon, Session(files={"context": str(folder)}), lambda channel: fetch(channel, "etc"))
    assert (caught.value.code(), caught.value.details()) == (
        grpc.StatusCode.NOT_FOUND,
        "no folder 'etc' is offered",
    )


def test_a_file_that_cannot_be_read_is_named(daemon: Running, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = FolderService._file

    def file(self: FolderService, full: str, number: int) -> Iterator[object]:
        if full.endswith("a-b"):
            (folder / "a-b").unlink()
        yield from original(self, full, number)

    monkeypatch.setattr(FolderService, "_file", file)
    with pytest.raises(grpc.RpcError) as caught:
        used(daemon, Session(files={"context": str(folder)}), lambda channel: fetch(channel, "context"))
    assert caught.value.details() == f"{folder}/a-b: No such file or directory"


def send(channel: grpc.Channel, *pieces: bytes, broken_off_at: Path | None = None) -> None:
    call = channel.stream_stream(
        SEND_FILE,
        request_serializer=control.BytesMessage.SerializeToString,
        response_deserializer=control.BytesMessage.FromString,
    )
    ended = threading.Event()

    def messages() -> Iterator[control.BytesMessage]:
        for piece in pieces:
            yield control.BytesMessage(data=piece)
        if broken_off_at is not None:
            ended.wait()

    answers = call(messages())
    if broken_off_at is not None:
        while not broken_off_at.exists():
            time.sleep(0.01)
        answers.cancel()
    try:
        for _ in answers:
            pass
        assert broken_off_at is None, "it was cancelled"
    finally:
        ended.set()


def test_an_exported_file(daemon: Running, tmp_path: Path) -> None:
    target = tmp_path / "image.tar"
    used(daemon, Session(output=str(target)), lambda channel: send(channel, b"one", b"two"))
    assert target.read_bytes() == b"onetwo"


def test_an_exported_file_of_a_build_that_fails(daemon: Running, tmp_path: Path) -> None:
    target = tmp_path / "image.tar"
    target.write_bytes(b"before")

    def use(channel: grpc.Channel) -> None:
        send(channel, b"half", broken_off_at=tmp_path / "image.tar.partial")

    # What it raises fails the build.
    daemon.use = use
    with connect(daemon.address) as client, pytest.raises(BuildKitError):
        client.solve_frontend("dockerfile.v0", {}, session=Session(output=str(target)))
    assert target.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["image.tar"]


def test_a_session_that_the_daemon_does_not_use(daemon: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_READY_SECONDS", 0.05)
    daemon.hold("Control/Session")
    with pytest.raises(SessionLostError, match="does not use the session that was offered"):
        used(daemon, Session(), lambda channel: None)
