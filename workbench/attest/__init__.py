"""What is recorded of an image: the packages in it (an SBOM) and how it came to be (provenance)."""
