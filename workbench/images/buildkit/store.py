"""The images of a Docker Engine."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence

from workbench.errors import WorkbenchError
from workbench.images.buildkit.engine_api import EngineApi, refusal
from workbench.images.store import Seen, own_name
from workbench.podman import Completed
from workbench.registry.login import stored_login

# The two streams of a container in the answer of `logs`: a header of eight bytes before each piece.
_HEADER = 8
_ERRORS = 2


class DockerdStore:
    """The images of the Docker Engine that `api` asks."""

    name = "the Docker Engine"

    def __init__(self, api: EngineApi) -> None:
        self.api = api

    def look(self, image: str) -> Seen | None:
        """Return what the engine knows of an image, None when it has none of this name."""
        answer = self.api.ask("GET", f"/images/{image}/json")
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise WorkbenchError(f"the Docker Engine cannot look at {image}: {refusal(answer)}")
        told = answer.json()
        digests = [name.rpartition("@")[2] for name in told.get("RepoDigests") or ()]
        return Seen(
            id=told["Id"],
            digest=digests[0] if digests else "",
            size=int(told.get("Size") or 0),
            layers=tuple(told["RootFS"].get("Layers") or ()),
            config=told.get("Config") or {},
            created=told.get("Created") or "",
        )

    def keeps_layers(self, image: str) -> bool:
        """Return whether the engine has the layers of an image itself, and not containerd for it.

        Only those it finds as a cache by the image's name; for containerd's it would ask a registry.
        """
        answer = self.api.ask("GET", f"/images/{image}/json")
        return answer.status_code == 200 and bool((answer.json().get("GraphDriver") or {}).get("Data"))

    def labelled(self, label: str) -> Mapping[str, str]:
        """Return the images that have a label."""
        query = {"filters": json.dumps({"label": [label]})}
        told = self.api.tell("list images", "GET", "/images/json", query=query).json()
        return {own_name(image["RepoTags"]): image["Labels"][label] for image in told if image.get("RepoTags")}

    def run(
        self, image: str, command: Sequence[str], *, user: str, environment: Mapping[str, str], seconds: float
    ) -> Completed:
        """Run `command` in a container of the image."""
        asked = {
            "Image": image,
            "Entrypoint": [command[0]],
            "Cmd": list(command[1:]),
            "User": user,
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "HostConfig": {"NetworkMode": "none"},
        }
        created = self.api.ask("POST", "/containers/create", data=asked)
        if created.status_code != 201:
            return Completed(125, "", refusal(created))
        where = f"/containers/{created.json()['Id']}"
        try:
            started = self.api.ask("POST", f"{where}/start")
            if started.status_code >= 400:
                return Completed(126, "", refusal(started))
            ended = self.api.tell("wait for a container", "POST", f"{where}/wait", seconds=seconds)
            told = self.api.tell("read a container", "GET", f"{where}/logs", query={"stdout": "1", "stderr": "1"})
            out, errors = _streams(told.content)
            return Completed(int(ended.json()["StatusCode"]), out, errors)
        finally:
            self.api.ask("DELETE", where, query={"force": "1", "v": "1"})

    def push(self, image: str, target: str) -> Completed:
        """Push the image to a registry, as whom `podman login` or `docker login` knows us to be there."""
        repository, _, tag = target.rpartition(":")
        host, _, name = repository.partition("/")
        named = self.api.ask("POST", f"/images/{image}/tag", query={"repo": repository, "tag": tag})
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
                self.api.ask("DELETE", f"/images/{target}", query={"noprune": "1"})
        return Completed(0, "", "")

    def versions(self) -> Mapping[str, str]:
        """Return the engine's version."""
        return {"dockerd": self.api.tell("tell its version", "GET", "/version").json()["Version"]}


def _streams(data: bytes) -> tuple[str, str]:
    """Return what a container wrote, its output and its errors."""
    kept = {True: bytearray(), False: bytearray()}
    at = 0
    while at + _HEADER <= len(data):
        size = int.from_bytes(data[at + 4 : at + _HEADER], "big")
        kept[data[at] == _ERRORS] += data[at + _HEADER : at + _HEADER + size]
        at += _HEADER + size
    return kept[False].decode(errors="replace"), kept[True].decode(errors="replace")


def _login(host: str, kept: str) -> str:
    """Return what is kept for a registry as the engine wants it in a header."""
    try:
        user, _, password = base64.b64decode(kept).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = password = ""
    told = {"username": user, "password": password, "serveraddress": host} if user else {}
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
