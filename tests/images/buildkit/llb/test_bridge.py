from __future__ import annotations

import os
import socket
import threading

import pytest

from workbench.images.buildkit.llb.bridge import Bridge
from workbench.images.buildkit.llb.failures import NoSocketError

pytestmark = pytest.mark.usefixtures("no_threads")


def dialled(bridge: Bridge) -> socket.socket:
    near = socket.socket(socket.AF_UNIX)
    near.settimeout(30)
    near.connect(bridge.path)
    return near


def test_bytes_go_both_ways_and_what_was_read_too_much_comes_first() -> None:
    far, other = socket.socketpair()
    bridge = Bridge(lambda: (far, b"first "))
    with dialled(bridge) as near, other:
        other.settimeout(30)
        near.sendall(b"question")
        assert other.recv(100) == b"question"
        other.sendall(b"answer")
        received = near.recv(100)
        while len(received) < 12:
            received += near.recv(100)
        assert received == b"first answer"
        bridge.close()
        assert near.recv(100) == other.recv(100) == b""
    assert not os.path.exists(bridge.path)
    assert far.fileno() == -1


@pytest.mark.parametrize("near_ends", [True, False])
def test_the_end_of_one_is_the_end_of_the_other(near_ends: bool) -> None:
    far, other = socket.socketpair()
    bridge = Bridge(lambda: (far, b""))
    with dialled(bridge) as near, other:
        other.settimeout(30)
        near.sendall(b"x")
        assert other.recv(1) == b"x"
        (near if near_ends else other).shutdown(socket.SHUT_RDWR)
        assert (other if near_ends else near).recv(1) == b""
    bridge.close()


def test_a_large_amount_in_both_directions_at_once() -> None:
    far, other = socket.socketpair()
    bridge = Bridge(lambda: (far, b""))
    size = 20_000_000
    got: dict[str, int] = {}

    def take(name: str, end: socket.socket) -> None:
        got[name] = 0
        while got[name] < size:
            got[name] += len(end.recv(65536))

    with dialled(bridge) as near, other:
        other.settimeout(30)
        threads = [threading.Thread(target=take, args=args) for args in (("near", near), ("far", other))]
        threads += [threading.Thread(target=end.sendall, args=(bytes(size),)) for end in (near, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    bridge.close()
    assert got == {"near": size, "far": size}


def test_what_cannot_be_dialled_just_ends() -> None:
    def dial() -> tuple[socket.socket, bytes]:
        raise NoSocketError("gone")

    bridge = Bridge(dial)
    with dialled(bridge) as near:
        assert near.recv(1) == b""
    bridge.close()
