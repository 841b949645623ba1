"""Where advisories are taken from: a folder or archive of OSV documents, or the public API."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from workbench.errors import WorkbenchError
from workbench.release.osv import ECOSYSTEM, TOOL, Advisory, advisories_of

# A folder or an archive of advisories for machines without network: what --advisories names.
VARIABLE = "WORKBENCH_ADVISORIES"
# OSV's API, version 1 (google.github.io/osv.dev/api, read 2026-11-22); another address of the same API may be named.
API, API_VARIABLE = "https://api.osv.dev", "WORKBENCH_OSV_API"
_AT_ONCE, _SECONDS = 500, 60.0
_LARGEST = 8 << 20


@dataclass(frozen=True, slots=True)
class Advisories:
    """Advisories by package, and where they are from."""

    source: str
    by_package: Mapping[str, tuple[Advisory, ...]] = field(default_factory=dict)

    def about(self, package: str, version: str) -> list[Advisory]:
        """Return the advisories that `version` of a package (normalised) falls under, each once."""
        found = {each.names[0]: each for each in self.by_package.get(package, ()) if each.affects(version)}
        kept: dict[str, Advisory] = {}
        for each in found.values():
            # One fault has an advisory in several databases, and each names the others.
            if not any(name in kept for name in each.names):
                kept |= dict.fromkeys(each.names, each)
        return list({id(each): each for each in kept.values()}.values())


def local(path: str) -> Advisories:
    """Return the advisories in a folder (and those below it) or in a zip or tar archive of OSV documents.

    Raises WorkbenchError when it cannot be read, when a document is none of OSV's, and when there is none.
    """
    documents = _in_folder(path) if os.path.isdir(path) else _in_archive(path)
    found: dict[str, list[Advisory]] = {}
    count = 0
    for where, data in documents:
        count += 1
        try:
            document = json.loads(data)
        except ValueError as error:
            raise WorkbenchError(f"is no JSON: {error}", where=where) from None
        for advisory in advisories_of(document, where):
            found.setdefault(advisory.package, []).append(advisory)
    if not count:
        raise WorkbenchError("has no advisories: no file of it ends in .json", where=path)
    return Advisories(f"{count} advisories of {path}", {name: tuple(each) for name, each in found.items()})


def _in_folder(path: str) -> Iterator[tuple[str, bytes]]:
    for above, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".json"):
                full = os.path.join(above, name)
                try:
                    with open(full, "rb") as file:
                        yield full, file.read(_LARGEST)
                except OSError as error:
                    raise WorkbenchError(f"cannot be read: {error.strerror}", where=full) from None


def _in_archive(path: str) -> Iterator[tuple[str, bytes]]:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if name.endswith(".json"):
                        with archive.open(name) as file:
                            yield f"{path}:{name}", file.read(_LARGEST)
        else:
            with tarfile.open(path) as packed:
                for member in packed:
                    if member.isfile() and member.name.endswith(".json") and (content := packed.extractfile(member)):
                        yield f"{path}:{member.name}", content.read(_LARGEST)
    except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise WorkbenchError(
            f"cannot be read: {error}", where=path, hint="name a folder, a zip or a tar archive of OSV documents"
        ) from None


def public(packages: Collection[tuple[str, str]], url: str = "") -> Advisories:
    """Return what OSV's API has about these packages, each a name and a version.

    Names and versions go there, and nothing else. Raises WorkbenchError when it does not answer.
    """
    api = (url or os.environ.get(API_VARIABLE, "") or API).rstrip("/")
    # The API wants an ecosystem for each name, which is not known of a tool.
    wanted = sorted(each for each in set(packages) if not each[0].startswith(TOOL))
    found: dict[str, list[Advisory]] = {}
    try:
        with httpx.Client(timeout=_SECONDS, follow_redirects=True) as client:
            ids: dict[str, None] = {}
            for at in range(0, len(wanted), _AT_ONCE):
                for name in _matching(client, api, wanted[at : at + _AT_ONCE]):
                    ids[name] = None
            for name in ids:
                document = _answer(client.get(f"{api}/v1/vulns/{quote(name, safe='')}"))
                for advisory in advisories_of(document, f"{api}, {name}"):
                    found.setdefault(advisory.package, []).append(advisory)
    except httpx.HTTPError as error:
        raise WorkbenchError(
            f"the database of advisories does not answer: {error}",
            where=api,
            hint=f"without network name a folder or archive of advisories: --advisories, or {VARIABLE}",
        ) from None
    return Advisories(api, {name: tuple(each) for name, each in found.items()})


def _matching(client: httpx.Client, api: str, packages: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the id of every advisory about the packages, page after page."""
    pending: list[dict[str, Any]] = [
        {"package": {"name": name, "ecosystem": ECOSYSTEM}, "version": version} for name, version in packages
    ]
    while pending:
        answer = _answer(client.post(f"{api}/v1/querybatch", json={"queries": pending}))
        results = answer.get("results")
        if not isinstance(results, list) or len(results) != len(pending):
            raise WorkbenchError("the database of advisories sent what cannot be read", where=api)
        following = []
        for query, result in zip(pending, results, strict=True):
            yield from (str(each["id"]) for each in (result or {}).get("vulns") or ())
            if token := (result or {}).get("next_page_token"):
                following.append({**query, "page_token": token})
        pending = following


def _answer(response: httpx.Response) -> dict[str, Any]:
    response.raise_for_status()
    data = response.json()
    if not isinstance(data, dict):
        raise WorkbenchError("the database of advisories sent what cannot be read", where=str(response.url))
    return data
