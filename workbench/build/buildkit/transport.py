"""A gRPC channel to whatever listens at an address: a BuildKit itself, or a Docker Engine that has one inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import grpc

from workbench.build.buildkit.address import Address
from workbench.build.buildkit.bridge import Bridge
from workbench.build.buildkit.failures import NotBuildKitError, UntrustedError
from workbench.build.buildkit.sockets import opened, shaken, upgraded
from workbench.errors import WorkbenchError

# What a gateway may read in one piece; a daemon takes 4 MiB (20.10) or 16 MiB.
MESSAGE_LIMIT = 64 * 2**20
_READY_SECONDS = 20.0
_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    # No proxy of the environment stands between a build and its daemon, and a channel of one build is not another's.
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


@contextmanager
def channel(address: Address) -> Iterator[tuple[grpc.Channel, bool]]:
    """Yield a channel that is connected, and whether a Docker Engine is what holds the BuildKit.

    Raises a BuildKitError that says why not. No thread, socket or file is left afterwards.
    """
    engine = _is_engine(address)
    if engine:
        with closing(Bridge(lambda: upgraded(address))) as bridge:
            options = (*_OPTIONS, ("grpc.default_authority", "localhost"))
            with _ready(grpc.insecure_channel(f"unix:{bridge.path}", options), address, bridge) as made:
                yield made, True
        return
    if address.path:
        plain = grpc.insecure_channel(f"unix:{address.path}", (*_OPTIONS, ("grpc.default_authority", "localhost")))
    elif address.certificates is None:
        plain = grpc.insecure_channel(str(address).removeprefix("tcp://"), _OPTIONS)
    else:
        plain = grpc.secure_channel(str(address).removeprefix("tcp://"), _credentials(address), _OPTIONS)
    with _ready(plain, address, None) as made:
        yield made, False


def _is_engine(address: Address) -> bool:
    """Return whether the address answers in HTTP/1.1, as a Docker Engine does; BuildKit itself speaks HTTP/2 only."""
    with closing(opened(address)) as connection:
        return shaken(connection, address)


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


@contextmanager
def _ready(made: grpc.Channel, address: Address, bridge: Bridge | None) -> Iterator[grpc.Channel]:
    with made:
        try:
            grpc.channel_ready_future(made).result(_READY_SECONDS)
        except grpc.FutureTimeoutError:
            if bridge is not None and bridge.failure is not None:
                raise bridge.failure from None
            if address.certificates is not None:
                raise UntrustedError(
                    f"TLS with {address} did not come about",
                    hint="are ca.pem, cert.pem and key.pem those of this daemon?",
                ) from None
            raise NotBuildKitError(f"what listens at {address} does not speak gRPC") from None
        yield made
