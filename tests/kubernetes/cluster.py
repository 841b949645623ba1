"""What tests do with the API server of a cluster: plain HTTPS, so that its own words are seen."""

from __future__ import annotations

import functools
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

Document = dict[str, Any]
_OWNER = "tests"


@dataclass(frozen=True)
class Response:
    """What the API server responded: the status of HTTP, and an object or its refusal."""

    status: int
    body: Document

    @property
    def taken(self) -> bool:
        return self.status in (200, 201)

    @property
    def message(self) -> str:
        """Why it was refused, "" if it was not."""
        return "" if self.taken else str(self.body.get("message", self.body))


@dataclass(frozen=True)
class Cluster:
    """A cluster whose files are in `folder`, and the token of somebody who may do everything there."""

    folder: Path
    url: str
    token: str = field(repr=False)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def certificate(self) -> Path:
        """Made by the API server for itself."""
        return self.folder / "apiserver.crt"

    def write_kubeconfig(self) -> None:
        """Write what kubectl and the controllers connect with."""
        named = {"cluster": "tests", "user": "tests"}
        server = {"server": self.url, "certificate-authority": str(self.certificate)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": server}],
            "users": [{"name": "tests", "user": {"token": self.token}}],
            "contexts": [{"name": "tests", "context": named}],
            "current-context": "tests",
        }
        self.kubeconfig.write_text(json.dumps(config))
        self.kubeconfig.chmod(0o600)

    def request(
        self, method: str, path: str, body: object = None, content: str = "application/json", **query: str
    ) -> Response:
        """Return the response to a request; `content` is the type of the body, which is sent as JSON."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content}
        data = None if body is None else json.dumps(body)
        found = _client(self.certificate).request(method, self.url + path, content=data, headers=headers, params=query)
        is_json = found.headers.get("Content-Type", "").startswith("application/json")
        return Response(found.status_code, found.json() if is_json else {"message": found.text})

    def get(self, path: str) -> Document:
        """Return an object or a list that is there."""
        found = self.request("GET", path)
        assert found.taken, f"{path}: {found.message}"
        return found.body

    def apply(self, document: Document, *, dry_run: bool = False) -> Response:
        """Apply a document on the server's side, as `kubectl apply --server-side` does."""
        name = document["metadata"]["name"]
        query = {"fieldManager": _OWNER, **({"dryRun": "All"} if dry_run else {})}
        # JSON is YAML.
        return self.request("PATCH", f"{self.path(document)}/{name}", document, "application/apply-patch+yaml", **query)

    def path(self, document: Mapping[str, Any]) -> str:
        """Return the path of the objects that a document is one of, by what the server says that it serves."""
        version, kind = document["apiVersion"], document["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resources = self.get(root)["resources"]
        (found,) = [each for each in resources if each["kind"] == kind and "/" not in each["name"]]
        namespace = document["metadata"].get("namespace", "default")
        return f"{root}/namespaces/{namespace}/{found['name']}" if found["namespaced"] else f"{root}/{found['name']}"

    def find(self, document: Document) -> Document:
        """Return the object that was made of a document."""
        return self.get(f"{self.path(document)}/{document['metadata']['name']}")

    def until(self, path: str, is_so: Callable[[Document], bool], seconds: float = 60) -> Document:
        """Return the object once it is as it should be; fails after `seconds`, with what it is."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.request("GET", path)
            if found.taken and is_so(found.body):
                return found.body
            assert time.monotonic() < deadline, f"{path}: {json.dumps(found.body)[-3000:]}"
            time.sleep(0.1)

    def make_namespace(self, name: str) -> str:
        """Make a namespace in which pods can be made: with the service account that they get."""
        done = self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        assert done.taken, done.message
        self.until(f"/api/v1/namespaces/{name}/serviceaccounts/default", lambda found: "secrets" in found)
        return name


@functools.cache
def _client(certificate: Path) -> httpx.Client:
    return httpx.Client(verify=ssl.create_default_context(cafile=str(certificate)), timeout=60, trust_env=False)
