"""`buildkit`: a recipe as our graph, as podman builds it, and as BuildKit's own Dockerfile frontend does."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import groupby
from statistics import median

from benchmarks.changes import BUNDLE, IDE, changes
from benchmarks.store import BASE, Store, store
from tests import dockerd as daemons
from tests.dockerd import Dockerd
from workbench.containerfile.parser import instructions
from workbench.images.backend import choose, open_backend
from workbench.images.builder import Builder
from workbench.images.buildkit.carry import bring
from workbench.images.buildkit.engine_api import EngineApi
from workbench.images.buildkit.llb.address import parse
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.session.session import Session
from workbench.images.buildkit.store import DockerdStore
from workbench.images.network import Site, site
from workbench.images.recipe_request import recipe_request
from workbench.images.request import BuildRequest

_HOST = "network.host"
_QUICK = 7


class _QuietBuild:
    """A watcher that ignores what a build reports."""

    def step(self, number: int, total: int, title: str) -> None:
        """Ignore a step."""

    def line(self, text: str) -> None:
        """Ignore a line."""


def buildkit() -> None:
    """tensorboard-datascience by our graph, `podman build --layers --jobs` and the Dockerfile frontend: 15 minutes."""
    if reason := daemons.missing():
        raise SystemExit(f"there is no BuildKit here: {reason}")
    with store() as podman_store, daemons.started(online=True) as dockerd:
        os.environ.update(podman_store.engine.env)
        images = DockerdStore(EngineApi(parse(dockerd.address)))
        ours = open_backend(choose("buildkit", dockerd.address)).builder
        podman = open_backend(choose("podman")).builder
        print(f"{IDE}-{BUNDLE}, seconds that building takes (ratio of ours to each: below 1 is ahead)")
        print(f"what takes seconds at most is measured {_QUICK} times: the medians")
        print(f"  {'':<36} {'ours':>9} {'podman --jobs':>18} {'Dockerfile frontend':>20}")
        for what, each in groupby(changes(podman_store, quick=_QUICK)):
            times = [_measured(podman_store, images, dockerd, (ours, podman)) for _ in each]
            mine, theirs, frontend = (median(column) for column in zip(*times, strict=True))
            ratios = f"{theirs:9.2f} s {mine / theirs:6.2f} {frontend:10.2f} s {mine / frontend:6.2f}"
            print(f"  {what:<36} {mine:7.2f} s {ratios}", flush=True)


def _measured(
    podman_store: Store, images: DockerdStore, dockerd: Dockerd, builders: tuple[Builder, Builder]
) -> tuple[float, float, float]:
    """Return how many seconds the recipe as it is now takes: by our graph, by podman, by the Dockerfile frontend."""
    request = _request(podman_store)
    # Bringing the base over is not building: both BuildKit builds find it there.
    bring(BASE.image, images, _QuietBuild())
    ours, podman = builders
    return (
        _seconds(partial(_build, ours, request)),
        _seconds(partial(_build, podman, replace(request, options=("--jobs=2",)))),
        _seconds(partial(_frontend, dockerd, request)),
    )


def _seconds(build: Callable[[], None]) -> float:
    before = time.monotonic()
    build()
    return time.monotonic() - before


def _request(podman_store: Store) -> BuildRequest:
    out = tempfile.mkdtemp(dir=podman_store.folder)
    choice = ("--base=standard", f"--bundle={BUNDLE}", f"--ide={IDE}")
    report = podman_store.wizard(
        *("new", *BASE.flags(), *choice, "--out", out, "--json", "--catalog", str(podman_store.folder / "catalogue"))
    )
    return recipe_request(json.loads(report)["folder"], ca_bundle=os.environ.get("SSL_CERT_FILE", ""))


def _build(builder: Builder, request: BuildRequest) -> None:
    builder.build(request, _QuietBuild())


def _frontend(dockerd: Dockerd, request: BuildRequest) -> None:
    """Build as `docker build` with BuildKit does, with the site files that the other builders get."""
    with site(request.ca_bundle) as site_files, tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "Containerfile"), "w") as file:
            file.write(_with_secrets(site_files.containerfile(request.text), site_files))
        attributes = {
            "filename": "Containerfile",
            "image-resolve-mode": "local",
            "force-network-mode": "host",
            **{f"build-arg:{name}": value for name, value in request.arguments.items()},
            **{f"label:{name}": value for name, value in request.labels.items()},
        }
        session = Session(
            files={"context": request.folder, "dockerfile": folder},
            secrets={os.path.basename(inside): here for inside, here in site_files.files.items()},
        )
        with connect(dockerd.address) as daemon:
            daemon.solve_frontend(
                "dockerfile.v0",
                attributes,
                exporter="moby",
                exporter_attributes={"name": "localhost/by-the-frontend:1"},
                session=session,
                entitlements=(_HOST,),
            )


def _with_secrets(text: str, site_files: Site) -> str:
    """Return a Containerfile whose steps mount the site's files as secrets, as BuildKit's frontend does it."""
    mounts = "".join(
        f"--mount=type=secret,id={os.path.basename(inside)},target={inside},mode=0444 " for inside in site_files.files
    )
    lines = text.splitlines()
    for item in instructions(text):
        if item.word == "RUN":
            lines[item.line - 1] = lines[item.line - 1].replace("RUN ", f"RUN {mounts}", 1)
    return "\n".join(lines) + "\n"
