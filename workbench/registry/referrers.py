"""Attaching a document to an image in a registry, so that whoever has the image finds it."""

from __future__ import annotations

import json
from typing import Any

from workbench.errors import WorkbenchError
from workbench.registry.repository import OCI_INDEX, OCI_MANIFEST, Manifest, Repository, digest_of

_EMPTY = "application/vnd.oci.empty.v1+json"
TITLE = "org.opencontainers.image.title"


def attach(repository: Repository, subject: Manifest, kind: str, title: str, data: bytes) -> str:
    """Attach the document `data` of a media type to the image `subject`, and return the digest it got.

    It is an OCI artifact whose manifest names the image. A registry that keeps no list of such
    (OCI 1.0) gets the list as an index under the tag that the specification has for that, as
    every client looks existing too. The same document again changes nothing.
    """
    artifact = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": repository.put_blob(b"{}", _EMPTY),
        "layers": [{**repository.put_blob(data, kind), "annotations": {TITLE: title}}],
        "subject": {"mediaType": subject.kind, "digest": subject.digest, "size": len(subject.data)},
        "annotations": {TITLE: title},
    }
    encoded = json.dumps(artifact).encode()
    digest = digest_of(encoded)
    response = repository.put_manifest(digest, encoded, OCI_MANIFEST)
    if "OCI-Subject" not in response:
        entry = {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(encoded), "artifactType": kind}
        _list(repository, subject.digest, {**entry, "annotations": {TITLE: title}})
    return digest


def attached(repository: Repository, digest: str) -> list[dict[str, Any]]:
    """Return the descriptors of what is attached to the image of this digest, none where nothing is.

    Raises WorkbenchError when the registry does not answer, or its list cannot be read.
    """
    listed = repository.referrers(digest)
    if listed is None:
        index = repository.manifest(fallback_tag(digest))
        listed = index.data if index is not None and index.kind == OCI_INDEX else b"{}"
    try:
        found = json.loads(listed).get("manifests") or []
        if not all(isinstance(each["digest"], str) for each in found):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WorkbenchError(f"the list of what is attached to {digest} cannot be read") from None
    return list(found)


def fallback_tag(digest: str) -> str:
    """Return the tag that lists what is attached to the image of this digest, where the registry keeps no list."""
    return digest.replace(":", "-", 1)


def _list(repository: Repository, subject: str, entry: dict[str, Any]) -> None:
    """Put `entry` into the list of what is attached, in place of an earlier document of its kind and title."""
    tag = fallback_tag(subject)
    existing = repository.manifest(tag)
    if existing is not None and existing.kind != OCI_INDEX:
        raise WorkbenchError(f"the tag {tag} of {repository.host}/{repository.name} is no list of attachments")
    empty = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    index: dict[str, Any] = json.loads(existing.data) if existing else empty
    others = [
        each
        for each in index["manifests"]
        if (each.get("artifactType"), each.get("annotations")) != (entry["artifactType"], entry["annotations"])
    ]
    data = json.dumps({**index, "manifests": [*others, entry]}).encode()
    if existing is None or data != existing.data:
        repository.put_manifest(tag, data, OCI_INDEX)
