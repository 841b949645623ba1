"""A private key as cosign encrypts it: by scrypt and NaCl's secretbox, as JSON in a PEM of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from workbench.errors import WorkbenchError

# The first is what cosign has written since 1.14, and what is written here; the second is what it wrote before.
KINDS = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
# What cosign 2.5 (2025-04) writes. Its readers accept these and 2**15 for the first: a key of other costs is no key
# of theirs, and one may cost all memory to open.
_COST, _BLOCK, _PARALLEL = 2**16, 8, 1
_COSTS = (2**15, 2**16, 2**17)
_MEMORY = 2**28
_SALT = 32


def seal(data: bytes, password: bytes) -> str:
    """Return the private key `data` (PKCS #8, DER) encrypted with the password, as PEM."""
    salt, nonce = os.urandom(_SALT), os.urandom(SecretBox.NONCE_SIZE)
    box = SecretBox(_derive(password, salt, _COST))
    document = {
        "kdf": {
            "name": "scrypt",
            "params": {"N": _COST, "r": _BLOCK, "p": _PARALLEL},
            "salt": base64.b64encode(salt).decode(),
        },
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(box.encrypt(data, nonce).ciphertext).decode(),
    }
    encoded = base64.b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()
    lines = [encoded[at : at + 64] for at in range(0, len(encoded), 64)]
    return "\n".join((f"-----BEGIN {KINDS[0]}-----", *lines, f"-----END {KINDS[0]}-----", ""))


def unseal(text: str, password: bytes, where: str) -> bytes:
    """Return the private key (PKCS #8, DER) of the PEM `text`, which `where` has.

    Raises WorkbenchError for another password, and for what is no such key.
    """
    try:
        encoded = text.partition("KEY-----")[2].partition("-----END")[0]
        document: dict[str, Any] = json.loads(base64.b64decode("".join(encoded.split()), validate=True))
        kdf, cipher = document["kdf"], document["cipher"]
        costs = kdf["params"]
        known = (kdf["name"], cipher["name"], costs["r"], costs["p"])
        if known != ("scrypt", "nacl/secretbox", _BLOCK, _PARALLEL) or costs["N"] not in _COSTS:
            raise ValueError
        salt, nonce, sealed = (
            base64.b64decode(value, validate=True) for value in (kdf["salt"], cipher["nonce"], document["ciphertext"])
        )
        if len(nonce) != SecretBox.NONCE_SIZE:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise WorkbenchError("is no private key that cosign encrypted, or is damaged", where=where) from None
    try:
        return SecretBox(_derive(password, salt, costs["N"])).decrypt(sealed, nonce)
    except CryptoError:
        raise WorkbenchError("the password is wrong", where=where) from None


def _derive(password: bytes, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=cost, r=_BLOCK, p=_PARALLEL, maxmem=_MEMORY, dklen=SecretBox.KEY_SIZE)
