"""The page: its files, which hold no data. It requests all that it shows with the token that it is given."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import cache

from fastapi import APIRouter
from fastapi.responses import Response

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
# Which file is at which path; those of the folder that are no files of the page (tests, editors' copies) are none.
FILES = {"/": "index.html"} | {
    f"/{name}": name for name in sorted(os.listdir(_FOLDER)) if os.path.splitext(name)[1] in (".js", ".css")
}


@cache
def _bytes(name: str) -> bytes:
    with open(os.path.join(_FOLDER, name), "rb") as file:
        return file.read()


def _served(name: str) -> Callable[[], Awaitable[Response]]:
    async def file() -> Response:
        return Response(_bytes(name), media_type=_KINDS[os.path.splitext(name)[1]], headers=_HEADERS)

    return file


for _path, _name in FILES.items():
    ROUTES.add_api_route(_path, _served(_name), methods=["GET"])
