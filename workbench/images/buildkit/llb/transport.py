"""A gRPC channel to whatever listens at an address: a BuildKit itself, or a Docker Engine that has one inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import grpc

from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.address import Address
from workbench.images.buildkit.llb.bridge import Bridge
from workbench.images.buildkit.llb.sockets import Connection, is_engine, open_connection, upgraded_connection

# The largest message that a gateway may read; a daemon accepts 4 MiB (20.10) or 16 MiB.
MESSAGE_LIMIT = 64 * 2**20
_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    # No proxy of the environment stands between a build and its daemon, and a channel of one build is not another's.
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
_LOCAL = (*_OPTIONS, ("grpc.default_authority", "localhost"))


@contextmanager
def channel(address: Address) -> Iterator[tuple[grpc.Channel, bool]]:
    """Yield a channel to what answers at `address`, and whether that is a Docker Engine with a BuildKit inside.

    Raises a BuildKitError that says why there is none. No thread, socket or file is left afterwards.
    """
    if _probe_engine(address):
        bridge = Bridge(lambda: upgraded_connection(address))
        with closing(bridge), grpc.insecure_channel(f"unix:{bridge.path}", _LOCAL) as grpc_channel:
            yield grpc_channel, True
        return
    if address.relay:
        bridge = Bridge(lambda: _relayed(address))
        with closing(bridge), grpc.insecure_channel(f"unix:{bridge.path}", _LOCAL) as grpc_channel:
            yield grpc_channel, False
        return
    target = str(address).removeprefix("tcp://")
    if address.path:
        unbridged = grpc.insecure_channel(f"unix:{address.path}", _LOCAL)
    elif address.certificates is None:
        unbridged = grpc.insecure_channel(target, _OPTIONS)
    else:
        unbridged = grpc.secure_channel(target, _credentials(address), _OPTIONS)
    with unbridged as grpc_channel:
        yield grpc_channel, False


def _relayed(address: Address) -> tuple[Connection, bytes]:
    connection = open_connection(address)
    connection.settimeout(None)
    return connection, b""


def _probe_engine(address: Address) -> bool:
    """Return whether the address answers in HTTP/1.1, as a Docker Engine does; BuildKit itself speaks HTTP/2 only."""
    with closing(open_connection(address)) as connection:
        return is_engine(connection, address)


def _credentials(address: Address) -> grpc.ChannelCredentials:
    assert address.certificates is not None
    files = address.certificates
    try:
        read = []
        for path in (files.ca, files.key, files.certificate):
            if path:
                with open(path, "rb") as file:
                    read.append(file.read())
            else:
                read.append(b"")
    except OSError as error:
        raise WorkbenchError(f"cannot be read: {error.strerror}", where=str(error.filename)) from None
    ca, key, certificate = read
    return grpc.ssl_channel_credentials(ca, key or None, certificate or None)
