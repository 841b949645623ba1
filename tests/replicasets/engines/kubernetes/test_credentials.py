"""Credentials of a program that a kubeconfig names: run when they are needed, kept, and taken anew."""

from __future__ import annotations

import json
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.replicasets.engines.kubernetes.conftest import World
from tests.replicasets.engines.kubernetes.node import GPU
from workbench.replicasets.engines.kubernetes.access import find_access
from workbench.replicasets.engines.kubernetes.credentials import ProgramCredentials
from workbench.replicasets.engines.kubernetes.engine import KubernetesEngine
from workbench.replicasets.errors import EngineError, EngineGone, Invalid, ReplicaSetError

V1 = "client.authentication.k8s.io/v1"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
# Counts how often it ran, keeps what it was given, and prints what the file `status` has.
PROGRAM = """#!{python} -I
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
ran = here / "ran"
number = int(ran.read_text()) + 1 if ran.exists() else 1
ran.write_text(str(number))
(here / "given").write_text(json.dumps([sys.argv[1:], os.environ["KUBERNETES_EXEC_INFO"], os.environ.get("PROFILE")]))
print("sign in first", file=sys.stderr)
text = (here / "status").read_text().replace("NUMBER", str(number))
sys.exit(int(text)) if text.isdigit() else print(text)
"""


def status(folder: Path, version: str = V1, **found: object) -> None:
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": found}
    (folder / "status").write_text(json.dumps(answer))


@pytest.fixture
def user(tmp_path: Path) -> dict[str, Any]:
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    status(tmp_path, token="t-NUMBER")
    env = [{"name": "PROFILE", "value": "team"}]
    return {"apiVersion": V1, "command": "./program", "args": ["get", "token"], "env": env, "interactiveMode": "Never"}


def made(folder: Path, user: dict[str, Any], now: list[datetime] | None = None) -> ProgramCredentials:
    times = now or [NOW]
    context = ssl.create_default_context()
    cluster = {"server": "https://c", "certificate-authority": "ca.pem", "other": 1}
    (folder / "ca.pem").write_text("CA")
    return ProgramCredentials(folder / "kubeconfig", user, cluster, context, lambda: times[0])


def test_a_token_is_kept_until_it_expires_or_is_refused(tmp_path: Path, user: dict[str, Any]) -> None:
    now = [NOW]
    credentials = made(tmp_path, {**user, "provideClusterInfo": True}, now)
    assert not (tmp_path / "ran").exists()
    assert [credentials.token(), credentials.token()] == ["t-1", "t-1"]
    words, info, profile = json.loads((tmp_path / "given").read_text())
    assert (words, profile) == (["get", "token"], "team")
    assert json.loads(info) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {"server": "https://c", "certificate-authority-data": "Q0E="},
        },
    }
    credentials.forget("another")
    assert credentials.token() == "t-1"
    status(tmp_path, token="t-NUMBER", expirationTimestamp="2026-12-01T13:00:00Z")
    credentials.forget("t-1")
    assert credentials.token() == "t-2"
    now[0] += timedelta(minutes=59)
    assert credentials.token() == "t-2"
    now[0] += timedelta(seconds=31)
    assert credentials.token() == "t-3"


def test_a_certificate(tmp_path: Path, user: dict[str, Any]) -> None:
    issued = trustme.CA().issue_cert("me")
    certificate, key = issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()
    status(tmp_path, clientCertificateData=certificate, clientKeyData=key)
    assert made(tmp_path, user).token() == ""
    status(tmp_path, clientCertificateData=certificate, clientKeyData="none")
    with pytest.raises(EngineGone, match="printed no ExecCredential"):
        made(tmp_path, user).token()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "ended with 3: sign in first"),
        ("{", "printed no ExecCredential of client.authentication.k8s.io/v1"),
        ("[]", "printed no ExecCredential"),
        (json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": {}}), "printed no ExecCredential"),
        (json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": 3}), "printed no ExecCredential"),
        (json.dumps({"apiVersion": "v2", "kind": "ExecCredential", "status": {"token": "s3cret"}}), "printed no"),
    ],
)
def test_a_program_that_fails(tmp_path: Path, user: dict[str, Any], text: str, message: str) -> None:
    (tmp_path / "status").write_text(text)
    with pytest.raises(EngineGone, match=message) as error:
        made(tmp_path, {**user, "installHint": "install\nit"}).token()
    assert error.value.hint == "install it" and "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "speaks client.authentication.k8s.io/v1alpha1"),
        ({"interactiveMode": "Always"}, "needs somebody at a terminal"),
        ({"command": "no-such-program"}, "no-such-program is not on this machine"),
        ({"command": "./none"}, "./none is not on this machine"),
    ],
)
def test_a_program_that_cannot_be_used(
    tmp_path: Path, user: dict[str, Any], change: dict[str, str], message: str
) -> None:
    with pytest.raises(Invalid, match=message) as error:
        made(tmp_path, user | change)
    assert error.value.where == str(tmp_path / "kubeconfig")


def test_an_engine_by_it(world: World, user: dict[str, Any]) -> None:
    """What the server refuses once is sent again with new credentials, and what it goes on refusing is an error."""
    file = Path(world.kubeconfig)
    file.write_text(file.read_text().replace('"token": "t0ken"', f'"exec": {json.dumps(user)}'))
    assert find_access(world.kubeconfig, "").headers() == {"Authorization": "Bearer t-1"}
    engine, refusals = KubernetesEngine(world.kubeconfig, "", GPU, 5), [401]
    world.server.fault = lambda method, path: refusals.pop() if refusals else None
    engine.check()
    assert (file.parent / "ran").read_text() == "3"
    refusals += [401, 401]
    with pytest.raises(EngineError) as error:
        engine.check()
    assert error.value.status == 401 and not refusals
    (file.parent / "status").write_text("1")
    world.server.fault = lambda method, path: 401
    with pytest.raises(ReplicaSetError, match="ended with 1: sign in first"):
        engine.check()
    engine.close()
