"""podman as the Engine, over its REST socket."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

from workbench.replicasets.engines import cdi
from workbench.replicasets.engines.podman import cgroups, hosts, probe, recorded, remains, requests
from workbench.replicasets.engines.podman.attached import PodmanAttaching
from workbench.replicasets.engines.podman.compared import PodmanComparison
from workbench.replicasets.engines.podman.disks import PodmanDisks
from workbench.replicasets.engines.podman.exec import PodmanProgram
from workbench.replicasets.engines.podman.files import PodmanFiles
from workbench.replicasets.engines.podman.folders import PodmanFolders
from workbench.replicasets.engines.podman.http import LONG_SECONDS, PodmanHttp, lines
from workbench.replicasets.engines.podman.logs import PodmanLogs
from workbench.replicasets.engines.podman.networks import PodmanNetworks, PodmanReaching
from workbench.replicasets.engines.podman.quirks import readable_cdi
from workbench.replicasets.engines.podman.rebased import PodmanRebasing
from workbench.replicasets.engines.podman.secrets import PodmanSecrets
from workbench.replicasets.engines.protocol import Container, ContainerSpec, EngineImage, EngineVolume, RunningProgram
from workbench.replicasets.errors import EngineError, EngineGone
from workbench.replicasets.values import Gpu

C = TypeVar("C")
# A connection over which nothing came for so long is made anew: it may have been lost.
_QUIET_SECONDS = 300.0
# How long podman may take to notice an end that it already began.
_END_SECONDS = 10.0
# podman 4.3: "retrieving label for image "ID": you may need to remove the image to resolve the error: ..."
_DAMAGED = re.compile(r'image "([0-9a-f]{64})"')
_CGROUPS = (
    "leave --memory and --cpus out, or give podman cgroups that it may change: "
    "see `As a normal user` in docs/replica-sets.md"
)
_NO_SUCH_GPU = "unresolvable CDI devices"


class PodmanEngine:
    """The podman that listens at `address`, on this machine. It has every capability of capabilities.py.

    `kind` is the CDI kind of its GPUs, `folders` are those of their specs. Folders of the host that containers
    bind are mounted below `mounts`. `log` is where podman writes its log.
    """

    def __init__(
        self, address: str, kind: str = "", folders: Sequence[str] = (), mounts: str = "", log: str = ""
    ) -> None:
        self._http = PodmanHttp(address, log)
        self._mounts, self._disks = PodmanFolders(address, mounts), PodmanDisks(address)
        self._secrets = PodmanSecrets(self._http)
        self._networks = PodmanNetworks(self._http)
        self._logs = PodmanLogs(self._http)
        files, disks = PodmanFiles(self._http), PodmanRebasing(self._http, self._disks)
        others = PodmanComparison(self._http), PodmanAttaching(self._http), PodmanReaching(self._http)
        self._parts = (self._logs, files, disks, *others)
        self._kind, self._folders = kind, folders
        self._unfinished: set[str] = set()

    def capability(self, kind: type[C]) -> C | None:
        """Return this engine, or the part of it that is a `kind`; None when there is none."""
        return next((each for each in (self, *self._parts) if isinstance(each, kind)), None)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def check(self) -> None:
        """Raise EngineGone or EngineError when it cannot be used."""
        self._version()

    def logs_command(self, name: str) -> str:
        """Return the command by which a person reads what a container wrote."""
        return f"podman logs {name}"

    def pull_command(self, image: str) -> str:
        """Return the command by which a person gives podman an image of a registry."""
        return f"podman pull {image}"

    def gpus(self) -> tuple[Gpu, ...]:
        """Return the GPUs that the CDI specs describe; raises NotFound and ReplicaSetError."""
        return cdi.inventory(self._kind, self._folders)

    def attach_folder(self, name: str, root: str, path: str) -> str:
        """Return the source of a bind of the folder `path` below `root`, "" when it is no such folder."""
        return self._mounts.attach(name, root, path)

    def detach_folder(self, name: str) -> None:
        """Let go of the folder that was attached under that name, if any."""
        self._mounts.detach(name)

    def attached_folders(self) -> set[str]:
        """Return the names of the folders that are attached."""
        return self._mounts.attached()

    def create(self, spec: ContainerSpec) -> str:
        """Create the container and return its id."""
        # podman takes no empty secret, and a variable without a value has none to keep.
        kept = tuple(each for each in spec.secrets if each.partition("=")[2])
        plain = tuple(each for each in spec.secrets if not each.partition("=")[2])
        body = requests.create_body(
            replace(spec, env=(*plain, *spec.env)), self._kind, self._secrets.create(spec.name, kept)
        )
        try:
            try:
                made = self._http.call("POST", "/containers/create", body)
            except EngineError as error:
                if not remains.remove(self._http, error):
                    raise
                made = self._http.call("POST", "/containers/create", body)
        except EngineError as error:
            if kept:
                self._secrets.remove(spec.name)
            raise self._explained(error) from None
        if (spec.memory or spec.cpus) and not requests.has_limits(self._inspect(made["Id"]), spec):
            self.remove(made["Id"])
            raise EngineError(
                f"the limits of {spec.name} would not be enforced: {' '.join(made.get('Warnings') or ()) or 'ignored'}",
                hint=_CGROUPS,
            )
        return str(made["Id"])

    def start(self, name: str) -> None:
        """Start it."""
        try:
            self._http.call("POST", f"{_container(name)}/start", okay=(304,))
        except EngineError as error:
            limits = requests.limits_of(self._inspect_or_none(name) or {})
            if any(limits) and (reason := requests.no_limits(self._http.call("GET", "/info")["host"], *limits)):
                # crun says that a file is not there, and podman 5 that it understands nothing.
                message = f"the limits of {name} cannot be enforced: {reason}"
                raise EngineError(message, error.status, hint=_CGROUPS) from None
            raise self._explained(error) from None
        self._networks.after_start(self._inspect_or_none(name) or {})

    def edited_files(self, name: str) -> dict[str, str | None]:
        """Return what was edited in /etc/hosts and /etc/resolv.conf since its last start, by path."""
        details = self._inspect_or_none(name)
        return hosts.edited(self._http, details) if details is not None else {}

    def start_edited(self, name: str, files: Mapping[str, str]) -> None:
        """Start it, with those texts in the place of podman's."""
        hosts.start(self._http, lambda: self._inspect(name), lambda: self.start(name), files)

    def pause(self, name: str) -> None:
        """Freeze its processes."""
        self._switch("pause", name, "paused")

    def unpause(self, name: str) -> None:
        """Resume its processes."""
        cgroups.freeze_again(requests.paused_pid(self._inspect_or_none(name) or {}))
        self._switch("unpause", name, "running")

    def stop(self, name: str, seconds: int) -> None:
        """Ask it to end, and make it end after so many seconds."""
        details = self._inspect(name)
        container = requests.inspected(details)
        if container.state == "paused":
            cgroups.freeze_again(requests.paused_pid(details))
            if seconds == 0 and (pid := requests.pid(details)):
                cgroups.kill(pid)
            self._http.call("POST", f"{_container(name)}/unpause", okay=(409, 500))
        elif container.state == "running" and cgroups.is_frozen(pid := requests.pid(details)):
            if seconds == 0:
                cgroups.kill(pid)
            cgroups.thaw(pid)
        elif not container.is_alive:
            return
        try:
            self._http.call(
                "POST", f"{_container(name)}/stop", query={"timeout": seconds}, okay=(304,), seconds=seconds + 60
            )
        except EngineError:
            # podman 5 refuses to clean up after a container whose end it is about to notice, which it then does itself.
            if not self._ends(name):
                raise

    def _ends(self, name: str) -> bool:
        """Return whether a container ends within a few seconds."""
        deadline = time.monotonic() + _END_SECONDS
        while requests.inspected(self._inspect(name)).is_alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def remove(self, name: str) -> None:
        """Remove it with its disk, running or not."""
        details = self._inspect_or_none(name)
        if details is not None:
            # First of all: when we are interrupted after this, the container is still found, and removed again.
            self._secrets.remove(details["Name"])
            cgroups.freeze_again(requests.paused_pid(details))
        query: dict[str, str | int | bool | list[str]] = {"force": True, "timeout": 0, "v": True}
        self._http.call("DELETE", _container(name), query=query, okay=(404,))

    def stray_secrets(self) -> dict[str, str]:
        """Return the names of containers that do not exist and have secrets, and when those were made (ISO 8601)."""
        # In this order: a container that is being created has its secrets first.
        found = self._secrets.containers()
        return {name: made for name, made in found.items() if self._inspect_or_none(name) is None}

    def remove_secrets(self, container: str) -> None:
        """Remove the secrets of a container, if any."""
        self._secrets.remove(container)

    def set_limits(self, name: str, cpus: int, memory: int) -> None:
        """Set the limits of a running container, until it stops."""
        reason = requests.no_limits(self._http.call("GET", "/info")["host"], cpus, memory)
        if reason and (cpus or memory):
            raise EngineError(f"the limits of {name} would not be enforced: {reason}", hint=_CGROUPS)
        if reason:
            return  # there are none that could be lifted
        limits = requests.limits(cpus, memory)
        # "No limit" must be written here: what is left out stays as it is.
        limits["memory"] = limits["memory"] or {"limit": -1}
        limits["cpu"] = limits["cpu"] or {"quota": -1}
        self._http.call("POST", f"{_container(name)}/update", limits)

    def container(self, name: str) -> Container | None:
        """Return the container of that name or id, None for none."""
        details = self._inspect_or_none(name)
        return None if details is None else self._observed(details)

    def containers(self, label: str) -> list[Container]:
        """Return all containers with that label."""
        rows = self._http.call("GET", "/containers/json", query={"all": True, "filters": _labelled(label)})
        return [requests.listed(row) for row in rows]

    def remains(self) -> list[tuple[str, str]]:
        """Return the ids and the names of what podman shows as external storage, but for those of builds."""
        rows = self._http.call("GET", "/containers/json", query={"all": True, "external": True})
        return [
            (str(row["Id"]), str(row["Names"][0]))
            for row in rows
            if row.get("State") == "storage" and row.get("Command") == ["storage"] and row.get("Names")
        ]

    def remove_remains(self, id_: str) -> None:
        """Remove what is left of a container."""
        self._http.call("DELETE", _container(id_), query={"force": True, "timeout": 0}, okay=(404,))

    def commit(self, name: str, image: str, *, squash: bool = False, labels: Mapping[str, str] | None = None) -> str:
        """Record the disk of a container as an image of that name; return its id.

        The image has a name of its own until it is complete: podman goes on with a commit whose client is gone, and
        may end after a later one.
        """
        unfinished = recorded.unfinished()
        repository, _, tag = image.rpartition(":")
        query: dict[str, str | int | bool | list[str]] = {
            "container": name,
            "repo": unfinished.partition(":")[0],
            "tag": unfinished.partition(":")[2],
            "pause": False,
            "squash": squash,
            "changes": [f'LABEL {key}="{value}"' for key, value in (labels or {}).items()],
        }
        before = recorded.changes(self._http, name)
        self._unfinished.add(unfinished)
        try:
            made = str(self._http.call("POST", "/commit", query=query, seconds=LONG_SECONDS)["Id"])
            recorded.check(self._http, name, before, unfinished)
            named: dict[str, str | int | bool | list[str]] = {"repo": repository, "tag": tag}
            self._http.call("POST", f"/images/{quote(unfinished, safe='')}/tag", query=named)
            self.remove_image(unfinished)
        finally:
            self._unfinished.discard(unfinished)
        return made

    def abandoned_images(self) -> list[str]:
        """Return the names of images whose commit nobody waits for any more."""
        query = {"filters": json.dumps({"reference": [recorded.UNFINISHED]})}
        rows = self._http.call("GET", "/images/json", query=query)
        names = {name for row in rows for name in row.get("RepoTags") or () if name.startswith(recorded.UNFINISHED)}
        return sorted(names - self._unfinished)

    def can_carry(self, source: str) -> bool:
        """Return whether its disk can be copied from here: an overlay on the engine's host, that we may read."""
        details = self._inspect_or_none(source)
        return details is not None and self._disks.can_copy(requests.upper(details))

    def carry(self, source: str, target: str) -> None:
        """Give a created container of the same image the disk of `source`, by its overlay's upper directory."""
        details = self._inspect(source), self._inspect(target)
        old, new = (self._observed(each) for each in details)
        if old.image != new.image or new.state != "created" or old.state == "running":
            raise EngineError(f"the disk of {source} cannot be carried to {target}: {old.state} to {new.state}")
        upper, new_upper = (requests.upper(each) for each in details)
        if not self._disks.same(upper, new_upper):
            self._disks.copy(upper, new_upper)
            if not self._disks.same(upper, new_upper):
                raise EngineError(f"the disk of {source} was not carried whole to {target}")

    def container_size(self, name: str) -> int:
        """Return the bytes of what a container changed on its image; where disks can be read, holes count nothing."""
        if self.can_carry(name):
            return self._disks.allocated(requests.upper(self._inspect(name)))
        return self.recorded_size(name)

    def recorded_size(self, name: str) -> int:
        """Return the bytes of an image's layer made of a container's disk: podman writes holes out."""
        return int(self._http.call("GET", f"{_container(name)}/json", query={"size": True}).get("SizeRw") or 0)

    def free_bytes(self) -> int:
        """Return how many bytes are free where podman keeps disks."""
        store = self._http.call("GET", "/info").get("store") or {}
        return int(store.get("graphRootAllocated") or 0) - int(store.get("graphRootUsed") or 0)

    def image_size(self, name: str) -> int:
        """Return the bytes of an image that no other image has, 0 for none of that name."""
        rows = self._http.call("GET", "/system/df").get("Images") or ()
        return sum(int(row["UniqueSize"]) for row in rows if f"{row['Repository']}:{row['Tag']}" == name)

    def image(self, name: str) -> EngineImage | None:
        """Return the image of exactly that full name or id, None for none."""
        details = self._http.call("GET", f"/images/{quote(name, safe='')}/json", okay=(404,))
        if details is None:
            return None
        # podman finds by the beginning of an id too, and by the end of a name.
        found = requests.image(details)
        return found if name in (*found.names, found.id, f"sha256:{found.id}") else None

    def images(self, label: str) -> list[EngineImage]:
        """Return all images with that label, "" for all that there are."""
        try:
            rows = self._http.call("GET", "/images/json", query={"filters": _labelled(label)} if label else {})
        except EngineError as error:
            raise self._damaged(error) from None
        return [EngineImage(row["Id"], tuple(row.get("RepoTags") or ()), row.get("Labels") or {}) for row in rows]

    def remove_image(self, name: str) -> None:
        """Take the name from an image, and remove it when it has no other."""
        # Without force: podman then only takes the name when there are others, and refuses while it is used.
        place = f"/images/{quote(name, safe='')}"
        try:
            self._http.call("DELETE", place, okay=(404,))
        except EngineError as error:
            if not remains.remove(self._http, error):
                raise
            self._http.call("DELETE", place, okay=(404,))

    def last_lines(self, name: str, count: int) -> list[str]:
        """Return what a container wrote last, at most so many lines."""
        return self._logs.last_lines(name, count)

    def changes(self) -> Iterator[str]:
        """Yield the names of containers that started, ended, were frozen or removed, from now on; "" at once."""
        kinds = ["start", "died", "remove", "pause", "unpause"]
        query: dict[str, str | int | bool | list[str]] = {
            "stream": True,
            "filters": json.dumps({"type": ["container"], "event": kinds}),
        }
        with self._http.stream("/events", query=query, method="GET", read=_QUIET_SECONDS) as pieces:
            yield ""
            for line in lines(pieces):
                yield str(((json.loads(line).get("Actor") or {}).get("Attributes") or {}).get("name", ""))

    def execute(self, name: str, command: tuple[str, ...], workdir: str) -> RunningProgram:
        """Start a program in a running container."""
        return PodmanProgram(self._http, self._inspect(name)["Id"], command, workdir)

    @property
    def probe_command(self) -> str:
        """The path of the program for trials."""
        return probe.PATH

    def make_probe(self, image: str, labels: Mapping[str, str]) -> bool:
        """Make an image of the program for trials."""
        if self._http.call("GET", "/info")["host"].get("arch") != probe.ARCHITECTURE:
            return False
        changes = [f'LABEL {key}="{value}"' for key, value in labels.items()]
        self._http.upload("/images/import", probe.image(), {"reference": image, "changes": changes})
        return True

    def shares_cgroup(self, name: str) -> bool:
        """Return whether a running container is in the cgroup of this process, as far as that can be seen."""
        return cgroups.are_shared(requests.pid(self._inspect(name)), probe.PATH)

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a volume; one of that name with the same labels may exist."""
        self.create_mounted_volume(name, {}, labels)

    def create_mounted_volume(self, name: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
        """Create a volume that is mounted with `options`; one of that name with the same labels may exist."""
        existing = self.volume(name)
        if existing is not None:
            if dict(existing.labels) != dict(labels):
                raise EngineError(f"podman has another volume of the name {name}", 409)
            return
        self._http.call(
            "POST",
            "/volumes/create",
            {"Name": name, "Driver": "local", "Options": dict(options), "Label": dict(labels)},
        )

    def volume(self, name: str) -> EngineVolume | None:
        """Return the volume of that name, None for none."""
        details = self._http.call("GET", f"/volumes/{quote(name, safe='')}/json", okay=(404,))
        if details is None or details["Name"] != name:
            return None
        return EngineVolume(details["Name"], details.get("Labels") or {}, details.get("Mountpoint", ""))

    def volumes(self, label: str) -> list[EngineVolume]:
        """Return all volumes with that label."""
        rows = self._http.call("GET", "/volumes/json", query={"filters": _labelled(label)})
        return [EngineVolume(row["Name"], row.get("Labels") or {}, row.get("Mountpoint", "")) for row in rows or ()]

    def remove_volume(self, name: str) -> None:
        """Remove the volume of exactly that name with what is in it; refused while a container uses it."""
        # podman removes the only one whose name begins like that where there is none of that name: another's data.
        if self.volume(name) is not None:
            self._http.call("DELETE", f"/volumes/{quote(name, safe='')}", okay=(404,))

    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a network that is kept apart from others; one of that name may exist."""
        self._networks.create(name, labels)

    def separate_networks(self) -> None:
        """Put right what keeps networks apart."""
        self._networks.separate()

    def networks(self, label: str) -> list[str]:
        """Return the names of the networks with that label."""
        return self._networks.named(label)

    def remove_network(self, name: str) -> bool:
        """Remove a network; return False when a container is on it."""
        return self._networks.remove(name)

    def _inspect(self, name: str) -> dict[str, Any]:
        details = self._inspect_or_none(name)
        if details is None:
            raise EngineError(f"podman has no container {name}", 404)
        return details

    def _inspect_or_none(self, name: str) -> dict[str, Any] | None:
        details: dict[str, Any] | None = self._http.call("GET", f"{_container(name)}/json", okay=(404,))
        # podman finds by the beginning of an id too; a set may be named like one.
        return details if details is not None and name in (details["Id"], details["Name"]) else None

    def _observed(self, details: dict[str, Any]) -> Container:
        """Return an inspected container as it is: frozen too, where podman was killed before it recorded that."""
        container = requests.inspected(details)
        frozen = container.state == "running" and cgroups.is_frozen(requests.pid(details))
        return replace(container, state="paused") if frozen else container

    def _switch(self, verb: str, name: str, state: str) -> None:
        try:
            self._http.call("POST", f"{_container(name)}/{verb}")
        except EngineError:
            container = self.container(name)
            if verb == "unpause" and container is not None and container.state == "paused":
                # podman takes it to be running already, and would not.
                cgroups.thaw(requests.pid(self._inspect(name)))
                container = self.container(name)
            if container is None or container.state != state:
                raise

    def _version(self) -> str:
        details = self._http.call("GET", "/version")
        if not isinstance(details, dict) or "Version" not in details:
            raise EngineGone("what answers at the engine's socket is not podman", where=self._http.address)
        return str(details["Version"])

    def _damaged(self, error: EngineError) -> EngineError:
        """Return the error of a list of images, with the one that is damaged: podman lists none then."""
        try:
            self._http.call("GET", "/images/json")
        except EngineError as plain:
            if found := _DAMAGED.search(plain.message):
                short = found[1][:12]
                return EngineError(
                    f"the image {short} is damaged, and podman lists no images because of it",
                    error.status,
                    hint=f"podman rmi --force {short}",
                )
        return error

    def _explained(self, error: EngineError) -> EngineError:
        """Return the error with the reason that podman leaves out: a CDI spec that is too new for it."""
        if _NO_SUCH_GPU not in error.message:
            return error
        newer = cdi.newer_specs(self._kind, self._folders, readable_cdi(self._version()))
        hint = f"{'; '.join(newer)}: write it with a lower cdiVersion" if newer else "its CDI spec has no such device"
        return EngineError(error.message, error.status, hint=hint)


def _container(name: str) -> str:
    return f"/containers/{quote(name, safe='')}"


def _labelled(label: str) -> str:
    return json.dumps({"label": [label]})
