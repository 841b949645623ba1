"""The requests that a daemon makes to a session, made by hand."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc

from workbench.images.buildkit.llb.pb import fsutil_pb2 as fsutil
from workbench.images.buildkit.llb.pb import session_pb2 as session
from workbench.images.buildkit.llb.session import files, services

Packet = fsutil.Packet
FOLDER, LINK = 1 << 31, 1 << 27


@dataclass
class Fetched:
    """A folder that was sent: the description of every entry, in order, and the files that were requested."""

    stats: list[fsutil.Stat] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.stats]


def fetch(channel: grpc.Channel, name: str, have: frozenset[str] = frozenset(), **more: list[str]) -> Fetched:
    """Take a folder as a daemon that has some files already; `more` is metadata, with _ for -."""
    packets: queue.SimpleQueue[fsutil.Packet | None] = queue.SimpleQueue()

    def requests() -> Iterator[fsutil.Packet]:
        while (packet := packets.get()) is not None:
            yield packet

    metadata = [("dir-name", name)]
    metadata += [(key.replace("_", "-"), value) for key, values in more.items() for value in values]
    call = channel.stream_stream(
        files.COPY_FOLDER, request_serializer=Packet.SerializeToString, response_deserializer=Packet.FromString
    )
    got, waiting, listed = Fetched(), 0, False
    for packet in call(requests(), metadata=tuple(metadata)):
        if packet.type == Packet.PACKET_FIN:
            packets.put(None)
        elif packet.type == Packet.PACKET_STAT and packet.HasField("stat"):
            number = len(got.stats)
            got.stats.append(packet.stat)
            # A file is requested while the list is still coming.
            if not packet.stat.mode & (FOLDER | LINK) and packet.stat.path not in have:
                got.data[packet.stat.path] = b""
                waiting += 1
                packets.put(Packet(type=Packet.PACKET_REQ, ID=number))
        elif packet.type == Packet.PACKET_STAT:
            listed = True
        elif packet.data:
            got.data[got.stats[packet.ID].path] += packet.data
        else:
            waiting -= 1
        if packet.type != Packet.PACKET_FIN and listed and not waiting:
            packets.put(Packet(type=Packet.PACKET_FIN))
    return got


def secret(channel: grpc.Channel, name: str) -> bytes:
    call = channel.unary_unary(
        services.GET_SECRET,
        request_serializer=session.GetSecretRequest.SerializeToString,
        response_deserializer=session.GetSecretResponse.FromString,
    )
    return bytes(call(session.GetSecretRequest(ID=name)).data)


def login(channel: grpc.Channel, host: str) -> tuple[str, str]:
    call = channel.unary_unary(
        services.CREDENTIALS,
        request_serializer=session.CredentialsRequest.SerializeToString,
        response_deserializer=session.CredentialsResponse.FromString,
    )
    response = call(session.CredentialsRequest(Host=host))
    return response.Username, response.Secret
