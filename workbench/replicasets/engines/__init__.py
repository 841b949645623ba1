"""What runs the containers: one protocol, podman over its REST socket."""
