from __future__ import annotations

import os
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme

from tests.engine import SHORT
from tests.images.buildkit.llb import fake
from tests.images.buildkit.llb.fake import OLD, Running
from tests.images.buildkit.llb.fronts import UPGRADED, front
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.failures import (
    DaemonGoneError,
    NoSocketError,
    NotBuildKitError,
    NotPermittedError,
    UntrustedError,
    UpgradeRefusedError,
)
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway

pytestmark = pytest.mark.usefixtures("no_threads")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path that is short enough for sockets, and that others may enter."""
    made = Path(tempfile.mkdtemp(prefix="wbsock-", dir=SHORT))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def nothing(build: Gateway) -> BuildResult:
    build.ping()
    return BuildResult()


def works(address: str, certificates: str = "", *, is_engine: bool) -> None:
    with connect(address, certificates=certificates) as client:
        assert client.is_engine is is_engine
        assert client.capabilities() == OLD
        assert client.build(nothing)


def test_a_buildkit_at_a_socket(daemon: Running) -> None:
    works(daemon.address, is_engine=False)


@pytest.mark.parametrize("tcp", [False, True], ids=["socket", "tcp"])
def test_the_buildkit_of_a_docker_engine(
    daemon: Running, tcp: bool, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with front(UPGRADED, daemon.address, tcp=tcp) as (address, engine):
        works(address, is_engine=True)
    assert engine.heads[0] == b"POST /grpc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert not [path for path in folder.iterdir() if path.name.startswith("wb-")]


def test_the_private_socket_is_nobody_elses(daemon: Running, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with front(UPGRADED, daemon.address) as (address, _), connect(address) as client:
        (made,) = (path for path in folder.iterdir() if path.name.startswith("wb-"))
        assert made.stat().st_mode & 0o777 == 0o700
        assert client.capabilities()
    assert not made.exists()


def test_a_temporary_folder_with_a_long_name(daemon: Running, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    long = folder / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    # That of the front itself would be too long as well.
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with front(UPGRADED, daemon.address) as (address, _):
        monkeypatch.setattr(tempfile, "tempdir", str(long))
        works(address, is_engine=True)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))


def test_a_docker_engine_that_goes_away(daemon: Running) -> None:
    with (
        front(UPGRADED, daemon.address) as (address, engine),
        pytest.raises(DaemonGoneError),
        connect(address) as client,
    ):
        reached = daemon.hold("LLBBridge/Ping")

        def close() -> None:
            assert reached.wait(30)
            engine.close()

        threading.Thread(target=close).start()
        client.build(nothing)


def test_no_socket(folder: Path) -> None:
    with pytest.raises(NoSocketError) as caught, connect(f"unix://{folder}/none.sock"):
        pass
    assert caught.value.message == f"there is no socket {folder}/none.sock"
    assert caught.value.hint == "is dockerd or buildkitd running there?"


def test_a_socket_that_nobody_listens_at(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{folder}/left.sock")
    with pytest.raises(NoSocketError) as caught, connect(f"unix://{folder}/left.sock"):
        pass
    assert caught.value.message == f"nothing listens at unix://{folder}/left.sock"


def test_a_file_that_is_no_socket(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises((NotBuildKitError, NoSocketError)) as caught, connect(f"unix://{folder}/file"):
        pass
    assert f"{folder}/file" in caught.value.message


def test_no_permission(daemon: Running) -> None:
    path = daemon.address.removeprefix("unix://")
    Path(path).chmod(0o600)
    Path(path).parent.chmod(0o755)
    if os.geteuid() != 0:
        pytest.skip("not root, who alone can become somebody else")
    os.seteuid(65534)
    try:
        with pytest.raises(NotPermittedError) as caught, connect(daemon.address):
            pass
    finally:
        os.seteuid(0)
    assert caught.value.message == f"you have no permission to use {path}"
    assert "the group docker usually has it" in caught.value.hint


@pytest.mark.parametrize(
    ("response", "kind", "message"),
    [
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno /grpc\n",
            UpgradeRefusedError,
            "{} answered 'HTTP/1.1 404 Not Found' to the request for its BuildKit: no /grpc",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n", UpgradeRefusedError, "{} answered 'HTTP/1.1 200 OK' to the request"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NotBuildKitError, "what listens at {} is no BuildKit and no Docker Engine"),
        (b"HTTP/1.", NotBuildKitError, "what listens at {} is no BuildKit and no Docker Engine"),
        (b"", NotBuildKitError, "what listens at {} does not answer"),
    ],
)
@pytest.mark.parametrize("tcp", [False, True], ids=["socket", "tcp"])
def test_something_else_at_the_address(response: bytes, kind: type[NotBuildKitError], message: str, tcp: bool) -> None:
    with front(response, tcp=tcp) as (address, _), pytest.raises(kind) as caught, connect(address):
        pass
    assert caught.value.message.startswith(message.format(address))


def test_a_server_of_grpc_that_is_no_buildkit(folder: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    server = grpc.server(ThreadPoolExecutor(1))
    server.add_insecure_port(f"unix:{folder}/other.sock")
    server.start()
    try:
        with pytest.raises(NotBuildKitError) as caught, connect(f"unix://{folder}/other.sock"):
            pass
    finally:
        server.stop(None).wait()
    assert caught.value.message == f"what listens at unix://{folder}/other.sock speaks gRPC and is no BuildKit"


def test_a_host_that_is_none() -> None:
    with pytest.raises(NoSocketError) as caught, connect("tcp://nowhere.invalid:1234"):
        pass
    assert caught.value.message.startswith("there is no host nowhere.invalid: ")


def test_a_port_that_nobody_listens_at() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NoSocketError) as caught, connect(f"tcp://127.0.0.1:{port}"):
        pass
    assert caught.value.message == f"nothing listens at tcp://127.0.0.1:{port}"


class Authority:
    """Who signs the certificates of a daemon and its clients."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.server = self.ca.issue_cert("127.0.0.1")
        client = self.ca.issue_cert("client")
        self.both, self.ours = folder / "both", folder / "ours"
        for into in (self.both, self.ours):
            into.mkdir(parents=True)
            self.ca.cert_pem.write_to_path(into / "ca.pem")
        client.private_key_pem.write_to_path(self.both / "key.pem")
        for blob in client.cert_chain_pems:
            blob.write_to_path(self.both / "cert.pem", append=True)

    def credentials(self, *, demand: bool) -> grpc.ServerCredentials:
        chain = b"".join(blob.bytes() for blob in self.server.cert_chain_pems)
        pair = (self.server.private_key_pem.bytes(), chain)
        return grpc.ssl_server_credentials([pair], self.ca.cert_pem.bytes() if demand else None, demand)

    def context(self) -> ssl.SSLContext:
        """As a Docker Engine has it: it asks for a certificate, and speaks HTTP/1.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.configure_cert(context)
        self.ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["http/1.1"])
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "right")


def test_tls(authority: Authority) -> None:
    with fake.started(authority.credentials(demand=False)) as daemon:
        works(daemon.address, str(authority.ours), is_engine=False)
    with fake.started(authority.credentials(demand=True)) as daemon:
        works(daemon.address, str(authority.both), is_engine=False)


def test_tls_to_a_docker_engine(authority: Authority, daemon: Running) -> None:
    with front(UPGRADED, daemon.address, tcp=True, context=authority.context()) as (address, _):
        works(address, str(authority.both), is_engine=True)


def test_tls_with_somebody_elses_authority(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "wrong")
    with (
        fake.started(authority.credentials(demand=False)) as daemon,
        pytest.raises(UntrustedError) as caught,
        connect(daemon.address, certificates=str(other.ours)),
    ):
        pass
    assert caught.value.message.startswith(f"TLS with {daemon.address} failed: unable to get local issuer")
    assert caught.value.hint == "are ca.pem, cert.pem and key.pem those of this daemon?"


def test_tls_for_another_host(authority: Authority) -> None:
    with fake.started(authority.credentials(demand=False)) as daemon:
        address = daemon.address.replace("127.0.0.1", "localhost")
        with (
            pytest.raises(UntrustedError, match="Hostname mismatch"),
            connect(address, certificates=str(authority.ours)),
        ):
            pass


@pytest.mark.parametrize("right", [False, True], ids=["another's", "none"])
def test_tls_without_the_certificate_that_the_daemon_wants(authority: Authority, tmp_path: Path, right: bool) -> None:
    folder = authority.ours
    if not right:
        other = Authority(tmp_path / "wrong")
        folder = other.both
        authority.ca.cert_pem.write_to_path(folder / "ca.pem")
    with (
        fake.started(authority.credentials(demand=True)) as daemon,
        pytest.raises(UntrustedError) as caught,
        connect(daemon.address, certificates=str(folder)),
    ):
        pass
    assert caught.value.message == f"{daemon.address} broke off after the TLS handshake"
    assert (
        caught.value.hint
        == "it may demand a client certificate: cert.pem and key.pem, signed by an authority it trusts"
    )


def test_tls_where_the_daemon_speaks_none(authority: Authority) -> None:
    with (
        front(b"HTTP/1.1 400 Bad Request\r\n\r\n", tcp=True) as (address, _),
        pytest.raises(UntrustedError) as caught,
        connect(address, certificates=str(authority.ours)),
    ):
        pass
    assert caught.value.message.startswith(f"TLS with {address} failed: ")


@pytest.mark.parametrize("demand", [False, True])
def test_a_daemon_with_tls_that_is_spoken_to_in_the_clear(demand: bool, authority: Authority) -> None:
    with (
        fake.started(authority.credentials(demand=demand)) as daemon,
        pytest.raises(UntrustedError) as caught,
        connect(daemon.address),
    ):
        pass
    assert caught.value.message == f"{daemon.address} speaks TLS"
    assert "--buildkit-certs" in caught.value.hint


def test_a_docker_engine_with_tls_that_is_spoken_to_in_the_clear() -> None:
    """Its HTTP server answers without TLS (Go's net/http, server.go)."""
    response = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    with front(response, tcp=True) as (address, _), pytest.raises(UntrustedError) as caught, connect(address):
        pass
    assert caught.value.message == f"{address} speaks TLS"


def test_certificates_that_are_none(authority: Authority) -> None:
    (authority.ours / "ca.pem").write_text("no certificate")
    with (
        fake.started(authority.credentials(demand=False)) as daemon,
        pytest.raises(UntrustedError) as caught,
        connect(daemon.address, certificates=str(authority.ours)),
    ):
        pass
    assert caught.value.message == f"TLS with {daemon.address} failed: NO_CERTIFICATE_OR_CRL_FOUND"
