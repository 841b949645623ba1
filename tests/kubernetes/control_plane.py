"""A real control plane for tests: etcd, API server and controllers on loopback, without a node."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.engine import free_port, search_path
from tests.kubernetes import binaries
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.supervised import Supervisor, supervised

# Addresses that only documents have (RFC 5737): nothing here connects to services, or through them to the API server.
_SERVICES, _ADVERTISED = "10.96.0.0/16", "192.0.2.1"


def missing() -> str:
    """What keeps it from being used in tests here, "" for nothing."""
    tools = {"etcd": "etcd-server", "openssl": "openssl"}
    lacking = [package for tool, package in tools.items() if shutil.which(tool, path=search_path()) is None]
    return f"{', '.join(lacking)} not installed" if lacking else binaries.missing()


@contextmanager
def started() -> Iterator[Cluster]:
    """Yield a cluster that is ready and empty; all of it is gone afterwards.

    Raises NoSourceError where the source of Kubernetes cannot be had.
    """
    program = str(binaries.control_plane())
    # A port that is free may be another's when it is needed.
    for attempt in range(3):
        with supervised() as programs:
            if (cluster := _start(programs, program)) is not None:
                yield cluster
                return
            log = programs.log("etcd") + programs.log("kube-apiserver")
            assert attempt < 2 and "address already in use" in log, f"it did not start:\n{log}"


def _start(programs: Supervisor, program: str) -> Cluster | None:
    """Return the cluster once it is ready; None when a program of it ended before."""
    folder = programs.folder
    _signing_key(folder)
    etcd, peer, api = (free_port() for _ in range(3))
    store = f"http://127.0.0.1:{etcd}"
    etcd_words = ["--name=one", f"--data-dir={folder}/etcd", "--unsafe-no-fsync"]
    etcd_words += [f"--listen-client-urls={store}", f"--advertise-client-urls={store}"]
    etcd_words += [f"--{each}=http://127.0.0.1:{peer}" for each in ("listen-peer-urls", "initial-advertise-peer-urls")]
    (folder / "etcd").mkdir(mode=0o700)
    running = [programs.start("etcd", _path("etcd"), *etcd_words, f"--initial-cluster=one=http://127.0.0.1:{peer}")]
    cluster = Cluster(folder, f"https://127.0.0.1:{api}", secrets.token_hex(24))
    (folder / "users.csv").write_text(f"{cluster.token},tests,tests,system:masters\n")
    words = [f"--etcd-servers={store}", f"--secure-port={api}", "--insecure-port=0", "--bind-address=127.0.0.1"]
    words += [f"--advertise-address={_ADVERTISED}", f"--service-cluster-ip-range={_SERVICES}"]
    words += [f"--cert-dir={folder}", f"--token-auth-file={folder}/users.csv", "--authorization-mode=RBAC"]
    words += [f"--service-account-{name}={folder}/{file}" for name, file in _ACCOUNTS.items()]
    words += ["--service-account-issuer=https://kubernetes.default.svc", "--allow-privileged=true"]
    running.append(programs.start("kube-apiserver", program, "kube-apiserver", *words))
    if not _is_ready(cluster, running):
        return None
    cluster.write_kubeconfig()
    config = str(cluster.kubeconfig)
    words = [f"--{name}={config}" for name in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")]
    words += [f"--service-account-private-key-file={folder}/signing.key", f"--root-ca-file={cluster.certificate}"]
    words += ["--leader-elect=false", "--port=0", "--secure-port=0", "--controllers=*"]
    # Before the API server is ready, the controllers give up.
    programs.start("kube-controller-manager", program, "kube-controller-manager", *words)
    return cluster


_ACCOUNTS = {"key-file": "signing.key", "signing-key-file": "signing.key"}


def _signing_key(folder: Path) -> None:
    """Write the key that the tokens of service accounts are signed with."""
    command = ["openssl", "genrsa", "-out", str(folder / "signing.key"), "2048"]
    subprocess.run(command, capture_output=True, check=True)


def _is_ready(cluster: Cluster, running: list[int], seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and all(Path(f"/proc/{pid}/exe").exists() for pid in running):
        with suppress(OSError, httpx.HTTPError):
            if cluster.request("GET", "/readyz").status == 200:
                return True
        time.sleep(0.1)
    return False


def _path(tool: str) -> str:
    found = shutil.which(tool, path=search_path())
    assert found is not None
    return found
