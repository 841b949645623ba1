"""podman as an engine, over its REST socket."""
