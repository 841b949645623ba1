"""Where a cluster's API server is, and how it is spoken to: from a kubeconfig, or as a Pod of the cluster."""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from workbench.replicasets.engines.kubernetes.credentials import ProgramCredentials, load_certificate
from workbench.replicasets.errors import Invalid

# What a Pod is given (Kubernetes: "Accessing the Kubernetes API from a Pod").
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_OTHER_WAYS = ("auth-provider", "username")


@dataclass(frozen=True)
class Access:
    """An API server, a namespace, and what is shown there to be let in.

    `token_file` is read for each request; `credentials` are a program's.
    """

    url: str
    namespace: str
    context: ssl.SSLContext = field(repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    credentials: ProgramCredentials | None = field(default=None, repr=False)

    def headers(self) -> dict[str, str]:
        """Return the headers of a request; the token of a Pod is another one every hour."""
        token = self.token if self.credentials is None else self.credentials.token()
        if self.token_file:
            try:
                token = Path(self.token_file).read_text().strip()
            except OSError as error:
                raise Invalid(f"the token cannot be read: {error.strerror}", where=self.token_file) from None
        return {"Authorization": f"Bearer {token}"} if token else {}

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Note that the server does not let in whoever shows `headers`; return whether others may do."""
        if self.credentials is None:
            return False
        self.credentials.forget(headers.get("Authorization", "").removeprefix("Bearer "))
        return True


def find_access(kubeconfig: str, namespace: str) -> Access:
    """Return the access that `kubeconfig` describes, "" for that of this Pod, then of KUBECONFIG or ~/.kube/config.

    `namespace` "": the one that it names. Raises Invalid when there is none, or one that is not understood.
    """
    if not kubeconfig and (host := os.environ.get("KUBERNETES_SERVICE_HOST")) and _ACCOUNT.is_dir():
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        own = namespace or (_ACCOUNT / "namespace").read_text().strip()
        shown = f"[{host}]" if ":" in host else host
        context = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
        return Access(f"https://{shown}:{port}", own, context, token_file=str(_ACCOUNT / "token"))
    path = kubeconfig or os.environ.get("KUBECONFIG", "") or os.path.expanduser("~/.kube/config")
    try:
        return _from_kubeconfig(Path(path), namespace)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Invalid(f"the kubeconfig cannot be read: {reason}", where=path, hint="--kubeconfig FILE") from None
    except (yaml.YAMLError, KeyError, TypeError, ValueError, StopIteration) as error:
        raise Invalid(f"this is not a kubeconfig that can be used: {error!r}", where=path) from None


def _from_kubeconfig(path: Path, namespace: str) -> Access:
    config = yaml.safe_load(path.read_text())
    chosen = _named(config["contexts"], config["current-context"], "context")
    cluster = _named(config["clusters"], chosen["cluster"], "cluster")
    user = _named(config["users"], chosen["user"], "user")
    if other := [way for way in _OTHER_WAYS if way in user]:
        raise Invalid(
            f"its user is let in by {other[0]}, which this program does not do",
            where=str(path),
            hint="write the token of a service account into it: `kubectl create token NAME`",
        )
    url = str(cluster["server"]).rstrip("/")
    if not url.startswith("https://"):
        raise Invalid(f"{url} is no https address: tokens could be read on the way", where=str(path))
    context = _context(path, cluster, user)
    token_file = _beside(path, user["tokenFile"]) if "tokenFile" in user else ""
    credentials = ProgramCredentials(path, user["exec"], cluster, context) if "exec" in user else None
    own = namespace or chosen.get("namespace") or "default"
    return Access(url, own, context, user.get("token", ""), token_file, credentials)


def _context(path: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    """Return how the server is known, and how we are, where that is by a certificate."""
    context = ssl.create_default_context()
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif authority := _content(path, cluster, "certificate-authority"):
        context = ssl.create_default_context(cadata=authority)
    certificate, key = _content(path, user, "client-certificate"), _content(path, user, "client-key")
    if certificate and key:
        load_certificate(context, certificate, key)
    return context


def _content(path: Path, value: Mapping[str, Any], key: str) -> str:
    if data := value.get(f"{key}-data"):
        return base64.b64decode(data).decode()
    return Path(_beside(path, value[key])).read_text() if value.get(key) else ""


def _beside(path: Path, name: str) -> str:
    """Return the path of a file that a kubeconfig names: relative ones are from where it lies."""
    return str(path.parent / name)


def _named(entries: Any, name: str, kind: str) -> Mapping[str, Any]:  # noqa: ANN401  whatever stands there
    found: Mapping[str, Any] = next(each for each in entries if each["name"] == name)[kind] or {}
    return found
