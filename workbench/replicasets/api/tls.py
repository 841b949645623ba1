"""The service's certificate, checked before it is used: clients would report what is wrong with it too late."""

from __future__ import annotations

import ssl

from workbench.errors import WorkbenchError

_RENEW = "renew it, or name another by --tls-cert"
_HANDSHAKE = 8


def check_certificate(certificate: str, key: str) -> None:
    """Raise WorkbenchError when the PEM files are not a certificate that holds today, and its key."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for path in (certificate, key):
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise WorkbenchError(f"cannot be read: {error.strerror}", where=path) from None
    try:
        server.load_cert_chain(certificate, key, password=_refuse)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise WorkbenchError(f"is not the key of {certificate}", where=key) from None
        raise WorkbenchError(
            "is no certificate in PEM form, or the key is none", where=certificate, hint=f"the key is {key}"
        ) from None
    _meet(server, certificate)


def _meet(server: ssl.SSLContext, certificate: str) -> None:
    """Have a client that trusts this certificate and nothing else meet the server, in memory."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cafile=certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True))
    for _ in range(_HANDSHAKE):
        for each in ends:
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                raise WorkbenchError(error.verify_message, where=certificate, hint=_RENEW) from None
            except ssl.SSLError as error:
                raise WorkbenchError(f"cannot be served with: {error.reason}", where=certificate) from None


def _refuse() -> str:
    raise WorkbenchError("the key has a pass phrase, which the service cannot be given", hint="openssl pkey removes it")
