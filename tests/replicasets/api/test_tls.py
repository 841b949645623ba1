"""The service by TLS: whom it refuses to listen for without, and whom its clients refuse to believe."""

from __future__ import annotations

import datetime
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from tests.catalogues import REPOSITORY
from tests.command import wizard
from workbench.errors import WorkbenchError
from workbench.replicasets.api.tls import check_certificate


def written(folder: Path, name: str, made: trustme.LeafCert) -> list[str]:
    """The flags that name a certificate and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
    made.private_key_pem.write_to_path(key)
    return ["--tls-cert", str(certificate), "--tls-key", str(key)]


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


@contextmanager
def serving(folder: Path, *flags: str, files: int = 0) -> Iterator[str]:
    """A service without an engine; yields its address, and the token is in its state. It may open so many `files`."""
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "serve", "--port", "0", "--engine", "unix:///nowhere"]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [*command, "--state", str(folder / "state"), *flags],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None,
        )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, (folder / "said").read_text()
        # Once it answers, it ends in good order when it is told to.
        assert httpx.get(address.replace("0.0.0.0", "127.0.0.1") + "/healthz", verify=False, timeout=60).is_success
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        process.stdout.close()


def listed(folder: Path, address: str, *flags: object, **env: str) -> CompletedProcess[str]:
    known = {"WORKBENCH_ADDRESS": address, "WORKBENCH_TOKEN_FILE": str(folder / "state/operate.token")}
    return wizard("rs", "list", *flags, env={**known, **env})


@pytest.mark.thorough
def test_clients_use_tls_and_trust_its_certificate(ca: trustme.CA, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    (tmp_path / "none.pem").write_text("none")
    with serving(tmp_path, *written(tmp_path, "good", ca.issue_cert("127.0.0.1"))) as address:
        assert address.startswith("https://127.0.0.1:")
        for done in (
            listed(tmp_path, address, "--ca", tmp_path / "ca.pem"),
            listed(tmp_path, address, WORKBENCH_CA=str(tmp_path / "ca.pem")),
            wizard("volume", "list", "--address", address, "--ca", tmp_path / "ca.pem", "--token", token(tmp_path)),
        ):
            assert (done.returncode, done.stdout.split()[:1]) == (0, ["NAME"]), done.stderr
        for flags, says in (
            ((), f"the service at {address} is not trusted: "),
            (("--ca", tmp_path / "other.pem"), f"the service at {address} is not trusted: "),
            (("--ca", tmp_path / "none.pem"), "is no certificate in PEM form"),
            (("--ca", tmp_path / "gone.pem"), "cannot be read: No such file or directory"),
            (("--address", address.replace("https", "http")), "speaks no plain HTTP"),
        ):
            done = listed(tmp_path, address, *flags)
            assert done.returncode == 1 and says in done.stderr and "Traceback" not in done.stderr, done.stderr
        # A WebSocket is the same: what it is refused for comes from behind the certificate.
        for flags, says in (
            (("--ca", tmp_path / "ca.pem"), "podman does not answer"),
            ((), f"the service at {address} is not trusted: "),
        ):
            words = ("rs", "exec", "-i", "foo", "--address", address, "--token", token(tmp_path), *flags, "--", "true")
            done = wizard(*words)
            assert done.returncode == 1 and says in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert "without TLS" not in (tmp_path / "said").read_text()


def test_a_certificate_of_another_name_is_not_trusted(ca: trustme.CA, tmp_path: Path) -> None:
    with serving(tmp_path, *written(tmp_path, "good", ca.issue_cert("elsewhere.test"))) as address:
        done = listed(tmp_path, address, "--ca", tmp_path / "ca.pem")
    assert done.returncode == 1 and "IP address mismatch" in done.stderr


def test_nobody_beyond_this_machine_is_served_without(tmp_path: Path) -> None:
    words = ["serve", "--port", "0", "--engine", "unix:///nowhere", "--state", tmp_path / "state", "--host", "0.0.0.0"]
    done = wizard(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "0.0.0.0 is not this machine alone" in done.stderr and "--insecure" in done.stderr
    with serving(tmp_path, "--host", "0.0.0.0", "--insecure") as address:
        assert address.startswith("http://0.0.0.0:")
    assert "warning: not on loopback, and without TLS" in (tmp_path / "said").read_text()


def test_it_is_refused_before_it_is_served_with(ca: trustme.CA, tmp_path: Path) -> None:
    flags = written(tmp_path, "old", ended(ca))
    done = wizard("serve", "--port", "0", "--engine", "unix:///nowhere", "--state", tmp_path / "state", *flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == f"error: {tmp_path}/old.pem: certificate has expired"
    assert not (tmp_path / "state").exists()
    alone = wizard("serve", "--tls-cert", tmp_path / "old.pem", "--state", tmp_path / "state")
    assert alone.returncode == 2 and "go together" in alone.stderr


def test_what_is_no_certificate(ca: trustme.CA, tmp_path: Path) -> None:
    _, good, _, key = written(tmp_path, "good", ca.issue_cert("127.0.0.1"))
    _, other, _, _ = written(tmp_path, "other", ca.issue_cert("127.0.0.1"))
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)
    _, early, _, early_key = written(tmp_path, "early", ca.issue_cert("127.0.0.1", not_before=later))
    locked = tmp_path / "locked.key"
    plain = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    phrase = serialization.BestAvailableEncryption(b"geheim")
    form = serialization.PrivateFormat.PKCS8
    locked.write_bytes(plain.private_bytes(serialization.Encoding.PEM, form, phrase))
    (tmp_path / "none").write_text("none")
    check_certificate(good, key)
    for certificate, its_key, says in (
        (str(tmp_path / "gone"), key, "cannot be read: No such file"),
        (good, str(tmp_path), "cannot be read: Is a directory"),
        (str(tmp_path / "none"), key, "is no certificate in PEM form"),
        (good, str(tmp_path / "none"), "is no certificate in PEM form, or the key is none"),
        (other, key, f"is not the key of {other}"),
        (early, early_key, "certificate is not yet valid"),
        (good, str(locked), "the key has a pass phrase"),
    ):
        with pytest.raises(WorkbenchError) as error:
            check_certificate(certificate, its_key)
        assert says in error.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not read the key")
def test_a_key_that_may_not_be_read(ca: trustme.CA, tmp_path: Path) -> None:
    _, certificate, _, key = written(tmp_path, "good", ca.issue_cert("127.0.0.1"))
    Path(key).chmod(0)
    os.seteuid(65534)
    try:
        with pytest.raises(WorkbenchError, match="cannot be read"):
            check_certificate(certificate, key)
    finally:
        os.seteuid(0)


def ended(ca: trustme.CA) -> trustme.LeafCert:
    first, last = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2019, 2020))
    return ca.issue_cert("127.0.0.1", not_before=first, not_after=last)


def token(folder: Path) -> str:
    return (folder / "state/operate.token").read_text().strip()


@pytest.mark.thorough
def test_a_second_service_on_one_folder_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as address:
        second = wizard("serve", "--port", "0", "--engine", "unix:///nowhere", "--state", tmp_path / "state")
        assert second.returncode == 1
        number = (tmp_path / "state/service.lock").read_text().strip()
        assert f"a service runs on this folder already (process {number})" in second.stderr
        assert Path(f"/proc/{number}").exists()
        assert httpx.get(f"{address}/healthz", timeout=60).status_code == 200
        made = wizard("token", "add", "anna", "--state", tmp_path / "state")
        assert made.returncode == 0, made.stderr
    with serving(tmp_path):
        pass
