"""Releases: what they promise, and the images that they publish."""
