"""Registries over HTTP (OCI distribution specification 1.1), for what podman does not do. Imports httpx."""
