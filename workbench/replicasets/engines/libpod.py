"""podman as the Engine, over its REST socket."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from workbench.replicasets.engines import cdi, libpod_words, trees
from workbench.replicasets.engines.libpod_exec import LibpodRunning
from workbench.replicasets.engines.libpod_http import LONG_SECONDS, LibpodHttp
from workbench.replicasets.engines.protocol import Container, EngineVolume, Image, Running, Spec
from workbench.replicasets.engines.quirks import readable_cdi
from workbench.replicasets.engines.reach import may_copy_anything
from workbench.replicasets.errors import EngineError, EngineGone

_NO_SUCH_GPU = "unresolvable CDI devices"


class LibpodEngine:
    """The podman that listens at `address`; `kind` and `folders` say where its GPUs are described."""

    def __init__(self, address: str, kind: str = "", folders: Sequence[str] = ()) -> None:
        self._http = LibpodHttp(address)
        self._kind, self._folders = kind, folders

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def check(self) -> None:
        """Raise EngineGone or EngineError when it cannot be worked with."""
        self._version()

    def create(self, spec: Spec) -> str:
        """Create the container and return its id."""
        try:
            return str(self._http.call("POST", "/containers/create", libpod_words.body(spec))["Id"])
        except EngineError as error:
            raise self._explained(error) from None

    def start(self, name: str) -> None:
        """Start it."""
        try:
            self._http.call("POST", f"{_container(name)}/start", okay=(304,))
        except EngineError as error:
            raise self._explained(error) from None

    def pause(self, name: str) -> None:
        """Freeze its processes."""
        self._turned("pause", name, "paused")

    def unpause(self, name: str) -> None:
        """Let its processes go on."""
        self._turned("unpause", name, "running")

    def stop(self, name: str, seconds: int) -> None:
        """Ask it to end, and make it end after so many seconds."""
        found = self._there(name)
        if found.state == "paused":
            if seconds == 0 and found.pid:
                self._doom(found.pid)
            self._http.call("POST", f"{_container(name)}/unpause", okay=(409, 500))
        elif not found.is_alive:
            return
        self._http.call(
            "POST", f"{_container(name)}/stop", query={"timeout": seconds}, okay=(304,), seconds=seconds + 60
        )

    def remove(self, name: str) -> None:
        """Remove it with its disk, running or not."""
        query: dict[str, str | int | bool | list[str]] = {"force": True, "timeout": 0, "v": True}
        self._http.call("DELETE", _container(name), query=query, okay=(404,))

    def update(self, name: str, cpus: int, memory: int) -> None:
        """Set the limits of a running container, until it stops."""
        wanted = libpod_words.limits(cpus, memory)
        # No limit is to be said aloud here: what is left out stays as it is.
        wanted["memory"] = wanted["memory"] or {"limit": -1}
        wanted["cpu"] = wanted["cpu"] or {"quota": -1}
        self._http.call("POST", f"{_container(name)}/update", wanted)

    def container(self, name: str) -> Container | None:
        """Return the container of that name or id, None for none."""
        answer = self._http.call("GET", f"{_container(name)}/json", okay=(404,))
        # podman finds by the beginning of an id too; a set may be named like one.
        if answer is None or name not in (answer["Id"], answer["Name"]):
            return None
        return libpod_words.inspected(answer)

    def containers(self, label: str) -> list[Container]:
        """Return all containers with that label."""
        answer = self._http.call("GET", "/containers/json", query={"all": True, "filters": _labelled(label)})
        return [libpod_words.listed(row) for row in answer]

    def commit(self, name: str, image: str, *, squash: bool = False, labels: Mapping[str, str] | None = None) -> str:
        """Record the disk of a container as an image of that name; return its id."""
        repository, _, tag = image.rpartition(":")
        query: dict[str, str | int | bool | list[str]] = {
            "container": name,
            "repo": repository,
            "tag": tag,
            "pause": False,
            "squash": squash,
            "changes": [f'LABEL {key}="{value}"' for key, value in (labels or {}).items()],
        }
        return str(self._http.call("POST", "/commit", query=query, seconds=LONG_SECONDS)["Id"])

    def can_carry(self, source: Container) -> bool:
        """Return whether its disk can be copied from here: as real root, on the engine's host, an overlay."""
        return bool(source.upper) and os.path.isdir(source.upper) and may_copy_anything()

    def carry(self, source: str, target: str) -> None:
        """Give a created container of the same image the disk of `source`, by its overlay's upper directory."""
        old, new = self._there(source), self._there(target)
        if old.image != new.image or new.state != "created" or old.state == "running":
            raise EngineError(f"the disk of {source} cannot be carried to {target}: {old.state} to {new.state}")
        if not trees.same(old.upper, new.upper):
            trees.copy(old.upper, new.upper)
            if not trees.same(old.upper, new.upper):
                raise EngineError(f"the disk of {source} was not carried whole to {target}")

    def container_size(self, name: str) -> int:
        """Return the bytes of what a container changed on its image."""
        return int(self._http.call("GET", f"{_container(name)}/json", query={"size": True}).get("SizeRw") or 0)

    def image_size(self, name: str) -> int:
        """Return the bytes of an image that no other image has, 0 for none of that name."""
        rows = self._http.call("GET", "/system/df").get("Images") or ()
        return sum(int(row["UniqueSize"]) for row in rows if f"{row['Repository']}:{row['Tag']}" == name)

    def image(self, name: str) -> Image | None:
        """Return the image of that name or id, None for none."""
        answer = self._http.call("GET", f"/images/{quote(name, safe='')}/json", okay=(404,))
        return None if answer is None else libpod_words.image(answer)

    def images(self, label: str) -> list[Image]:
        """Return all images with that label."""
        answer = self._http.call("GET", "/images/json", query={"filters": _labelled(label)})
        return [Image(row["Id"], tuple(row.get("RepoTags") or ()), row.get("Labels") or {}) for row in answer]

    def remove_image(self, name: str) -> None:
        """Take the name from an image, and remove it when it has no other."""
        # Without force: podman then only takes the name when there are others, and refuses while it is used.
        self._http.call("DELETE", f"/images/{quote(name, safe='')}", okay=(404,))

    def execute(self, name: str, command: tuple[str, ...], workdir: str) -> Running:
        """Start a program in a running container."""
        return LibpodRunning(self._http, self._there(name), command, workdir)

    def create_volume(self, name: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
        """Create a volume; one of that name with the same labels may be there."""
        there = self.volume(name)
        if there is not None:
            if dict(there.labels) != dict(labels):
                raise EngineError(f"podman has another volume of the name {name}", 409)
            return
        self._http.call(
            "POST",
            "/volumes/create",
            {"Name": name, "Driver": "local", "Options": dict(options), "Label": dict(labels)},
        )

    def volume(self, name: str) -> EngineVolume | None:
        """Return the volume of that name, None for none."""
        answer = self._http.call("GET", f"/volumes/{quote(name, safe='')}/json", okay=(404,))
        if answer is None or answer["Name"] != name:
            return None
        return EngineVolume(answer["Name"], answer.get("Labels") or {}, answer.get("Mountpoint", ""))

    def volumes(self, label: str) -> list[EngineVolume]:
        """Return all volumes with that label."""
        answer = self._http.call("GET", "/volumes/json", query={"filters": _labelled(label)})
        return [EngineVolume(row["Name"], row.get("Labels") or {}, row.get("Mountpoint", "")) for row in answer or ()]

    def remove_volume(self, name: str) -> None:
        """Remove a volume with what is in it; refused while a container uses it."""
        self._http.call("DELETE", f"/volumes/{quote(name, safe='')}", okay=(404,))

    def _there(self, name: str) -> Container:
        found = self.container(name)
        if found is None:
            raise EngineError(f"podman has no container {name}", 404)
        return found

    def _turned(self, verb: str, name: str, wanted: str) -> None:
        try:
            self._http.call("POST", f"{_container(name)}/{verb}")
        except EngineError:
            found = self.container(name)
            if found is None or found.state != wanted:
                raise

    def _doom(self, pid: int) -> None:
        # Sent while it is frozen, so that it dies on waking before it runs another instruction.
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # another's, or elsewhere: podman ends it right after it woke

    def _version(self) -> str:
        answer = self._http.call("GET", "/version")
        if not isinstance(answer, dict) or "Version" not in answer:
            raise EngineGone("what answers at the engine's socket is not podman", where=self._http.address)
        return str(answer["Version"])

    def _explained(self, error: EngineError) -> EngineError:
        """Return the error with what podman does not say: that a spec is too new for it."""
        if _NO_SUCH_GPU not in error.message:
            return error
        readable = readable_cdi(self._version())
        newer = cdi.newer_specs(self._kind, self._folders, readable) if readable else []
        hint = f"{'; '.join(newer)}: write it with a lower cdiVersion" if newer else "its CDI spec has no such device"
        return EngineError(error.message, error.status, hint=hint)


def _container(name: str) -> str:
    return f"/containers/{quote(name, safe='')}"


def _labelled(label: str) -> str:
    import json

    return json.dumps({"label": [label]})
