"""Connections to an address: opened, asked what they speak, and handed over to BuildKit by a Docker Engine."""

from __future__ import annotations

import errno
import socket
import ssl

from workbench.images.buildkit.llb.address import Address
from workbench.images.buildkit.llb.encrypted import Encrypted
from workbench.images.buildkit.llb.failures import (
    BuildKitError,
    NoSocketError,
    NotBuildKitError,
    NotPermittedError,
    UntrustedError,
    UpgradeRefusedError,
)

_SECONDS = 10.0
_LONGEST_HEAD = 65536
_REQUEST = b"POST /grpc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
# How a client begins in HTTP/2: its greeting and no settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


Connection = socket.socket | Encrypted


def opened(address: Address) -> Connection:
    """Return a connection to `address`, encrypted where it has certificates.

    Raises a BuildKitError that says why there is none.
    """
    try:
        if address.path:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(_SECONDS)
                connection.connect(address.path)
            except BaseException:
                connection.close()
                raise
        else:
            connection = socket.create_connection((address.host, address.port), timeout=_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise _unreachable(error, address) from None
    return _encrypted(connection, address) if address.certificates else connection


def shaken(connection: Connection, address: Address) -> bool:
    """Return whether a Docker Engine answers; False for a BuildKit, which says its settings in HTTP/2 unasked.

    Raises NotBuildKitError or UpgradeRefusedError for anything else. The connection is spent.
    """
    only_http2 = isinstance(connection, Encrypted) and connection.protocol == "h2"
    try:
        connection.sendall(_PREFACE if only_http2 else _REQUEST)
        said = connection.recv(9)
    except ssl.SSLError as error:
        # Since TLS 1.3 a client learns only now that its certificate, or the lack of one, was refused.
        raise _untrusted(error, address) from None
    except OSError:
        said = b""
    # A frame of HTTP/2: three bytes of length, its type (4: settings), its flags, the stream 0.
    if len(said) == 9 and said[3] == 4 and said[5:] == bytes(4):
        return False
    if not said.startswith(b"HTTP/1."):
        if not said and address.certificates:
            raise UntrustedError(
                f"{address} broke off once TLS was agreed on",
                hint="it may want to know who you are: cert.pem and key.pem, signed by an authority it trusts",
            )
        if not said:
            raise NotBuildKitError(f"what listens at {address} does not answer", hint=_hint(address))
        raise NotBuildKitError(f"what listens at {address} is no BuildKit and no Docker Engine", hint=_hint(address))
    _head(connection, said, address)
    return True


def upgraded(address: Address) -> tuple[Connection, bytes]:
    """Return a connection that the Docker Engine at `address` handed over, and what came on it already."""
    connection = opened(address)
    try:
        connection.sendall(_REQUEST)
        rest = _head(connection, b"", address)
        connection.settimeout(None)
    except OSError as error:
        connection.close()
        raise NotBuildKitError(f"the Docker Engine at {address} broke off: {error}") from None
    except BaseException:
        connection.close()
        raise
    return connection, rest


def _head(connection: Connection, said: bytes, address: Address) -> bytes:
    """Read the head of an answer that must be 101; return what came behind it."""
    while b"\r\n\r\n" not in said and len(said) < _LONGEST_HEAD:
        more = connection.recv(4096)
        if not more:
            break
        said += more
    head, _, rest = said.partition(b"\r\n\r\n")
    line = head.split(b"\r\n")[0].decode(errors="replace")
    status = line.split(" ")[1] if line.startswith("HTTP/1.") and " " in line else ""
    if status == "101":
        return rest
    if not status:
        raise NotBuildKitError(f"what listens at {address} is no BuildKit and no Docker Engine", hint=_hint(address))
    told = " ".join(rest.decode(errors="replace").split())[:200]
    raise UpgradeRefusedError(
        f"{address} answered {line!r} when it was asked for its BuildKit" + (f": {told}" if told else ""),
        hint="podman's socket and old Docker Engines have none: --backend podman needs none",
        detail=told,
    )


def _unreachable(error: OSError, address: Address) -> BuildKitError:
    if isinstance(error, socket.gaierror):
        return NoSocketError(f"there is no host {address.host}: {error.strerror}", where=str(address))
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NoSocketError(f"there is no socket {address.path}", hint=_hint(address))
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotPermittedError(
            f"you have no permission to use {address.path or address}",
            hint="the group docker usually has it: ask whoever runs this machine, and log in again",
        )
    if error.errno == errno.ECONNREFUSED:
        return NoSocketError(f"nobody listens at {address}", hint=_hint(address))
    if error.errno in (errno.EPROTOTYPE, errno.ENOTSOCK):
        return NotBuildKitError(f"{address.path} is no socket of a BuildKit", hint=_hint(address))
    return NoSocketError(f"{address} cannot be reached: {error.strerror or error}", hint=_hint(address))


def _encrypted(connection: socket.socket, address: Address) -> Encrypted:
    try:
        return Encrypted(connection, address)
    except OSError as error:
        connection.close()
        raise _untrusted(error, address) from None


def _untrusted(error: OSError, address: Address) -> UntrustedError:
    reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error.strerror or str(error)
    return UntrustedError(
        f"TLS with {address} did not come about: {reason}",
        hint="are ca.pem, cert.pem and key.pem those of this daemon?",
    )


def _hint(address: Address) -> str:
    return (
        "is dockerd or buildkitd running there?" if address.is_local else "is buildkitd running there, and reachable?"
    )
