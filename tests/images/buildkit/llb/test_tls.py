from __future__ import annotations

import hashlib
import os
import socket
import ssl
import threading
from pathlib import Path

import trustme

from workbench.images.buildkit.llb.address import Address, Certificates
from workbench.images.buildkit.llb.tls import TlsConnection


def test_one_thread_reads_while_another_writes(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ours, theirs = socket.socketpair()
    data = os.urandom(8_000_000)

    def echo() -> None:
        # It reads no more than it could write: who only writes to it would wait forever.
        with context.wrap_socket(theirs, server_side=True) as end:
            while piece := end.recv(65536):
                end.sendall(piece)

    echoing = threading.Thread(target=echo)
    echoing.start()
    connection = TlsConnection(
        ours, Address(host="127.0.0.1", port=1, certificates=Certificates(str(tmp_path / "ca.pem")))
    )
    assert connection.protocol == ""
    writing = threading.Thread(target=connection.sendall, args=(data,))
    writing.start()
    got = hashlib.sha256()
    left = len(data)
    while left:
        piece = connection.recv(65536)
        assert piece
        got.update(piece)
        left -= len(piece)
    writing.join()
    connection.shutdown(socket.SHUT_RDWR)
    echoing.join()
    connection.close()
    assert got.digest() == hashlib.sha256(data).digest()
