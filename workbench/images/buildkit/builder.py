"""Building with a BuildKit: a recipe's graph, made here and sent to the daemon. A Builder as podman's is one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from workbench import podman
from workbench.errors import UsageError, WorkbenchError
from workbench.images.builder import BuildRequest, Built, Watcher
from workbench.images.buildkit.engine_api import EngineApi
from workbench.images.buildkit.llb.address import Address
from workbench.images.buildkit.llb.client import Daemon, connect
from workbench.images.buildkit.llb.failures import StepFailedError
from workbench.images.buildkit.llb.solving import Cache, stop_all
from workbench.images.buildkit.making import Making
from workbench.images.buildkit.steps import Steps
from workbench.images.network import site
from workbench.images.shared_cache import INLINE, UNSHARED, SharedCache
from workbench.process import called_off, interruptible

_HOST_NETWORK = "network.host"


class BuildKitBuilder:
    """A Builder that has a BuildKit do the work: a Docker Engine's, which keeps the image, or one of its own.

    What the latter builds is handed to podman, which must be here for that. Its steps are `shared`
    through a registry.
    """

    def __init__(self, address: Address, shared: SharedCache = UNSHARED) -> None:
        self.address = address
        self.shared = shared

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        """Build the image that `request` describes and return it.

        Raises WorkbenchError when the Containerfile cannot be read, a base does not fit or a step
        fails, UsageError for options of another engine.
        """
        if request.options:
            raise UsageError(
                f"{request.options[0]} is no option of BuildKit", hint="leave it out, or build with podman"
            )
        steps = Steps(watcher)
        with (
            site(request.ca_bundle) as lent,
            interruptible(),
            called_off(stop_all),
            connect(self.address) as daemon,
        ):
            try:
                api = EngineApi(self.address) if daemon.is_engine else None
                built = _exported(
                    Making(request, lent, steps, _network(api), daemon),
                    cache_from=self._sources(request, steps),
                    cache_to=self._targets(request, daemon),
                )
            except StepFailedError as error:
                hint = "a certificate was refused: on a network that inspects TLS, give --ca-bundle FILE"
                how = f"with exit code {error.code} in" if error.code is not None else f"({error.detail}) in"
                raise WorkbenchError(
                    f"building {request.tag} failed {how} {steps.called(error.step)}",
                    hint=hint if steps.distrusted else error.hint,
                ) from None
            steps.sum_up()
            return built

    def _sources(self, request: BuildRequest, steps: Steps) -> list[Cache]:
        """Return where finished steps may be: where the user says, and in images of the same bundle."""
        if request.siblings:
            steps.say(f"layers that are the same are taken over from {', '.join(request.siblings)}")
        named = (*self.shared.sources_of(request.tag), *request.siblings)
        return [Cache("registry", {"ref": name}) for name in named]

    def _targets(self, request: BuildRequest, daemon: Daemon) -> list[Cache]:
        """Return where the steps are kept: where the user says, else in the image, where an engine keeps that."""
        target = self.shared.target_of(request.tag) or (INLINE if daemon.is_engine else "")
        if target == INLINE:
            return [Cache(INLINE)]
        # Those of other stages too.
        return [Cache("registry", {"ref": target, "mode": "max"})] if target else []


def _exported(making: Making, *, cache_from: Sequence[Cache], cache_to: Sequence[Cache]) -> Built:
    """Have the image made, and kept under its names."""
    names, daemon = making.request.names, making.daemon
    entitlements = (_HOST_NETWORK,) if making.network == "host" else ()
    if daemon.is_engine:
        said = daemon.build(
            making.made, exporter="moby", exporter_attributes={"name": ",".join(names)}, session=making.session(),
            watch=making.steps.read, entitlements=entitlements, cache_from=cache_from, cache_to=cache_to,
        )  # fmt: skip
        return Built(names[0], said.get("containerimage.config.digest") or said["containerimage.digest"])
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        archive = os.path.join(folder, "image.tar")
        daemon.build(
            making.made, exporter="docker", session=making.session(archive),
            watch=making.steps.read, entitlements=entitlements, cache_from=cache_from, cache_to=cache_to,
        )  # fmt: skip
        image = podman.output("take the image", "load", "--quiet", "--input", archive).split()[-1]
    for name in names:
        podman.output(f"name the image {name}", "tag", image, name)
    return Built(names[0], image if image.startswith("sha256:") else f"sha256:{image}")


def _network(api: EngineApi | None) -> str:
    """Return the network of steps that ask for none: the host's, where a Docker Engine was started without any."""
    if api is None:
        return ""
    return "" if api.ask("GET", "/networks/bridge").status_code == 200 else "host"
