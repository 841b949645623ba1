"""TLS on a socket that one thread reads while another writes, which Python's own may not be used for."""

from __future__ import annotations

import socket
import ssl
import threading

from workbench.images.buildkit.llb.address import Address

_CHUNK = 65536


class TlsConnection:
    """A connection with TLS. It raises OSError (ssl.SSLError is one) where a socket would, and without trust."""

    def __init__(self, connection: socket.socket, address: Address) -> None:
        assert address.certificates is not None
        files = address.certificates
        context = ssl.create_default_context(cafile=files.ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if files.certificate:
            context.load_cert_chain(files.certificate, files.key)
        self._socket = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=address.host)
        # The first is locked while bytes are sent, the second while OpenSSL works.
        self._sending, self._working = threading.Lock(), threading.Lock()
        while not self._handshake_done():
            self._more()

    @property
    def protocol(self) -> str:
        """The agreed protocol: h2, http/1.1 or "" for nothing."""
        return self._tls.selected_alpn_protocol() or ""

    def settimeout(self, seconds: float | None) -> None:
        """As for a socket."""
        self._socket.settimeout(seconds)

    def recv(self, size: int, /) -> bytes:
        """As for a socket."""
        while True:
            with self._working:
                try:
                    return self._tls.read(size)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLZeroReturnError:
                    return b""
            if not self._more():
                return b""

    def sendall(self, data: bytes, /) -> None:
        """As for a socket."""
        with self._sending:
            with self._working:
                self._tls.write(data)
                ready = self._outgoing.read()
            self._socket.sendall(ready)

    def shutdown(self, how: int, /) -> None:
        """As for a socket."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """As for a socket."""
        self._socket.close()

    def _handshake_done(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            done = False
        else:
            done = True
        self._socket.sendall(self._outgoing.read())
        return done

    def _more(self) -> bytes:
        """Read what arrived, and send what TLS itself has to respond."""
        # Where another thread is sending, that response goes out with its next bytes: a peer that sends and reads
        # no more until somebody reads what it sent must not keep us from reading.
        if self._sending.acquire(blocking=False):
            try:
                with self._working:
                    ready = self._outgoing.read()
                if ready:
                    self._socket.sendall(ready)
            finally:
                self._sending.release()
        data = self._socket.recv(_CHUNK)
        with self._working:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
        return data
