"""A repository of a registry: its manifests and blobs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import httpx

from workbench import podman
from workbench.errors import WorkbenchError
from workbench.registry.login import authorization, stored_login
from workbench.registry.trust import trust_of

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_KINDS = (
    OCI_MANIFEST,
    OCI_INDEX,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_SECONDS = 60.0
# How registries without that list respond to a request for it.
_NO_LIST = (400, 404, 405, 501)
# Docker Hub's API does not answer at the name that its images have.
_HOSTS = {"docker.io": "registry-1.docker.io"}


class ChangedError(WorkbenchError):
    """What a registry has under a digest are other bytes than those of the digest."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as a registry has it: its bytes, media type and digest (`sha256:…`)."""

    data: bytes
    kind: str
    digest: str

    @property
    def config(self) -> str:
        """The digest of the image's configuration, which is its id; "" for what is no single image."""
        return str(json.loads(self.data).get("config", {}).get("digest", ""))


class Repository:
    """A repository such as quay.io/team/images, over HTTP. A context manager.

    Logins and certificates are podman's. HTTP without TLS is used only where podman's registries.conf allows it.
    Every method raises WorkbenchError when the registry does not answer or refuses the request.
    """

    def __init__(self, repository: str) -> None:
        self.host, _, self.name = repository.partition("/")
        scheme = "http" if is_insecure(self.host) else "https"
        trust = trust_of(self.host) if scheme == "https" else True
        self._client = httpx.Client(timeout=_SECONDS, follow_redirects=True, verify=trust)
        self._root = f"{scheme}://{_HOSTS.get(self.host, self.host)}"
        self._authorization = ""

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def manifest(self, reference: str) -> Manifest | None:
        """Return the manifest of a tag or digest, None when there is none.

        Raises ChangedError when its bytes have another digest than the registry reports.
        """
        response = self._request("GET", f"manifests/{reference}", headers={"Accept": ", ".join(_KINDS)})
        if response.status_code == 404:
            return None
        self._check(response, 200)
        digest = digest_of(response.content)
        reported = (
            reference if reference.startswith("sha256:") else response.headers.get("Docker-Content-Digest", digest)
        )
        if reported != digest:
            raise ChangedError(
                f"{self.host}/{self.name}: the registry reports {reported} for {reference}, and its bytes are {digest}",
                hint="do not use that image: its registry, or somebody between, changed it; push it again",
            )
        return Manifest(response.content, response.headers.get("Content-Type", OCI_MANIFEST), digest)

    def referrers(self, digest: str) -> bytes | None:
        """Return the index of what is attached to the manifest of this digest, None where no list is kept (OCI 1.0)."""
        response = self._request("GET", f"referrers/{digest}", headers={"Accept": OCI_INDEX})
        if response.status_code in _NO_LIST:
            return None
        self._check(response, 200)
        return response.content

    def blob(self, digest: str) -> bytes:
        """Return a blob; raises ChangedError when the registry has other bytes of this digest."""
        response = self._request("GET", f"blobs/{digest}")
        self._check(response, 200)
        if digest_of(response.content) != digest:
            raise ChangedError(
                f"{self.host}/{self.name}: the registry has other bytes for {digest}",
                hint="do not use that image: its registry, or somebody between, changed it; push it again",
            )
        return response.content

    def put_manifest(self, reference: str, data: bytes, kind: str) -> httpx.Headers:
        """Put a manifest under a tag or its digest, and return the headers of the response."""
        response = self._request("PUT", f"manifests/{reference}", content=data, headers={"Content-Type": kind})
        self._check(response, 201)
        return response.headers

    def put_blob(self, data: bytes, kind: str) -> dict[str, Any]:
        """Upload a blob unless the registry has it, and return its descriptor."""
        digest = digest_of(data)
        if self._request("HEAD", f"blobs/{digest}").status_code != 200:
            upload = self._request("POST", "blobs/uploads/")
            self._check(upload, 202)
            url = httpx.URL(f"{self._root}/").join(upload.headers["Location"]).copy_merge_params({"digest": digest})
            self._check(self._request("PUT", str(url), content=data), 201)
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def _request(
        self, method: str, path: str, *, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        url = path if "://" in path else f"{self._root}/v2/{self.name}/{path}"
        # A login is sent to the registry's own host only: an upload may continue at a foreign one.
        own = url.startswith(f"{self._root}/")
        try:
            for retry in (True, False):
                request_headers = dict(headers or {})
                if self._authorization and own:
                    request_headers["Authorization"] = self._authorization
                response = self._client.request(method, url, content=content, headers=request_headers)
                if response.status_code != 401 or not retry or not own:
                    return response
                challenge = response.headers.get("WWW-Authenticate", "")
                self._authorization = authorization(challenge, stored_login(self.host, self.name), self._client)
            return response
        except httpx.HTTPError as error:
            raise WorkbenchError(
                f"the registry {self.host} does not answer: {error}",
                hint="run it again when it does: what has arrived stays there",
            ) from None

    def _check(self, response: httpx.Response, expected: int) -> None:
        if response.status_code == expected:
            return
        what = f"{response.request.method} {response.request.url.path}"
        if response.status_code in (401, 403):
            raise WorkbenchError(f"the registry {self.host} refuses {what}", hint=f"`podman login {self.host}` first")
        raise WorkbenchError(f"the registry {self.host} answers {response.status_code} to {what}: {_reason(response)}")


def digest_of(data: bytes) -> str:
    """Return the digest of bytes as registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def is_insecure(host: str) -> bool:
    """Return whether podman's registries.conf lets this registry do without TLS; without podman, this machine's may."""
    if not podman.is_installed():
        return host.partition(":")[0] in ("localhost", "127.0.0.1")
    output = podman.output("list its registries", "info", "--format", "{{json .Registries}}")
    entry = (json.loads(output) or {}).get(host)
    return isinstance(entry, dict) and bool(entry.get("Insecure"))


def _reason(response: httpx.Response) -> str:
    try:
        return "; ".join(f"{error['code']}: {error['message']}" for error in response.json()["errors"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase
