"""Attaching an image's records to it in a registry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.attest.provenance import about
from workbench.compose.recipe import PROVENANCE, SBOM
from workbench.errors import WorkbenchError
from workbench.registry.referrers import attach
from workbench.registry.repository import Manifest, Repository

if TYPE_CHECKING:
    from workbench.attest.signing.keys import PrivateKey

IN_TOTO = "application/vnd.in-toto+json"
# The media types of the records, as registries and their readers know them.
KINDS = {SBOM: "application/vnd.cyclonedx+json", PROVENANCE: IN_TOTO}


def attach_records(
    remote: Repository, tag: str, subject: Manifest, folder: str, identity: str, key: PrivateKey | None = None
) -> Iterator[tuple[str, str, str]]:
    """Attach the records in the recipe's `folder` to the image `subject`, which has the id `identity`.

    Yields each record's name, the digest that it got, and "", or the reason why the registry
    refused it: an image without its records is still an image. Records of another image are not attached. With a `key`
    those that are get signed; raises WorkbenchError when that fails, for an image without signatures is refused.
    """
    for record, kind in KINDS.items():
        try:
            with open(os.path.join(folder, record), encoding="utf-8") as file:
                text = file.read()
        except OSError:
            continue
        if identity.removeprefix("sha256:") not in text:
            continue
        if record == PROVENANCE:
            text = about(text, f"{remote.host}/{remote.name}:{tag}", subject.digest)
        try:
            digest = attach(remote, subject, kind, record, text.encode())
        except WorkbenchError as error:
            yield record, "", error.message
            continue
        if key is not None:
            _sign(remote, record, digest, key)
        yield record, digest, ""


def _sign(remote: Repository, record: str, digest: str, key: PrivateKey) -> None:
    from workbench.attest.signing.sign import sign_digest

    try:
        sign_digest(remote, digest, [f"{remote.host}/{remote.name}"], key)
    except WorkbenchError as error:
        raise WorkbenchError(f"{record} is attached and not signed: {error.message}", hint=error.hint) from None


def attach_to_pushed(
    repository: str, image: str, identity: str, folder: str, key: PrivateKey | None = None
) -> list[tuple[str, str]]:
    """Attach the records in the recipe's `folder` to `image`, pushed to `repository` with the id `identity`.

    Returns each record's name with the reason why it was not attached, "" if it was. With a `key` they are signed;
    raises WorkbenchError when that fails.
    """
    tag = image.rpartition(":")[2]
    try:
        with Repository(repository) as remote:
            subject = remote.manifest(tag)
            if subject is None:
                return [("the records", f"the registry has no {tag}")]
            return [(name, reason) for name, _, reason in attach_records(remote, tag, subject, folder, identity, key)]
    except WorkbenchError as error:
        if key is not None:
            raise
        return [("the records", error.message)]
