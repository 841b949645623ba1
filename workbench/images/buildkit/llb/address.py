"""The address of a BuildKit: a socket, a host and port with certificates or without, or what a program reaches."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from workbench.errors import UsageError, WorkbenchError
from workbench.images.buildkit.llb import relay

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_HINT = (
    "write unix:///run/buildkit/buildkitd.sock, unix:///var/run/docker.sock, tcp://HOST:PORT, ssh://HOST, "
    "docker-container://NAME, podman-container://NAME or kube-pod://NAME"
)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files for TLS: the authority of the daemon's certificate, and the client's certificate and key ("" for none)."""

    ca: str
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A unix socket (`path`), a host and its port, or the `relay` that reaches it: a program and its arguments.

    `certificates` when TLS is spoken there; `text` is what the address of a relay was written as.
    """

    path: str = ""
    host: str = ""
    port: int = 0
    certificates: Certificates | None = None
    relay: tuple[str, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        if self.relay:
            return self.text
        if self.path:
            return f"unix://{self.path}"
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, so that nobody can listen in."""
        return bool(self.path) or self.host in ("localhost", "::1") or self.host.startswith("127.")


def parse(text: str, certificates: str = "") -> Address:
    """Return the address that `text` writes; with a folder of `certificates`, TLS is spoken there.

    The folder has ca.pem and, where the daemon demands a client certificate, cert.pem and key.pem, as
    Docker's clients lay it out. Raises UsageError for what is no address, WorkbenchError for a
    folder without certificates.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{text!r} is no address of a BuildKit: {error}", hint=_HINT) from None
    if parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/") and "\0" not in text:
        if certificates:
            raise UsageError(f"{text} is a unix socket, which has no use for certificates")
        return Address(path=text.removeprefix("unix://"))
    bare = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username or parts.password)
    host = parts.hostname or ""
    if parts.scheme in relay.schemes():
        if certificates:
            raise UsageError(f"{text} is reached by a program, which has no use for certificates")
        return Address(relay=relay.command(text), text=text)
    if parts.scheme == "tcp" and bare and port and _HOST.fullmatch(host):
        return Address(host=host, port=port, certificates=_read(certificates) if certificates else None)
    raise UsageError(f"{text!r} is no address of a BuildKit", hint=_HINT)


def _read(folder: str) -> Certificates:
    files = {name: os.path.join(folder, name) for name in ("ca.pem", "cert.pem", "key.pem")}
    existing = {name for name, path in files.items() if os.path.isfile(path)}
    if "ca.pem" not in existing:
        raise WorkbenchError("there is no ca.pem for TLS", where=folder, hint="cert.pem and key.pem may lie beside it")
    if len(existing) == 2:
        (lone,) = existing - {"ca.pem"}
        raise WorkbenchError(f"{lone} is of no use alone: cert.pem and key.pem go together", where=folder)
    own = (files["cert.pem"], files["key.pem"]) if len(existing) == 3 else ("", "")
    return Certificates(files["ca.pem"], *own)
