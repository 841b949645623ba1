"""What the package index has of a package: versions, and which of them were yanked (PEP 503, 592 and 691)."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import httpx
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from workbench.errors import UsageError, WorkbenchError
from workbench.indexes import MAIN

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_AT_ONCE = 8
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class AvailableVersions:
    """What the index has of one package: installable versions, and yanked ones, each with the reason."""

    versions: frozenset[str] = frozenset()
    yanked: dict[str, str] = field(default_factory=dict)

    def has(self, version: str) -> bool:
        """Return whether `version` can be installed."""
        return version in self.versions or any(Version(each) == Version(version) for each in self.versions)

    def why_not(self, version: str) -> str:
        """Return why `version` cannot be installed: yanked, with the reason, or gone."""
        if version in self.yanked:
            reason = self.yanked[version]
            return f"was yanked{f': {reason}' if reason else ''}"
        return "is gone from the index"

    def above(self, version: str) -> list[str]:
        """Return the final versions after `version`, the newest first."""
        later = [each for each in map(Version, self.versions) if each > Version(version) and not each.is_prerelease]
        return [str(each) for each in sorted(later, reverse=True)]


def query(packages: Iterable[str], variable: str = MAIN) -> dict[str, AvailableVersions]:
    """Return what the index that `variable` names (pip's own by default) has of each of `packages`.

    Raises UsageError when no index is named and WorkbenchError when it does not answer. A package
    that it does not know has no versions.
    """
    index = os.environ.get(variable, "")
    if not index:
        hint = f"export {variable}=ADDRESS of the package index"
        raise UsageError(f"{variable}, which the Pipfiles name, is not set", hint=hint)
    names = sorted(set(packages))
    verify = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"))
    with (
        httpx.Client(timeout=_SECONDS, follow_redirects=True, verify=verify, headers={"Accept": _ACCEPT}) as client,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        return dict(zip(names, pool.map(lambda name: _one(client, index, name), names), strict=True))


def _one(client: httpx.Client, index: str, name: str) -> AvailableVersions:
    # Without user and password: anybody may read an error.
    where = f"{urlsplit(index).hostname}, looking for {name}"
    try:
        response = client.get(f"{index.rstrip('/')}/{name}/")
    except httpx.HTTPError as error:
        raise WorkbenchError(f"the package index does not answer: {error}", where=where) from None
    if response.status_code == 404:
        return AvailableVersions()
    if response.status_code != 200:
        raise WorkbenchError(f"the package index refuses: {response.status_code}", where=where)
    try:
        is_json = "json" in response.headers.get("Content-Type", "")
        return _available(_files_of_json(response.text) if is_json else _files_of_html(response.text))
    except (ValueError, KeyError, TypeError) as error:
        raise WorkbenchError(f"the package index sent what cannot be read: {error}", where=where) from None


def _files_of_json(text: str) -> Iterator[tuple[str, str | None]]:
    for file in json.loads(text)["files"]:
        yanked = file.get("yanked", False)
        yield file["filename"], None if yanked is False else (yanked if isinstance(yanked, str) else "")


def _files_of_html(text: str) -> Iterator[tuple[str, str | None]]:
    page = _Page()
    page.feed(text)
    yield from page.files


class _Page(HTMLParser):
    """A page of links to files; `data-yanked` marks a file that was yanked."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a" and (link := attributes.get("href")):
            yanked = (attributes["data-yanked"] or "") if "data-yanked" in attributes else None
            self.files.append((unquote(urlsplit(link).path).rpartition("/")[2], yanked))


def _available(files: Iterable[tuple[str, str | None]]) -> AvailableVersions:
    """Return the versions of files, each with why it was yanked or None: one installable file is enough."""
    installable: set[str] = set()
    withdrawn: dict[str, str] = {}
    for name, yanked in files:
        version = _version(name)
        if version and yanked is None:
            installable.add(version)
        elif version:
            withdrawn[version] = yanked or ""
    yanked_only = {version: why for version, why in withdrawn.items() if version not in installable}
    return AvailableVersions(frozenset(installable), yanked_only)


def _version(file: str) -> str:
    """Return the version of a wheel or source archive, "" for any other file."""
    try:
        return str(parse_wheel_filename(file)[1] if file.endswith(".whl") else parse_sdist_filename(file)[1])
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return ""
