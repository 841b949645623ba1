"""The images of this user's podman, and what it says of those in registries."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench import podman
from workbench.errors import WorkbenchError
from workbench.images.podman.quirks import registry_reply
from workbench.images.store import ImageInfo, own_name
from workbench.podman import Completed


class PodmanStore:
    """The images of this user's podman."""

    name = "podman"

    def inspect(self, image: str) -> ImageInfo | None:
        """Return what podman knows of an image, None when it has none of this name."""
        completed = podman.run("image", "inspect", "--", image)
        if completed.code != 0:
            # Absent, or not readable: finding out costs a second process.
            if podman.exists(image):
                raise WorkbenchError(f"podman cannot inspect {image}: {completed.reason}")
            return None
        (data,) = json.loads(completed.out)
        return ImageInfo(
            id=f"sha256:{data['Id'].removeprefix('sha256:')}",
            digest=data.get("Digest") or "",
            size=int(data.get("Size") or 0),
            layers=tuple(data["RootFS"].get("Layers") or ()),
            config=data.get("Config") or {},
            created=data.get("Created") or "",
        )

    def labelled(self, label: str) -> Mapping[str, str]:
        """Return the images that have a label."""
        listed = podman.output("list images", "images", "--filter", f"label={label}", "--format", "json")
        images = json.loads(listed or "[]")
        return {own_name(image["Names"]): image["Labels"][label] for image in images if image.get("Names")}

    def run(
        self, image: str, command: Sequence[str], *, user: str, environment: Mapping[str, str], seconds: float
    ) -> Completed:
        """Run `command` in a container of the image."""
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        container = f"workbench-{secrets.token_hex(8)}"
        try:
            return podman.run(
                *("run", "--rm", f"--name={container}", "--network=none", f"--user={user}", *variables),
                *podman.limit_flags(),
                *(f"--entrypoint={command[0]}", image, *command[1:]),
                seconds=seconds,
            )
        except BaseException:
            # podman leaves the container running when it is ended itself.
            podman.run("rm", "--force", "--ignore", "--time=0", container)
            raise

    def push(self, image: str, target: str, compression: str = "") -> Completed:
        """Push the image to a registry."""
        if not compression:
            return podman.run("push", image, f"docker://{target}")
        kind = podman.output(f"inspect {image}", "image", "inspect", "--format", "{{.ManifestType}}", image).strip()
        if "zstd" in compression and ".oci." not in kind:
            # podman would make an OCI image of it, and drop the health check that it was not one for.
            return Completed(125, "", f"{image} is an image of Docker's kind, whose layers are gzip")
        return podman.run("push", f"--compression-format={compression}", image, f"docker://{target}")

    def versions(self) -> Mapping[str, str]:
        """Return podman's version."""
        return {"podman": podman.output("report its version", "version", "--format", "{{.Client.Version}}")}


# The store that is meant where no builder is named.
PODMAN = PodmanStore()


def manifest_digest(image: str) -> str:
    """Return the digest of an image's manifest as podman knows it, "" where it does not."""
    info = PODMAN.inspect(image) if "@" not in image and podman.is_installed() else None
    return info.digest if info else ""


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a registry has an image; `reason` is a sentence when it does not, or did not respond.

    `responded` is False when the registry could not be reached or refused: another request for
    another tag is then in vain.
    """

    present: bool
    reason: str = ""
    responded: bool = True


def in_registry(image: str, seconds: float = 30) -> Presence:
    """Return whether the registry that `image` names has it; podman waits at most `seconds` for its response."""
    host = image.split("/", 1)[0]
    try:
        completed = podman.run("manifest", "inspect", image, seconds=seconds)
    except WorkbenchError:
        return Presence(False, f"the registry {host} did not respond within {seconds:g} s", responded=False)
    reply = registry_reply(completed)
    if reply == "present":
        return Presence(True)
    if reply == "absent":
        return Presence(False, "is not in the registry")
    if reply == "refused":
        reason = f"the registry {host} refuses: no such image, or it needs `podman login {host}`"
    else:
        reason = f"the registry {host} does not respond: {completed.reason.rpartition(': ')[2]}"
    return Presence(False, reason, responded=False)
