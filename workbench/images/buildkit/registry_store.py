"""The images of a BuildKit that keeps none itself: they are in registries, and it runs them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.architecture import oci_architecture
from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.address import Address
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.failures import BuildKitError
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.session.session import Session
from workbench.images.buildkit.llb.state import image as image_state
from workbench.images.store import ImageInfo
from workbench.names import split_reference
from workbench.podman import Completed
from workbench.registry.repository import Manifest, Repository

# What a command wrote, and how it ended, in a folder that whoever runs it may write in.
_FOLDER = "/tmp/workbench-run"
_SCRIPT = 'mkdir "$0" && { "$@" >"$0/out" 2>"$0/err"; echo $? >"$0/code"; }'


class RegistryStore:
    """Images of registries, by their full names, for the BuildKit at `address`. None passes through this machine."""

    name = "the registry"

    def __init__(self, address: Address) -> None:
        self.address = address

    def inspect(self, image: str) -> ImageInfo | None:
        """Return what the registry knows of an image, None when it has none of this name; its size is compressed."""
        repository, reference = split_reference(image)
        with Repository(repository) as remote:
            named = remote.manifest(reference)
            if named is None:
                return None
            manifest = _single(remote, named)
            data = json.loads(manifest.data)
            config = json.loads(remote.blob(manifest.config))
            return ImageInfo(
                id=manifest.config,
                digest=named.digest,
                size=sum(int(layer["size"]) for layer in data["layers"]),
                layers=tuple(config["rootfs"]["diff_ids"]),
                config=config.get("config") or {},
                created=config.get("created") or "",
            )

    def digest(self, image: str) -> str:
        """Return the digest of an image's manifest, or of its index; "" when the registry has no such image."""
        repository, reference = split_reference(image)
        with Repository(repository) as remote:
            manifest = remote.manifest(reference)
        return manifest.digest if manifest is not None else ""

    def labelled(self, label: str) -> Mapping[str, str]:
        """Return nothing: registries do not list images by their labels."""
        return {}

    def run(
        self, image: str, command: Sequence[str], *, user: str, environment: Mapping[str, str], seconds: float
    ) -> Completed:
        """Run `command` in the image, as a step of the daemon's: of the same image it is not run again.

        `seconds` is not counted: the step ends when the command does, or with Ctrl-C.
        """
        found: list[Completed] = []

        def build(gateway: Gateway) -> BuildResult:
            variables = (gateway.image_config(image, mode="default")[1].get("config") or {}).get("Env") or []
            state = image_state(image, resolve_mode="default", name=f"the image {image}").run(
                ("sh", "-c", _SCRIPT, _FOLDER, *command),
                env={**dict(each.split("=", 1) for each in variables), **environment},
                user=user,
                network="none",
                name=f"run {command[0]} in {image}",
            )
            ref = gateway.solve(marshal(state))
            out, errors, code = (ref.read_file(f"{_FOLDER}/{name}").decode() for name in ("out", "err", "code"))
            found.append(Completed(int(code), out, errors))
            return BuildResult()

        try:
            with connect(self.address) as daemon:
                daemon.build(build, session=Session())
        except BuildKitError as error:
            return Completed(125, "", error.message)
        return found[0]

    def push(self, image: str, target: str, compression: str = "") -> Completed:
        """Name an image of the registry, as its daemon pushed it, `target` too, in the same repository."""
        if compression:
            return Completed(125, "", f"{image} is in the registry already, compressed as its builder pushed it")
        repository, reference = split_reference(image)
        try:
            with Repository(repository) as remote:
                manifest = remote.manifest(reference)
                if manifest is None:
                    return Completed(1, "", f"the registry has no {image}")
                if target != image:
                    remote.put_manifest(split_reference(target)[1], manifest.data, manifest.kind)
        except WorkbenchError as error:
            return Completed(1, "", error.message)
        return Completed(0, "", "")

    def versions(self) -> Mapping[str, str]:
        """Return the daemon's version."""
        with connect(self.address) as daemon:
            return {"buildkitd": daemon.version() or "of a version before 0.11"}


def _single(remote: Repository, manifest: Manifest) -> Manifest:
    """Return the manifest for this machine's platform, where `manifest` is an index of several."""
    entries: list[dict[str, Any]] = json.loads(manifest.data).get("manifests") or []
    if not entries:
        return manifest
    wanted = oci_architecture()
    of_this = [each for each in entries if (each.get("platform") or {}).get("architecture") == wanted]
    single = remote.manifest((of_this or entries)[0]["digest"])
    if single is None:
        raise WorkbenchError(f"{remote.host}/{remote.name}: the registry lacks an image that its index names")
    return single
