"""Does a lock belong to its Pipfile, and do its requirement lists agree with it?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.indexes import index_variables
from workbench.lock.pipenv import LOCK, export_name, is_elsewhere
from workbench.lock.pipfile import digest
from workbench.lock.sources import source_variable, sources_of
from workbench.packages import normalized_name
from workbench.release.pins import categories_of

_LINE = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^\s;]+)")
_HASH = re.compile(r"--hash=(\S+)")


def lock_faults(files: Mapping[str, bytes], pipfile: str = "") -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the lock and the lists among a folder's `files`, as `(file, message)`.

    With the whole text of the Pipfile, it is also checked that the lock was made from it.
    """
    try:
        lock: dict[str, Any] = json.loads(files[LOCK])
        digest_in_lock = lock["_meta"]["hash"]["sha256"]
        categories = {export_name(name): entries for name, entries in categories_of(lock)}
        sources = sources_of({"source": lock["_meta"].get("sources", [])})
    except (KeyError, TypeError, ValueError) as error:
        yield LOCK, f"is no lock of pipenv: {error!r}"
        return
    if pipfile and digest(pipfile) != digest_in_lock:
        yield LOCK, "is older than its Pipfile: lock it again"
    lists = [name for name in files if re.fullmatch(r"requirements(-.+)?\.txt", name)]
    yield from ((name, "is of no category of the lock") for name in lists if name not in categories)
    for name, entries in categories.items():
        if name not in files:
            if entries:
                yield name, "is missing: lock it again"
            continue
        wanted: dict[str, tuple[str, set[str]]] = {
            normalized_name(each): _pin(entry) for each, entry in entries.items() if not is_elsewhere(entry)
        }
        text = files[name].decode(errors="replace")
        # A list names the indexes of its own packages, each by its variable, and no other.
        indexes = {source_variable(sources, entry) for entry in entries.values() if not is_elsewhere(entry)} - {""}
        yield from (
            (name, f"the index ${{{each}}} of {LOCK} is missing") for each in indexes - {*index_variables(text)}
        )
        for number, line in enumerate(text.splitlines(), 1):
            if (named := index_variables(line)) and indexes.issuperset(named):
                continue
            match = _LINE.match(line)
            package = normalized_name(match[1]) if match else ""
            if match is None or package not in wanted:
                yield f"{name}:{number}", f"{package or line[:60]!r} is not in {LOCK}"
                continue
            version, hashes = wanted.pop(package)
            if match[2] != version:
                yield f"{name}:{number}", f"{package} is {match[2]} here and {version} in {LOCK}"
            elif set(_HASH.findall(line)) != hashes:
                yield f"{name}:{number}", f"{package} has other hashes here than in {LOCK}"
        yield from ((name, f"{package} of {LOCK} is missing") for package in wanted)


def _pin(entry: Mapping[str, Any]) -> tuple[str, set[str]]:
    return str(entry.get("version", "")).removeprefix("=="), set(entry.get("hashes", ()))
