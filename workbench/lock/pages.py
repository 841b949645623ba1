"""The pages of a package index: which files it has of each package (PEP 503, 592, 691 and 700)."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from workbench.errors import WorkbenchError

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_AT_ONCE = 8
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A wheel or source archive: its name and address, why it was yanked (None: it was not), its bytes where known."""

    name: str
    url: str
    yanked: str | None = None
    size: int | None = None


class IndexClient:
    """One connection to package indexes: pages by package, and the sizes of files that no page has."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def files(self, index: str, packages: Iterable[str]) -> dict[str, tuple[IndexFile, ...]]:
        """Return the files that the index at this address has of each of `packages`; none of one that it lacks.

        Raises WorkbenchError when it does not answer, or sends what cannot be read.
        """
        names = sorted(set(packages))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(names, pool.map(lambda name: self._page(index, name), names), strict=True))

    def sizes(self, urls: Iterable[str]) -> dict[str, int | None]:
        """Return the bytes of the files at these addresses, None where a server does not give them."""
        wanted = sorted(set(urls))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(self._size, wanted), strict=True))

    def _size(self, url: str) -> int | None:
        try:
            response = self._client.head(url, headers={"Accept": "*/*", "Accept-Encoding": "identity"})
        except httpx.HTTPError:
            return None
        length = response.headers.get("Content-Length", "")
        return int(length) if response.status_code == 200 and length.isdecimal() else None

    def _page(self, index: str, name: str) -> tuple[IndexFile, ...]:
        # Without user and password: anybody may read an error.
        where = f"{urlsplit(index).hostname}, looking for {name}"
        page = f"{index.rstrip('/')}/{name}/"
        try:
            response = self._client.get(page)
        except httpx.HTTPError as error:
            raise WorkbenchError(f"the package index does not answer: {error}", where=where) from None
        if response.status_code == 404:
            return ()
        if response.status_code != 200:
            raise WorkbenchError(f"the package index refuses: {response.status_code}", where=where)
        try:
            is_json = "json" in response.headers.get("Content-Type", "")
            return tuple(_files_of_json(response.text, page) if is_json else _files_of_html(response.text, page))
        except (ValueError, KeyError, TypeError) as error:
            raise WorkbenchError(f"the package index sent what cannot be read: {error}", where=where) from None


@contextmanager
def index_client() -> Iterator[IndexClient]:
    """Give what reads pages of package indexes, with the certificates that pip and uv take."""
    verify = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"))
    with httpx.Client(timeout=_SECONDS, follow_redirects=True, verify=verify, headers={"Accept": _ACCEPT}) as client:
        yield IndexClient(client)


def _files_of_json(text: str, page: str) -> Iterator[IndexFile]:
    for file in json.loads(text)["files"]:
        yanked, size = file.get("yanked", False), file.get("size")
        why = None if yanked is False else (yanked if isinstance(yanked, str) else "")
        url = urljoin(page, str(file.get("url", "")))
        yield IndexFile(file["filename"], url, why, size if isinstance(size, int) and size >= 0 else None)


def _files_of_html(text: str, page: str) -> Iterator[IndexFile]:
    parser = _Page(page)
    parser.feed(text)
    yield from parser.files


class _Page(HTMLParser):
    """A page of links to files; `data-yanked` marks a file that was yanked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.files: list[IndexFile] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a" and (link := attributes.get("href")):
            yanked = (attributes["data-yanked"] or "") if "data-yanked" in attributes else None
            name = unquote(urlsplit(link).path).rpartition("/")[2]
            self.files.append(IndexFile(name, urljoin(self.page, link).partition("#")[0], yanked))
