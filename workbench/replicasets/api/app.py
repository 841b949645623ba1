"""The application: the gate before all, the endpoints behind it, and errors as answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from workbench import __version__
from workbench.replicasets.api import health, resources, sets, volumes
from workbench.replicasets.api.audit import Audit
from workbench.replicasets.api.failures import handle
from workbench.replicasets.api.gate import Gate
from workbench.replicasets.api.metrics import Requests
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.service import ReplicaSets

PREFIX = "/api/v1"
DOCUMENT = f"{PREFIX}/openapi.json"
# A program that runs for an hour holds a thread for an hour.
THREADS = 200


@asynccontextmanager
async def _life(_app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = THREADS
    yield


def make_app(service: ReplicaSets, tokens: Tokens, audit: Audit) -> FastAPI:
    """Return the application that serves `service` to whoever has one of `tokens`."""
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
    requests = Requests()
    app.state.service, app.state.requests = service, requests
    app.add_middleware(Gate, tokens=tokens, audit=audit, requests=requests)
    handle(app)
    for router in (sets.ROUTES, volumes.ROUTES, resources.ROUTES):
        app.include_router(router, prefix=PREFIX)
    for router in (health.OPEN, health.LOCKED):
        app.include_router(router)
    return app
