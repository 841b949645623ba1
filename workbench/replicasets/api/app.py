"""The application: the gate before all, the endpoints behind it, and errors as answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from workbench import __version__
from workbench.replicasets.api import builds as build_routes
from workbench.replicasets.api import (
    entering,
    events,
    files,
    health,
    outputs,
    page_files,
    queue,
    resources,
    sets,
    terminals,
    volumes,
)
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.compat import Compat, Words
from workbench.replicasets.api.failures import handle
from workbench.replicasets.api.following import Following
from workbench.replicasets.api.gate import Gate
from workbench.replicasets.api.lanes import LaneBounds, Lanes
from workbench.replicasets.api.libraries import Libraries
from workbench.replicasets.api.metrics import Requests, metrics
from workbench.replicasets.api.probes import Probe
from workbench.replicasets.api.proxy.serving import Workbenches
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.builds.queue import Builds
from workbench.replicasets.service import ReplicaSets

PREFIX = "/api/v1"
DOCUMENT = f"{PREFIX}/openapi.json"
# How long /readyz may be behind, and how long it and /metrics wait for an engine that hangs.
FRESH_SECONDS = 1.0
PROBE_SECONDS = 10.0


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    # Whoever has a slot of a lane has a thread too: a program that runs for an hour holds one for an hour.
    current_default_thread_limiter().total_tokens = app.state.lanes.bounds.threads()
    yield


def make_app(
    service: ReplicaSets,
    tokens: Tokens,
    audit: Audit,
    bounds: LaneBounds = LaneBounds(),  # noqa: B008  frozen
    compat: Compat = Compat(),  # noqa: B008  frozen
    libraries: Libraries | None = None,
    workbenches: Workbenches | None = None,
    builds: Builds | None = None,
) -> FastAPI:
    """Return the application that serves `service` to whoever has one of `tokens`, within `bounds`.

    `libraries` is what the page uses of other projects, `workbenches` the address that leads to sets, `builds` what
    builds images; None for nothing.
    """
    app = FastAPI(
        title="workbench-images: replica sets",
        version=__version__,
        openapi_url=DOCUMENT,
        # FastAPI's own pages load their script from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # A body without a content type is JSON, as it is for the original.
        strict_content_type=False,
        lifespan=_life,
    )
    requests, lanes = Requests(), Lanes(bounds)
    app.state.service, app.state.lanes = service, lanes
    app.state.ready = Probe("the check of engine and store", service.check, FRESH_SECONDS, PROBE_SECONDS)
    app.state.numbers = Probe("counting", partial(metrics, service, requests, lanes), 0.0, PROBE_SECONDS)
    app.state.stopping = lambda: False
    app.state.following = Following(service, lambda: app.state.stopping())
    app.state.compat = compat
    app.state.workbenches = workbenches
    app.state.builds = builds
    app.state.libraries = libraries or Libraries()
    # What a program with input may wait for at once: its output, its input being taken, its size, its end.
    app.state.terminals = CapacityLimiter(4 * bounds.terminal.in_all)
    if compat.words:
        app.add_middleware(Words)
    app.add_middleware(Gate, tokens=tokens, audit=audit, requests=requests, lanes=lanes, compat=compat)
    if compat.origins:
        # Before the gate: a browser asks without a token what it may send.
        methods, names = ("GET", "POST", "PATCH", "DELETE"), ("Authorization", "Content-Type", "If-None-Match")
        app.add_middleware(
            CORSMiddleware,
            allow_origins=compat.origins,
            allow_methods=methods,
            allow_headers=names,
            expose_headers=("ETag", "Retry-After"),
            max_age=600,
        )
    handle(app)
    for router in (
        sets.ROUTES,
        outputs.ROUTES,
        entering.ROUTES,
        files.ROUTES,
        volumes.ROUTES,
        resources.ROUTES,
        events.ROUTES,
        queue.ROUTES,
        terminals.ROUTES,
        build_routes.ROUTES,
    ):
        app.include_router(router, prefix=PREFIX)
    app.include_router(terminals.SOCKETS, prefix=PREFIX)
    for router in (health.OPEN, health.LOCKED, page_files.ROUTES):
        app.include_router(router)
    return app
