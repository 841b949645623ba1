"""Credentials of a program that a kubeconfig names (`exec`), as clusters of cloud platforms hand them out.

Source: client.authentication.k8s.io/v1, ExecCredential (Kubernetes 1.34, "client-go credential plugins").
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workbench.replicasets.errors import EngineGone, Invalid

_VERSIONS = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1"))
# How long such a program may take: it may go to an identity provider first.
_SECONDS = 60.0
# So long before they expire new ones are taken: a request may be on the way for a moment.
_EARLY = timedelta(seconds=30)


class ProgramCredentials:
    """A token, a certificate, or both, of the program that `user` names in the kubeconfig `path`.

    They are kept until they expire, or the server refuses them. A certificate is loaded into `context`. `now` returns
    the time, with its zone. For any number of threads.
    """

    def __init__(
        self,
        path: Path,
        user: Mapping[str, Any],
        cluster: Mapping[str, Any],
        context: ssl.SSLContext,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._version = str(user.get("apiVersion", ""))
        if self._version not in _VERSIONS:
            raise Invalid(
                f"its program speaks {self._version or 'no version'} of credentials, which this one does not",
                where=str(path),
                hint=f"one that speaks {_VERSIONS[0]}: update the program, and write the kubeconfig anew",
            )
        if user.get("interactiveMode") == "Always":
            raise Invalid("its program needs somebody at a terminal", where=str(path), hint="use one that does not")
        self._command = [_program(path, str(user["command"])), *map(str, user.get("args") or ())]
        self._hint = " ".join(str(user.get("installHint") or "").split())[:500]
        info: dict[str, Any] = {"interactive": False}
        if user.get("provideClusterInfo"):
            info["cluster"] = _cluster(path, cluster)
        request = {"apiVersion": self._version, "kind": "ExecCredential", "spec": info}
        given = {str(each["name"]): str(each["value"]) for each in user.get("env") or ()}
        self._env = {**given, "KUBERNETES_EXEC_INFO": json.dumps(request)}
        self._context, self._now = context, now
        self._lock = threading.Lock()
        self._token: str | None = None
        self._until: datetime | None = None

    def token(self) -> str:
        """Return the token, "" when a certificate is all there is; raises EngineGone when the program fails."""
        with self._lock:
            if self._token is None or (self._until is not None and self._now() >= self._until - _EARLY):
                self._token, self._until = self._taken()
            return self._token

    def forget(self, token: str) -> None:
        """Forget `token`, which the server refused: the next one is the program's."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _taken(self) -> tuple[str, datetime | None]:
        try:
            done = subprocess.run(
                self._command,
                env={**os.environ, **self._env},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._failed(f"did not end within {_SECONDS:g} seconds") from None
        except OSError as error:
            raise self._failed(f"cannot be run: {error.strerror}") from None
        if done.returncode:
            # What it prints for a person is the last line; the output itself is a secret.
            words = done.stderr.decode(errors="replace").strip().splitlines()
            raise self._failed(f"ended with {done.returncode}" + (f": {words[-1][:300]}" if words else ""))
        try:
            found = json.loads(done.stdout)
            status = found["status"]
            if found["kind"] != "ExecCredential" or found["apiVersion"] != self._version:
                raise ValueError
            token, until = str(status.get("token") or ""), _time(status.get("expirationTimestamp"))
            certificate, key = (str(status.get(f"client{part}Data") or "") for part in ("Certificate", "Key"))
            if not token and not (certificate and key):
                raise ValueError
            if certificate and key:
                load_certificate(self._context, certificate, key)
        except (ValueError, KeyError, TypeError, AttributeError, ssl.SSLError):
            raise self._failed(f"printed no ExecCredential of {self._version}") from None
        return token, until

    def _failed(self, why: str) -> EngineGone:
        return EngineGone(f"the kubeconfig's program {self._command[0]} {why}", hint=self._hint)


def load_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Have connections of `context` show a certificate; both are PEM texts. Raises ssl.SSLError."""
    # Python reads them from files only. The folder is this user's alone.
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        files = [os.path.join(folder, name) for name in ("cert.pem", "key.pem")]
        for file, text in zip(files, (certificate, key), strict=True):
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(text)
        context.load_cert_chain(*files)


def _program(path: Path, command: str) -> str:
    """Return the program: a relative path is from where the kubeconfig lies, a mere name is on PATH."""
    found = str(path.parent / command) if "/" in command else shutil.which(command)
    if not found or not os.access(found, os.X_OK):
        raise Invalid(f"its program {command} is not on this machine", where=str(path), hint="install it")
    return found


def _cluster(path: Path, cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the program is given of the cluster."""
    names = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
    found = {name: cluster[name] for name in names if cluster.get(name)}
    if file := cluster.get("certificate-authority"):
        found["certificate-authority-data"] = base64.b64encode((path.parent / file).read_bytes()).decode()
    for each in cluster.get("extensions") or ():
        if each.get("name") == "client.authentication.k8s.io/exec":
            found["config"] = each.get("extension")
    return found


def _time(text: object) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
