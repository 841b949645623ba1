"""The media types of the records, as registries and their readers know them."""

from workbench.compose.recipe import PROVENANCE, SBOM

IN_TOTO = "application/vnd.in-toto+json"
KINDS = {SBOM: "application/vnd.cyclonedx+json", PROVENANCE: IN_TOTO}
