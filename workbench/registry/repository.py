"""A repository of a registry: its manifests and blobs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import httpx

from workbench import podman
from workbench.errors import WorkbenchError
from workbench.registry.login import answer_to, basic

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_KINDS = (
    OCI_MANIFEST,
    OCI_INDEX,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_SECONDS = 60.0
# Docker Hub's API does not answer at the name that its images have.
_HOSTS = {"docker.io": "registry-1.docker.io"}


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
    """A repository such as quay.io/team/images, asked over HTTP. A context manager.

    Logins are podman's. HTTP without TLS is spoken only where podman's registries.conf says so.
    Every method raises WorkbenchError when the registry does not answer or refuses.
    """

    def __init__(self, repository: str) -> None:
        self.host, _, self.name = repository.partition("/")
        self._client = httpx.Client(timeout=_SECONDS, follow_redirects=True)
        scheme = "http" if is_insecure(self.host) else "https"
        self._root = f"{scheme}://{_HOSTS.get(self.host, self.host)}"
        self._authorization = ""

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def manifest(self, reference: str) -> Manifest | None:
        """Return the manifest of a tag or digest, None when there is none.

        Raises WorkbenchError when its bytes have another digest than the registry says.
        """
        answer = self._ask("GET", f"manifests/{reference}", headers={"Accept": ", ".join(_KINDS)})
        if answer.status_code == 404:
            return None
        self._check(answer, 200)
        digest = digest_of(answer.content)
        told = reference if reference.startswith("sha256:") else answer.headers.get("Docker-Content-Digest", digest)
        if told != digest:
            raise WorkbenchError(
                f"{self.host}/{self.name}: the registry says that {reference} is {told}, and its bytes are {digest}",
                hint="do not use that image: its registry, or somebody between, changed it; push it again",
            )
        return Manifest(answer.content, answer.headers.get("Content-Type", OCI_MANIFEST), digest)

    def put_manifest(self, reference: str, data: bytes, kind: str) -> httpx.Headers:
        """Put a manifest under a tag or its digest, and return the headers of the answer."""
        answer = self._ask("PUT", f"manifests/{reference}", content=data, headers={"Content-Type": kind})
        self._check(answer, 201)
        return answer.headers

    def put_blob(self, data: bytes, kind: str) -> dict[str, Any]:
        """Put a blob there, unless it is there, and return its descriptor."""
        digest = digest_of(data)
        if self._ask("HEAD", f"blobs/{digest}").status_code != 200:
            begun = self._ask("POST", "blobs/uploads/")
            self._check(begun, 202)
            to = httpx.URL(f"{self._root}/").join(begun.headers["Location"]).copy_merge_params({"digest": digest})
            self._check(self._ask("PUT", str(to), content=data), 201)
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def _ask(
        self, method: str, path: str, *, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        url = path if "://" in path else f"{self._root}/v2/{self.name}/{path}"
        # A login is never carried to another host than the registry's own.
        own = url.startswith(f"{self._root}/")
        try:
            for again in (True, False):
                sent = dict(headers or {})
                if self._authorization and own:
                    sent["Authorization"] = self._authorization
                answer = self._client.request(method, url, content=content, headers=sent)
                if answer.status_code != 401 or not again or not own:
                    return answer
                challenge = answer.headers.get("WWW-Authenticate", "")
                self._authorization = answer_to(challenge, basic(self.host, self.name), self._client)
            return answer
        except httpx.HTTPError as error:
            raise WorkbenchError(
                f"the registry {self.host} does not answer: {error}",
                hint="run it again when it does: what has arrived stays there",
            ) from None

    def _check(self, answer: httpx.Response, wanted: int) -> None:
        if answer.status_code == wanted:
            return
        what = f"{answer.request.method} {answer.request.url.path}"
        if answer.status_code in (401, 403):
            raise WorkbenchError(f"the registry {self.host} refuses {what}", hint=f"`podman login {self.host}` first")
        raise WorkbenchError(f"the registry {self.host} answers {answer.status_code} to {what}: {_reason(answer)}")


def digest_of(data: bytes) -> str:
    """Return the digest of bytes as registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def is_insecure(host: str) -> bool:
    """Return whether podman's registries.conf lets this registry do without TLS."""
    said = podman.output("list its registries", "info", "--format", "{{json .Registries}}")
    entry = (json.loads(said) or {}).get(host)
    return isinstance(entry, dict) and bool(entry.get("Insecure"))


def _reason(answer: httpx.Response) -> str:
    try:
        return "; ".join(f"{error['code']}: {error['message']}" for error in answer.json()["errors"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
