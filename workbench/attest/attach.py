"""Attaching an image's records to it in a registry."""

from __future__ import annotations

import os
from collections.abc import Iterator

from workbench.attest.provenance import about
from workbench.compose.recipe import PROVENANCE, SBOM
from workbench.errors import WorkbenchError
from workbench.registry.referrers import attach
from workbench.registry.repository import Manifest, Repository

IN_TOTO = "application/vnd.in-toto+json"
# The media types of the records, as registries and their readers know them.
KINDS = {SBOM: "application/vnd.cyclonedx+json", PROVENANCE: IN_TOTO}


def attach_records(
    remote: Repository, tag: str, subject: Manifest, folder: str, identity: str
) -> Iterator[tuple[str, str, str]]:
    """Attach the records in the recipe's `folder` to the image `subject`, which has the id `identity`.

    Yields each record's name, the digest that it got, and "", or the reason why the registry
    refused it: an image without its records is still an image. Records of another image are not attached.
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
            yield record, attach(remote, subject, kind, record, text.encode()), ""
        except WorkbenchError as error:
            yield record, "", error.message


def attach_to_pushed(repository: str, image: str, identity: str, folder: str) -> list[tuple[str, str]]:
    """Attach the records in the recipe's `folder` to `image`, pushed to `repository` with the id `identity`.

    Returns each record's name with the reason why it was not attached, "" if it was.
    """
    tag = image.rpartition(":")[2]
    try:
        with Repository(repository) as remote:
            subject = remote.manifest(tag)
            if subject is None:
                return [("the records", f"the registry has no {tag}")]
            return [(name, reason) for name, _, reason in attach_records(remote, tag, subject, folder, identity)]
    except WorkbenchError as error:
        return [("the records", error.message)]
