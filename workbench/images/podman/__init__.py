"""podman as a builder of images."""
