"""Images: finding the base, building with podman, checking, pushing."""
