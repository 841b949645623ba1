"""Where images lie that were built here: in podman's store, unless their builder has one of its own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workbench import podman
from workbench.errors import WorkbenchError
from workbench.podman import Completed


@dataclass(frozen=True, slots=True)
class Seen:
    """An image of a store: its id (`sha256:…`), the digest of its manifest ("" where nobody knows it), its
    bytes, the digests of its layers from the lowest up, what it is configured to do (`Env`, `User`, `Labels`, …),
    and when it was made.
    """

    id: str
    digest: str
    size: int
    layers: tuple[str, ...]
    config: Mapping[str, Any]
    created: str

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.config.get("Labels") or {}


class Store(Protocol):
    """Images on this machine, by their full names.

    An implementation owes: a name is looked up as it is, never by a pattern; a container runs
    without network, as the user that is asked for, and is gone afterwards, whatever happens; what
    the store or a registry refuses is an Completed with its words, and a store that cannot be asked at
    all a WorkbenchError.
    """

    @property
    def name(self) -> str:
        """Whose store it is, as people call it."""

    def look(self, image: str) -> Seen | None:
        """Return what is known of an image, None when it is not here."""

    def labelled(self, label: str) -> Mapping[str, str]:
        """Return the value of `label` of each image that has it, by its `own_name`."""

    def run(
        self,
        image: str,
        command: Sequence[str],
        *,
        user: str,
        environment: Mapping[str, str],
        seconds: float,
    ) -> Completed:
        """Run `command` in a container of the image, for at most so many seconds, and return how it ended."""

    def push(self, image: str, target: str) -> Completed:
        """Push an image that is here to a registry, under the name `target`."""

    def versions(self) -> Mapping[str, str]:
        """Return the programs that build and keep its images, with their versions."""


def own_name(names: Sequence[str]) -> str:
    """Return by which of its names an image is meant: one that this machine gave it, where there is one."""
    return min(names, key=lambda name: (not name.startswith("localhost/"), name))


class PodmanStore:
    """The images of this user's podman."""

    name = "podman"

    def look(self, image: str) -> Seen | None:
        """Return what podman knows of an image, None when it has none of this name."""
        answer = podman.run("image", "inspect", "--", image)
        if answer.code != 0:
            # Not here, or not to be told: the second question costs a process, and so it is not the first.
            if podman.exists(image):
                raise WorkbenchError(f"podman cannot look at {image}: {answer.reason}")
            return None
        (told,) = json.loads(answer.out)
        return Seen(
            id=f"sha256:{told['Id'].removeprefix('sha256:')}",
            digest=told.get("Digest") or "",
            size=int(told.get("Size") or 0),
            layers=tuple(told["RootFS"].get("Layers") or ()),
            config=told.get("Config") or {},
            created=told.get("Created") or "",
        )

    def labelled(self, label: str) -> Mapping[str, str]:
        """Return the images that have a label."""
        said = podman.output("list images", "images", "--filter", f"label={label}", "--format", "json")
        told = json.loads(said or "[]")
        return {own_name(image["Names"]): image["Labels"][label] for image in told if image.get("Names")}

    def run(
        self, image: str, command: Sequence[str], *, user: str, environment: Mapping[str, str], seconds: float
    ) -> Completed:
        """Run `command` in a container of the image."""
        given = [f"--env={name}={value}" for name, value in environment.items()]
        container = f"workbench-{secrets.token_hex(8)}"
        try:
            return podman.run(
                *("run", "--rm", f"--name={container}", "--network=none", f"--user={user}", *given),
                *(f"--entrypoint={command[0]}", image, *command[1:]),
                seconds=seconds,
            )
        except BaseException:
            # A podman that is ended leaves its container running.
            podman.run("rm", "--force", "--ignore", "--time=0", container)
            raise

    def push(self, image: str, target: str) -> Completed:
        """Push the image to a registry."""
        return podman.run("push", image, f"docker://{target}")

    def versions(self) -> Mapping[str, str]:
        """Return podman's version."""
        return {"podman": podman.output("tell its version", "version", "--format", "{{.Client.Version}}")}


# What everything asks that is not told otherwise.
PODMAN = PodmanStore()


def needed(store: Store, image: str, hint: str = "") -> Seen:
    """Return what `store` knows of an image; raises WorkbenchError when it has none of this name."""
    seen = store.look(image)
    if seen is None:
        raise WorkbenchError(f"the image {image} is not in {store.name}'s store", hint=hint)
    return seen
