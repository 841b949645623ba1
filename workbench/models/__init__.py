"""Models: from a cog.yaml to an image that answers predictions."""
