"""The signatures of an image in a registry: where cosign puts them, and how they are read."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import WorkbenchError
from workbench.registry.repository import OCI_MANIFEST, ChangedError, Repository

SIGNATURE = "dev.cosignproject.cosign/signature"
_CERTIFICATE = "dev.sigstore.cosign/certificate"
_PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
# A claim has a few hundred bytes, and a signature has seventy: somebody else's registry may send anything.
_LARGEST = 1 << 20
_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as it is stored: the signed bytes and the signature (DER), or why they cannot be used."""

    payload: bytes
    signature: bytes
    fault: str = ""


def signature_tag(digest: str) -> str:
    """Return the tag that has the signatures of the image of this digest."""
    return f"{digest.replace(':', '-', 1)}.sig"


def stored_signatures(remote: Repository, digest: str) -> list[Signature]:
    """Return the signatures of the image of this digest, none where there are none.

    Raises WorkbenchError when the registry does not answer, and when it has something else under their tag.
    """
    return [_read(remote, layer) for layer in _layers(remote, digest)]


def add_signatures(remote: Repository, digest: str, made: Sequence[tuple[bytes, bytes]]) -> None:
    """Put signatures of the image of this digest, with the bytes that each is of, beside those that it has.

    Raises WorkbenchError as `stored_signatures` does, and when the registry refuses them.
    """
    layers = list(_layers(remote, digest))
    for payload, signature in made:
        annotations = {SIGNATURE: base64.b64encode(signature).decode()}
        layers.append({**remote.put_blob(payload, _PAYLOAD), "annotations": annotations})
    # cosign's are images whose layers are the claims.
    config = {
        "architecture": "",
        "created": _NEVER,
        "history": [{"created": _NEVER} for _ in layers],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        "config": {},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": remote.put_blob(json.dumps(config).encode(), _CONFIG),
        "layers": layers,
    }
    remote.put_manifest(signature_tag(digest), json.dumps(manifest).encode(), OCI_MANIFEST)


def _layers(remote: Repository, digest: str) -> Iterator[dict[str, Any]]:
    tag = signature_tag(digest)
    manifest = remote.manifest(tag)
    if manifest is None:
        return
    try:
        layers: list[dict[str, Any]] = json.loads(manifest.data)["layers"]
        if not all(isinstance(layer["digest"], str) and isinstance(layer["size"], int) for layer in layers):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise WorkbenchError(f"{remote.host}/{remote.name}:{tag} holds something else than signatures") from None
    yield from layers


def _read(remote: Repository, layer: dict[str, Any]) -> Signature:
    """Return the signature of one layer."""
    annotations = layer.get("annotations") or {}
    if layer.get("mediaType") != _PAYLOAD:
        return Signature(b"", b"", f"is of a kind that is not known here: {layer.get('mediaType')}")
    if _CERTIFICATE in annotations:
        return Signature(b"", b"", "is by a certificate (keyless), and keys alone are checked here")
    try:
        signature = base64.b64decode(annotations[SIGNATURE], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return Signature(b"", b"", f"has no readable annotation {SIGNATURE}")
    if layer["size"] > _LARGEST:
        return Signature(b"", b"", f"is of {layer['size']} bytes, more than any claim has")
    try:
        return Signature(remote.blob(layer["digest"]), signature)
    except ChangedError as error:
        return Signature(b"", signature, f"was tampered with: {error.message}")
