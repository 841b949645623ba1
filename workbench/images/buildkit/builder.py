"""Building with a BuildKit: a recipe's graph, made here and sent to the daemon. A Builder, as podman's is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from workbench import podman
from workbench.errors import UsageError, WorkbenchError
from workbench.images.builder import Built, Watcher
from workbench.images.buildkit.engine_api import EngineApi
from workbench.images.buildkit.graph_build import GraphBuild
from workbench.images.buildkit.llb.address import Address
from workbench.images.buildkit.llb.client import Daemon, connect
from workbench.images.buildkit.llb.failures import StepFailedError
from workbench.images.buildkit.llb.solving import Cache, stop_all
from workbench.images.buildkit.step_reporter import StepReporter
from workbench.images.network import site
from workbench.images.request import BuildRequest
from workbench.images.shared_cache import INLINE, UNSHARED, SharedCache
from workbench.process import called_off, interruptible

_HOST_NETWORK = "network.host"


class BuildKitBuilder:
    """A Builder that has a BuildKit do the work: a Docker Engine's, which keeps the image, or one of its own.

    The latter pushes what it builds to the repository `push`, under the image's tag; without one, podman gets it,
    which must be here for that. Its steps are `shared` through a registry.
    """

    def __init__(self, address: Address, shared: SharedCache = UNSHARED, push: str = "") -> None:
        self.address = address
        self.shared = shared
        self.push = push

    def build(self, request: BuildRequest, watcher: Watcher) -> Built:
        """Build the image that `request` describes and return it.

        Raises WorkbenchError when the Containerfile cannot be read, a base does not fit or a step
        fails, UsageError for options of another engine.
        """
        if request.options:
            raise UsageError(
                f"{request.options[0]} is no option of BuildKit", hint="leave it out, or build with podman"
            )
        steps = StepReporter(watcher)
        with (
            site(request.ca_bundle, indexes=request.indexes, where=request.folder) as network,
            interruptible(),
            called_off(stop_all),
            connect(self.address) as daemon,
        ):
            try:
                api = EngineApi(self.address) if daemon.is_engine else None
                built = _exported(
                    GraphBuild(request, network, steps, _network_mode(api), daemon),
                    cache_from=self._sources(request, steps),
                    cache_to=self._targets(request, daemon),
                    push=self.push,
                )
            except StepFailedError as error:
                how = f"with exit code {error.code} in" if error.code is not None else f"({error.detail}) in"
                raise WorkbenchError(
                    f"building {request.tag} failed {how} {steps.describe(error.step)}",
                    hint=steps.hint or error.hint,
                ) from None
            steps.sum_up()
            return built

    def _sources(self, request: BuildRequest, steps: StepReporter) -> list[Cache]:
        """Return where finished steps may be: where the user says, and in images of the same bundle."""
        if request.siblings:
            steps.note(f"layers that are the same are taken over from {', '.join(request.siblings)}")
        named = (*self.shared.sources_of(request.tag), *request.siblings)
        return [Cache("registry", {"ref": name}) for name in named]

    def _targets(self, request: BuildRequest, daemon: Daemon) -> list[Cache]:
        """Return where the steps are kept: where the user says, else in the image, where an engine keeps that."""
        target = self.shared.target_of(request.tag) or (INLINE if daemon.is_engine else "")
        if target == INLINE:
            return [Cache(INLINE)]
        # Steps of other stages too.
        return [Cache("registry", {"ref": target, "mode": "max"})] if target else []


def _exported(build: GraphBuild, *, cache_from: Sequence[Cache], cache_to: Sequence[Cache], push: str) -> Built:
    """Build the image and keep it under its names, or in the repository `push`."""
    names, daemon = build.request.names, build.daemon
    entitlements = (_HOST_NETWORK,) if build.network_mode == "host" else ()
    if daemon.is_engine:
        response = daemon.build(
            build.solve, exporter="moby", exporter_attributes={"name": ",".join(names)}, session=build.session(),
            watch=build.steps.read, entitlements=entitlements, cache_from=cache_from, cache_to=cache_to,
        )  # fmt: skip
        return Built(names[0], response.get("containerimage.config.digest") or response["containerimage.digest"])
    if push:
        target = f"{push}:{build.request.tag}"
        response = daemon.build(
            build.solve, exporter="image", exporter_attributes={"name": target, "push": "true"},
            session=build.session(), watch=build.steps.read, entitlements=entitlements, cache_from=cache_from,
            cache_to=cache_to,
        )  # fmt: skip
        return Built(target, response["containerimage.config.digest"])
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        archive = os.path.join(folder, "image.tar")
        daemon.build(
            build.solve, exporter="docker", session=build.session(archive),
            watch=build.steps.read, entitlements=entitlements, cache_from=cache_from, cache_to=cache_to,
        )  # fmt: skip
        image = podman.output("take the image", "load", "--quiet", "--input", archive).split()[-1]
    for name in names:
        podman.output(f"name the image {name}", "tag", image, name)
    return Built(names[0], image if image.startswith("sha256:") else f"sha256:{image}")


def _network_mode(api: EngineApi | None) -> str:
    """Return the network of steps that name none: the host's, where a Docker Engine was started without any."""
    if api is None:
        return ""
    return "" if api.request("GET", "/networks/bridge").status_code == 200 else "host"
