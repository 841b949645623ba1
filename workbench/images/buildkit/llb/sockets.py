"""Connections to an address: opening one, probing its protocol, having a Docker Engine hand it to its BuildKit."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl

from workbench.images.buildkit.llb.address import Address
from workbench.images.buildkit.llb.failures import (
    BuildKitError,
    NoSocketError,
    NotBuildKitError,
    NotPermittedError,
    UntrustedError,
    UpgradeRefusedError,
)
from workbench.images.buildkit.llb.relay import RelayConnection
from workbench.images.buildkit.llb.tls import TlsConnection

_SECONDS = 10.0
# ssh and kubectl log in first.
_RELAY_SECONDS = 60.0
_LONGEST_HEAD = 65536
_REQUEST = b"POST /grpc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
# How a client begins in HTTP/2: its greeting and no settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


Connection = socket.socket | TlsConnection | RelayConnection


def open_connection(address: Address) -> Connection:
    """Return a connection to `address`, encrypted where it has certificates.

    Raises a BuildKitError that says why there is none.
    """
    if address.relay:
        relayed = RelayConnection(address.relay, str(address))
        relayed.settimeout(_RELAY_SECONDS)
        return relayed
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


def is_engine(connection: Connection, address: Address) -> bool:
    """Return whether a Docker Engine answers; False for a BuildKit, which sends its HTTP/2 settings unprompted.

    Raises NotBuildKitError or UpgradeRefusedError for anything else. The connection is spent.
    """
    only_http2 = isinstance(connection, TlsConnection) and connection.protocol == "h2"
    try:
        # Who is gone already may have written before: that is what explains it.
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(_PREFACE if only_http2 else _REQUEST)
        received = connection.recv(9)
    except ssl.SSLError as error:
        # Since TLS 1.3 a client learns only now that its certificate, or the lack of one, was refused.
        raise _untrusted(error, address) from None
    except OSError:
        received = b""
    if not received and isinstance(connection, RelayConnection):
        raise connection.refused()
    # A frame of HTTP/2: three bytes of length, its type (4: settings), its flags, the stream 0.
    if len(received) == 9 and received[3] == 4 and received[5:] == bytes(4):
        return False
    if not received.startswith(b"HTTP/1."):
        if not address.certificates and _speaks_tls(address):
            raise _wants_tls(address)
        if not received and address.certificates:
            raise UntrustedError(
                f"{address} broke off after the TLS handshake",
                hint="it may demand a client certificate: cert.pem and key.pem, signed by an authority it trusts",
            )
        if not received:
            raise NotBuildKitError(f"what listens at {address} does not answer", hint=_hint(address))
        raise NotBuildKitError(f"what listens at {address} is no BuildKit and no Docker Engine", hint=_hint(address))
    _head(connection, received, address)
    return True


def upgraded_connection(address: Address) -> tuple[Connection, bytes]:
    """Return a connection that the Docker Engine at `address` handed over, and what arrived on it already."""
    connection = open_connection(address)
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


def _head(connection: Connection, received: bytes, address: Address) -> bytes:
    """Read the head of a response that must be 101; return what came after it."""
    while b"\r\n\r\n" not in received and len(received) < _LONGEST_HEAD:
        more = connection.recv(4096)
        if not more:
            break
        received += more
    head, _, rest = received.partition(b"\r\n\r\n")
    line = head.split(b"\r\n")[0].decode(errors="replace")
    status = line.split(" ")[1] if line.startswith("HTTP/1.") and " " in line else ""
    # A Docker Engine (Go's net/http) says it in a response without TLS.
    if status == "400" and not address.certificates and b"HTTPS server" in received:
        raise _wants_tls(address)
    if status == "101":
        return rest
    if not status:
        raise NotBuildKitError(f"what listens at {address} is no BuildKit and no Docker Engine", hint=_hint(address))
    detail = " ".join(rest.decode(errors="replace").split())[:200]
    raise UpgradeRefusedError(
        f"{address} answered {line!r} to the request for its BuildKit" + (f": {detail}" if detail else ""),
        hint="podman's socket and old Docker Engines have none: --backend podman needs none",
        detail=detail,
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
        return NoSocketError(f"nothing listens at {address}", hint=_hint(address))
    if error.errno in (errno.EPROTOTYPE, errno.ENOTSOCK):
        return NotBuildKitError(f"{address.path} is no socket of a BuildKit", hint=_hint(address))
    return NoSocketError(f"{address} cannot be reached: {error.strerror or error}", hint=_hint(address))


def _encrypted(connection: socket.socket, address: Address) -> TlsConnection:
    try:
        return TlsConnection(connection, address)
    except OSError as error:
        connection.close()
        raise _untrusted(error, address) from None


def _speaks_tls(address: Address) -> bool:
    """Return whether TLS is spoken where nobody answered without it. Nothing is sent, nobody is trusted."""
    if not address.host:
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        plain = socket.create_connection((address.host, address.port), timeout=_SECONDS)
        with plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as error:
        # It wants a certificate of the client, or another version of TLS.
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


def _wants_tls(address: Address) -> UntrustedError:
    return UntrustedError(
        f"{address} speaks TLS",
        hint="give --buildkit-certs DIR, a folder with ca.pem, and with cert.pem and key.pem where a client needs them",
    )


def _untrusted(error: OSError, address: Address) -> UntrustedError:
    reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error.strerror or str(error)
    return UntrustedError(
        f"TLS with {address} failed: {reason}",
        hint="are ca.pem, cert.pem and key.pem those of this daemon?",
    )


def _hint(address: Address) -> str:
    return (
        "is dockerd or buildkitd running there?" if address.is_local else "is buildkitd running there, and reachable?"
    )
