"""Which certificates a registry is trusted by: those that podman and docker take for it, beside the system's."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence

import httpx

from workbench.errors import WorkbenchError

# containers-certs.d(5) of podman 5.4 (2025-03), and Docker's: of these the first with a folder for the registry counts.
_FOLDERS = ("~/.config/containers/certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d")


def trust_of(host: str, folders: Sequence[str] = _FOLDERS) -> ssl.SSLContext | bool:
    """Return what to check the registry's certificate with; True for what httpx does alone.

    `host` has its port where that is not 443. What a folder has for it is added: `*.crt` to trust, and `NAME.cert` with
    `NAME.key` to show. Raises WorkbenchError when one of them cannot be read.
    """
    paths = (os.path.join(os.path.expanduser(folder), host) for folder in folders)
    folder = next((path for path in paths if os.path.isdir(path)), "")
    if not folder:
        return True
    context = httpx.create_ssl_context()
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        try:
            if name.endswith(".crt"):
                context.load_verify_locations(path)
            elif name.endswith(".cert"):
                context.load_cert_chain(path, f"{path.removesuffix('.cert')}.key")
        except (OSError, ssl.SSLError) as error:
            raise WorkbenchError(f"this certificate cannot be used: {error.strerror or error}", where=path) from None
    return context
