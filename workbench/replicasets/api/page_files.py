"""The page: its files, which hold no data. It requests all that it shows with the token that it is given."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import cache
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import Response

from workbench.replicasets.api.failures import refusal
from workbench.replicasets.api.libraries import DIGESTS, Libraries

ROUTES = APIRouter(include_in_schema=False)
_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")
_KINDS = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css"}
# Nothing from elsewhere, nothing written into the page, and no other site may frame it.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
# Which file is at which path: those in the folder, and those of other projects.
FILES = {"/": "index.html"} | {
    f"/{name}": name for name in sorted(os.listdir(_FOLDER)) if os.path.splitext(name)[1] in (".js", ".css")
}
LIBRARIES = {f"/{name}": name for name in DIGESTS}
PATHS = frozenset({*FILES, *LIBRARIES})


@cache
def _bytes(name: str) -> bytes:
    with open(os.path.join(_FOLDER, name), "rb") as file:
        return file.read()


def _response(name: str, content: bytes) -> Response:
    return Response(content, media_type=_KINDS[os.path.splitext(name)[1]], headers=_HEADERS)


def _served(name: str) -> Callable[[], Awaitable[Response]]:
    async def file() -> Response:
        return _response(name, _bytes(name))

    return file


def _library(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def file(request: Request) -> Response:
        content = cast(Libraries, request.app.state.libraries).read(name)
        if content is None:
            return refusal(404, 404, f"{name} is not installed", "`serve --fetch-terminal` fetches it")
        return _response(name, content)

    return file


for _path, _name in FILES.items():
    ROUTES.add_api_route(_path, _served(_name), methods=["GET"])
for _path, _name in LIBRARIES.items():
    ROUTES.add_api_route(_path, _library(_name), methods=["GET"])
