"""What an update of a release does to other architectures: packages whose new version has no build there."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from workbench.catalog.builds import record_name
from workbench.catalog.values import Release
from workbench.compose.recipe import RecipeFile
from workbench.lock.builds import OTHERS, missing_builds, record_text
from workbench.lock.interpreter import version_of
from workbench.lock.pipenv import LOCK
from workbench.names import python_of_lists
from workbench.release.relock import ReleaseLock


def build_records(
    release: Release, locks: Mapping[str, ReleaseLock], new: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, list[str]]]:
    """Return which packages of each new lock have no build for an architecture of the release: `new` refuses those.

    By folder, then by architecture; nothing where the lists are for no other architecture, or there is no uv.
    """
    others = [name for name in release.architectures if name in OTHERS]
    found = {}
    for folder, texts in new.items() if others else ():
        lists = [text for name, text in texts.items() if name != LOCK]
        python = python_of_lists(folder.rpartition("/")[2]) or version_of(sys.executable) or ""
        missing = missing_builds(lists, locks[folder].pipfile, python, others)
        if missing is not None:
            found[folder] = missing
    return found


def lost_builds(
    files: Mapping[str, RecipeFile], records: Mapping[str, Mapping[str, list[str]]]
) -> Iterator[tuple[str, str]]:
    """Yield the folder of a lock and what has no build for an architecture now, which its record did not name."""
    for folder, missing in records.items():
        for architecture, names in missing.items():
            record = files.get(f"{folder}/{record_name(architecture)}")
            known = record.data.decode().splitlines() if record else []
            if lost := [name for name in names if name not in known]:
                yield folder, f"no build for {architecture}: {', '.join(lost)}"


def with_records(
    files: Mapping[str, RecipeFile], records: Mapping[str, Mapping[str, list[str]]]
) -> dict[str, RecipeFile]:
    """Return the files of the release with the records of packages without a build; a lock without any has none."""
    changed = dict(files)
    for folder, missing in records.items():
        for architecture, names in missing.items():
            path = f"{folder}/{record_name(architecture)}"
            changed.pop(path, None)
            if names:
                changed[path] = RecipeFile(record_text(architecture, names).encode(), False, "")
    return changed
