"""Do the locks of a catalogue belong to their Pipfiles? Without pipenv, which takes a second for each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.lock.pipenv import LOCK, export_name, is_elsewhere
from workbench.lock.pipfile import PIPFILE, digest, merged
from workbench.names import lists_of_folder
from workbench.packages import normalized_name, pins


def _advice() -> str:
    return f"run `{here('lock')}`"


def stale_locks(root: str, folders: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return where a lock is missing or not of its Pipfile, or a list has other versions than its lock, and what.

    `folders`, relative to `root`, map to those whose Pipfiles they build on.
    """
    found = []
    for folder, above in folders.items():
        if lists_of_folder(os.path.basename(folder)) and not os.path.exists(os.path.join(root, folder, LOCK)):
            # Lists for certain bases wait for whoever has the package index that they need: none is offered until then.
            continue
        try:
            found += [(f"{folder}/{name}", message) for name, message in _stale(root, folder, above)]
        except WorkbenchError as error:
            found.append((os.path.relpath(error.where, root), error.message))
    return found


def _stale(root: str, folder: str, above: Sequence[str]) -> Iterator[tuple[str, str]]:
    full = os.path.join(root, folder)
    text = merged([os.path.join(root, each) for each in (*above, folder)])
    path = os.path.join(full, LOCK)
    if not os.path.exists(path):
        yield PIPFILE, f"has no {LOCK} beside it: {_advice()}"
        return
    try:
        with open(path, encoding="utf-8") as file:
            locked = json.load(file)
        of_pipfile = locked.pop("_meta")["hash"]["sha256"]
        categories = {
            category: {
                normalized_name(package): entry.get("version", "").removeprefix("==")
                for package, entry in packages.items()
                if not is_elsewhere(entry)
            }
            for category, packages in locked.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise WorkbenchError(f"is no lock: {_advice()}", where=path) from None
    if of_pipfile != digest(text):
        others = f" with those of {', '.join(above)}" if above else ""
        yield LOCK, f"is not the lock of its {PIPFILE}{others}: {_advice()}"
        return
    for category, versions in categories.items():
        name = export_name("packages" if category == "default" else category)
        if category != "develop" and _pins(os.path.join(full, name)) != versions:
            yield name, f"has not the versions of {LOCK}: {_advice()}"


def _pins(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            return dict(pins(file.read()))
    except OSError:
        return {}
