"""The images of a Docker Engine."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence

from workbench.errors import WorkbenchError
from workbench.images.buildkit.engine_api import EngineApi, refusal
from workbench.images.store import ImageInfo, own_name
from workbench.podman import Completed
from workbench.registry.login import stored_login

# The two streams of a container in the response of `logs`: a header of eight bytes before each piece.
_HEADER = 8
_ERRORS = 2


class DockerdStore:
    """The images of the Docker Engine behind `api`."""

    name = "the Docker Engine"

    def __init__(self, api: EngineApi) -> None:
        self.api = api

    def inspect(self, image: str) -> ImageInfo | None:
        """Return what the engine knows of an image, None when it has none of this name."""
        response = self.api.request("GET", f"/images/{image}/json")
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise WorkbenchError(f"the Docker Engine cannot inspect {image}: {refusal(response)}")
        data = response.json()
        digests = [name.rpartition("@")[2] for name in data.get("RepoDigests") or ()]
        return ImageInfo(
            id=data["Id"],
            digest=digests[0] if digests else "",
            size=int(data.get("Size") or 0),
            layers=tuple(data["RootFS"].get("Layers") or ()),
            config=data.get("Config") or {},
            created=data.get("Created") or "",
        )

    def keeps_layers(self, image: str) -> bool:
        """Return whether the engine has the layers of an image itself, and not containerd for it.

        Only those it finds as a cache by the image's name; for containerd's it would query a registry.
        """
        response = self.api.request("GET", f"/images/{image}/json")
        return response.status_code == 200 and bool((response.json().get("GraphDriver") or {}).get("Data"))

    def labelled(self, label: str) -> Mapping[str, str]:
        """Return the images that have a label."""
        query = {"filters": json.dumps({"label": [label]})}
        data = self.api.checked("list images", "GET", "/images/json", query=query).json()
        return {own_name(image["RepoTags"]): image["Labels"][label] for image in data if image.get("RepoTags")}

    def run(
        self, image: str, command: Sequence[str], *, user: str, environment: Mapping[str, str], seconds: float
    ) -> Completed:
        """Run `command` in a container of the image."""
        settings = {
            "Image": image,
            "Entrypoint": [command[0]],
            "Cmd": list(command[1:]),
            "User": user,
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "HostConfig": {"NetworkMode": "none"},
        }
        created = self.api.request("POST", "/containers/create", data=settings)
        if created.status_code != 201:
            return Completed(125, "", refusal(created))
        where = f"/containers/{created.json()['Id']}"
        try:
            started = self.api.request("POST", f"{where}/start")
            if started.status_code >= 400:
                return Completed(126, "", refusal(started))
            ended = self.api.checked("wait for a container", "POST", f"{where}/wait", seconds=seconds)
            data = self.api.checked("read a container", "GET", f"{where}/logs", query={"stdout": "1", "stderr": "1"})
            out, errors = _streams(data.content)
            return Completed(int(ended.json()["StatusCode"]), out, errors)
        finally:
            self.api.request("DELETE", where, query={"force": "1", "v": "1"})

    def push(self, image: str, target: str, compression: str = "") -> Completed:
        """Push the image to a registry, with the login that `podman login` or `docker login` keeps for it."""
        if compression not in ("", "gzip"):
            return Completed(125, "", "a Docker Engine compresses layers with gzip")
        repository, _, tag = target.rpartition(":")
        host, _, name = repository.partition("/")
        named = self.api.request("POST", f"/images/{image}/tag", query={"repo": repository, "tag": tag})
        if named.status_code >= 400:
            return Completed(125, "", refusal(named))
        try:
            headers = {"X-Registry-Auth": _login(host, stored_login(host, name))}
            path = f"/images/{repository}/push"
            self.api.streamed(f"push {target}", "POST", path, query={"tag": tag}, headers=headers)
        except WorkbenchError as error:
            return Completed(1, "", error.message.partition(": ")[2] or error.message)
        finally:
            if target != image:
                self.api.request("DELETE", f"/images/{target}", query={"noprune": "1"})
        return Completed(0, "", "")

    def versions(self) -> Mapping[str, str]:
        """Return the engine's version."""
        return {"dockerd": self.api.checked("report its version", "GET", "/version").json()["Version"]}


def _streams(data: bytes) -> tuple[str, str]:
    """Return what a container wrote, its output and its errors."""
    streams = {True: bytearray(), False: bytearray()}
    at = 0
    while at + _HEADER <= len(data):
        size = int.from_bytes(data[at + 4 : at + _HEADER], "big")
        streams[data[at] == _ERRORS] += data[at + _HEADER : at + _HEADER + size]
        at += _HEADER + size
    return streams[False].decode(errors="replace"), streams[True].decode(errors="replace")


def _login(host: str, credentials: str) -> str:
    """Return the credentials for a registry as the engine expects them in a header."""
    try:
        user, _, password = base64.b64decode(credentials).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = password = ""
    data = {"username": user, "password": password, "serveraddress": host} if user else {}
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode()
