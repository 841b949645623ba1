"""Signing images that a registry has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from workbench.attest.signing import payload
from workbench.attest.signing.keys import PrivateKey
from workbench.attest.signing.signatures import add_signatures, stored_signatures
from workbench.errors import WorkbenchError
from workbench.registry.repository import Manifest, Repository


def sign_image(remote: Repository, manifest: Manifest, tags: Sequence[str], key: PrivateKey) -> bool:
    """Sign the image of `manifest` under each of its tags, with the images of an index; return whether that was needed.

    A signature for each tag, because podman, CRI-O and skopeo by default take one only of the name that they pull.
    Raises WorkbenchError when the registry refuses it.
    """
    names = [f"{remote.host}/{remote.name}:{tag}" for tag in dict.fromkeys(tags)]
    # All of them: cosign checks the index, and podman the image that it takes of it.
    signed = [sign_digest(remote, digest, names, key) for digest in (manifest.digest, *members(manifest))]
    return any(signed)


def sign_digest(remote: Repository, digest: str, names: Sequence[str], key: PrivateKey) -> bool:
    """Sign the manifest of this digest as each of `names`, where this key has not yet; return whether it did.

    Raises WorkbenchError when the registry refuses it.
    """
    present = set()
    for each in stored_signatures(remote, digest):
        if not each.fault and key.public.made(each.signature, each.payload):
            with suppress(WorkbenchError):  # of something else than an image
                claim = payload.decode(each.payload)
                present.add((claim.digest, claim.reference))
    payloads = [payload.encode(digest, name) for name in names if (digest, name) not in present]
    if payloads:
        add_signatures(remote, digest, [(data, key.sign(data)) for data in payloads])
    return bool(payloads)


def members(manifest: Manifest) -> list[str]:
    """Return the digests of the manifests that an index names; none for a single image."""
    return [each["digest"] for each in json.loads(manifest.data).get("manifests") or []]


def sign_pushed(repository: str, tags: Sequence[str], identity: str, key: PrivateKey) -> None:
    """Sign the image that was pushed to `repository` under the first of its tags, and has the id `identity`.

    Raises WorkbenchError, which says that it was pushed, when it cannot be signed, and when what the registry has is
    another image.
    """
    name = f"{repository}:{tags[0]}"
    try:
        with Repository(repository) as remote:
            manifest = remote.manifest(tags[0])
            if manifest is None or identity not in _identities(remote, manifest):
                raise WorkbenchError("the registry has another image there")
            sign_image(remote, manifest, tags, key)
    except WorkbenchError as error:
        raise WorkbenchError(
            f"{name} is pushed and not signed: {error.message}",
            hint="no `latest` moved; push again: what is built stays built",
        ) from None


def _identities(remote: Repository, manifest: Manifest) -> set[str]:
    """Return the ids of the image of a manifest, or of those that an index names."""
    found = [remote.manifest(digest) for digest in members(manifest)] or [manifest]
    return {each.config for each in found if each is not None}
