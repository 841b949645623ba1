"""Keys that sign and check: ECDSA on the curve P-256, as cosign makes them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from workbench.attest.signing.sealed import KINDS, seal, unseal
from workbench.commands import here
from workbench.errors import WorkbenchError

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that checks signatures, and the name that its user gave it."""

    name: str
    key: ec.EllipticCurvePublicKey

    @property
    def fingerprint(self) -> str:
        """The digest of the key (`sha256:…`): what `openssl pkey -pubin -outform DER | sha256sum` prints."""
        encoded = self.key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"sha256:{hashlib.sha256(encoded).hexdigest()}"

    def made(self, signature: bytes, data: bytes) -> bool:
        """Return whether this key made the signature (DER) of `data`."""
        try:
            self.key.verify(signature, data, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    def pem(self) -> str:
        """Return it as PEM."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs. It has no representation that could be printed."""

    public: PublicKey
    _key: ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return f"PrivateKey({self.public.name})"

    def sign(self, data: bytes) -> bytes:
        """Return its signature (DER) of `data`."""
        return self._key.sign(data, ec.ECDSA(SHA256()))

    def encrypted(self, password: bytes) -> str:
        """Return it as cosign keeps it, encrypted with the password."""
        encoded = self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return seal(encoded, password)


def new_key(name: str) -> PrivateKey:
    """Return a key that nobody had before."""
    key = ec.generate_private_key(ec.SECP256R1())
    return PrivateKey(PublicKey(name, key.public_key()), key)


def load_private_key(text: str, name: str, password: Callable[[], bytes]) -> PrivateKey:
    """Return the private key of the PEM `text`: as cosign encrypts it, PKCS #8 (encrypted or not), or SEC 1.

    `password` is called for a key that is encrypted. Raises WorkbenchError, with `name` for its place, for another
    password, another kind of key, and what is no key.
    """
    kind = _kind(text)
    if kind in KINDS:
        return _private(unseal(text, password(), name), None, name)
    if kind == "ENCRYPTED PRIVATE KEY" or "Proc-Type: 4,ENCRYPTED" in text:
        return _private(text.encode(), password(), name)
    if kind in ("PRIVATE KEY", "EC PRIVATE KEY", "EC PARAMETERS"):
        return _private(text.encode(), None, name)
    if "PUBLIC KEY" in kind:
        raise WorkbenchError("is a public key, which signs nothing", where=name, hint="name the private key of it")
    raise WorkbenchError(
        f"holds {f'a {kind.lower()}' if kind else 'no PEM'}, and a private key of cosign or of ECDSA P-256 is needed",
        where=name,
        hint=f"`{here('keys new')}` makes a pair",
    )


def _private(data: bytes, password: bytes | None, name: str) -> PrivateKey:
    try:
        if data.lstrip().startswith(b"-----"):
            key = serialization.load_pem_private_key(data, password)
        else:
            key = serialization.load_der_private_key(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        what = "the password is wrong, or the key is damaged" if password is not None else "is a damaged key"
        raise WorkbenchError(what, where=name) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise WorkbenchError("is a key of another kind than ECDSA P-256", where=name)
    return PrivateKey(PublicKey(name, key.public_key()), key)


def load_public_key(text: str, name: str) -> PublicKey:
    """Return the public key of the PEM `text`.

    Raises WorkbenchError, with `name` for its place, for another kind of key and for what is none.
    """
    kind = _kind(text)
    if "PRIVATE KEY" in kind:
        raise WorkbenchError(
            "is a private key, and signatures are checked with its public one",
            where=name,
            hint=f"`{here(f'keys public {name}')}` prints it",
        )
    try:
        key = serialization.load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise WorkbenchError("is no public key in PEM", where=name) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise WorkbenchError("is a key of another kind than ECDSA P-256", where=name)
    return PublicKey(name, key)


def _kind(text: str) -> str:
    """Return what the first PEM block of the text is called, "" where there is none."""
    found = _BEGIN.search(text)
    return found[1] if found else ""
