"""What runs the containers: a core that every engine has, named capabilities, and podman."""
