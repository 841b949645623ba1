"""A registry on loopback that a test may stop and start again, and what it has."""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.engine import Engine, free_port, search_path, wait_for

KINDS = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
# The user `tester` with the password `secret`, as htpasswd -B writes it; and the login that podman keeps for it.
USERS = "tester:$2b$04$E7wEWNb9UWn6mO537uyQjeidg3BSIEJlk4AXuR44vBrHgWqMig7A6\n"
LOGIN = base64.b64encode(b"tester:secret").decode()


class LocalRegistry:
    """docker-registry with its blobs in `folder`, at one address for its whole life."""

    def __init__(self, engine: Engine, folder: Path, users: str = "", authority: trustme.CA | None = None) -> None:
        if shutil.which("docker-registry", path=search_path()) is None:
            pytest.skip("docker-registry not installed")
        self.folder = folder
        self._trust = ssl.create_default_context() if authority else None
        self.host = f"127.0.0.1:{free_port()}"
        self._server: subprocess.Popen[bytes] | None = None
        config = f"version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {folder}/blobs}}\n"
        tls = ""
        if authority:
            tls = f", tls: {{certificate: {folder}/tls.pem, key: {folder}/tls.key}}"
            issued = authority.issue_cert("127.0.0.1")
            issued.cert_chain_pems[0].write_to_path(folder / "tls.pem")
            issued.private_key_pem.write_to_path(folder / "tls.key")
            assert self._trust is not None
            authority.configure_trust(self._trust)
        config += f"http: {{addr: '{self.host}'{tls}}}\n"
        if users:
            (folder / "users").write_text(users)
            config += f"auth:\n  htpasswd: {{realm: test, path: {folder}/users}}\n"
        (folder / "config.yml").write_text(config)
        if authority:
            return
        trusted = Path(engine.env["CONTAINERS_REGISTRIES_CONF"])
        trusted.write_text(trusted.read_text() + f'[[registry]]\nlocation = "{self.host}"\ninsecure = true\n')

    @property
    def process(self) -> int:
        """The id of its process."""
        assert self._server is not None
        return self._server.pid

    def start(self) -> None:
        """Start it and wait until it responds."""
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                ["docker-registry", "serve", str(self.folder / "config.yml")],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PATH": search_path()},
            )
        scheme = "https" if self._trust else "http"
        wait_for(f"{scheme}://{self.host}/v2/", 20, okay=(200, 401), trust=self._trust)

    def stop(self) -> None:
        """End it as a crash would."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def tags(self, name: str) -> dict[str, str]:
        """The digest of every tag of a repository, none when the registry does not know it."""
        try:
            listed = json.loads(self._get(f"{name}/tags/list")[0])["tags"] or []
        except urllib.error.HTTPError:
            return {}
        return {tag: self._get(f"{name}/manifests/{tag}")[1] for tag in listed}

    def manifest(self, name: str, reference: str) -> dict[str, Any]:
        """A manifest or index, as JSON."""
        found = json.loads(self._get(f"{name}/manifests/{reference}")[0])
        assert isinstance(found, dict)
        return found

    def blob(self, name: str, digest: str) -> bytes:
        """A blob."""
        return self._get(f"{name}/blobs/{digest}")[0]

    def _get(self, path: str) -> tuple[bytes, str]:
        request = urllib.request.Request(f"http://{self.host}/v2/{path}", headers={"Accept": KINDS})
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.read(), response.headers.get("Docker-Content-Digest", "")
