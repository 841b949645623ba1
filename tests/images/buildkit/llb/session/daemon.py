"""What a daemon asks of a session, asked by hand."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc

from workbench.images.buildkit.llb.pb import fsutil_pb2 as fsutil
from workbench.images.buildkit.llb.pb import session_pb2 as session
from workbench.images.buildkit.llb.session import files, logins, secrets

Packet = fsutil.Packet
FOLDER, LINK = 1 << 31, 1 << 27


@dataclass
class Got:
    """What came of a folder: what was told of every entry, in order, and the files that were asked for."""

    stats: list[fsutil.Stat] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.stats]


def fetch(channel: grpc.Channel, name: str, have: frozenset[str] = frozenset(), **wishes: list[str]) -> Got:
    """Take a folder as a daemon that has some files already; `wishes` are metadata, with _ for -."""
    says: queue.SimpleQueue[fsutil.Packet | None] = queue.SimpleQueue()

    def asked() -> Iterator[fsutil.Packet]:
        while (packet := says.get()) is not None:
            yield packet

    metadata = [("dir-name", name)]
    metadata += [(key.replace("_", "-"), value) for key, values in wishes.items() for value in values]
    call = channel.stream_stream(
        files.PATH, request_serializer=Packet.SerializeToString, response_deserializer=Packet.FromString
    )
    got, waiting, listed = Got(), 0, False
    for packet in call(asked(), metadata=tuple(metadata)):
        if packet.type == Packet.PACKET_FIN:
            says.put(None)
        elif packet.type == Packet.PACKET_STAT and packet.HasField("stat"):
            number = len(got.stats)
            got.stats.append(packet.stat)
            # A question is asked while the list is still coming.
            if not packet.stat.mode & (FOLDER | LINK) and packet.stat.path not in have:
                got.data[packet.stat.path] = b""
                waiting += 1
                says.put(Packet(type=Packet.PACKET_REQ, ID=number))
        elif packet.type == Packet.PACKET_STAT:
            listed = True
        elif packet.data:
            got.data[got.stats[packet.ID].path] += packet.data
        else:
            waiting -= 1
        if packet.type != Packet.PACKET_FIN and listed and not waiting:
            says.put(Packet(type=Packet.PACKET_FIN))
    return got


def secret(channel: grpc.Channel, name: str) -> bytes:
    ask = channel.unary_unary(
        secrets.PATH,
        request_serializer=session.GetSecretRequest.SerializeToString,
        response_deserializer=session.GetSecretResponse.FromString,
    )
    return bytes(ask(session.GetSecretRequest(ID=name)).data)


def login(channel: grpc.Channel, host: str) -> tuple[str, str]:
    ask = channel.unary_unary(
        logins.PATH,
        request_serializer=session.CredentialsRequest.SerializeToString,
        response_deserializer=session.CredentialsResponse.FromString,
    )
    answer = ask(session.CredentialsRequest(Host=host))
    return answer.Username, answer.Secret
