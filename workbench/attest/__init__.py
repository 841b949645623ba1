"""What an image says about itself: the packages in it (an SBOM) and how it came to be (provenance)."""
