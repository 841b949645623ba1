"""A new release, made from another."""

from __future__ import annotations

import os
import re

from workbench.catalog.releases import FROZEN, OPEN, RETIRED
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.names import check_release, pick, python_version
from workbench.release.folder import own_files, write_folder
from workbench.release.text import with_value, without_table, without_value


def new(catalogue: Catalogue, name: str, source: str, since: str) -> list[str]:
    """Make the release `name`, open and supported from the day `since`, like the release `source`; return its paths.

    It pins what that pins. Where that has locks of its own, copies of them are its own too: of a
    frozen one only the bundles, for an open release takes the rest from the catalogue. Raises
    WorkbenchError when there is such a release already.
    """
    check_release(name)
    existing = {each.lower(): each for each in catalogue.releases}
    if taken := existing.get(name.lower()):
        raise WorkbenchError(f"there is a release {taken}", where=catalogue.releases[taken].path)
    release = catalogue.releases[pick(source, catalogue.releases, "release")]
    if release.state == RETIRED:
        raise WorkbenchError(f"release {source} is retired", where=release.path, hint="name another with --from")
    path, own = f"releases/{name}.toml", f"releases/{name}"
    if catalogue.tree.exists(own):
        raise WorkbenchError("exists already, without a release file", where=own, hint="remove it, or name another")
    text = without_table(without_table(catalogue.tree.text(release.path), "support"), "amended")
    text = without_value(text, "record")
    text = re.sub(rf"\A# Release {re.escape(source)}\b", f"# Release {name}", text)
    text = with_value(with_value(text, ("state",), OPEN), ("display",), f"{name}, from {source}")
    text = f'{text.rstrip()}\n\n[support]\nfrom = "{since}"\n'
    made = [path]
    if release.own:
        files = own_files(at_release(catalogue, source).tree, release)
        locks = {place: file for place, file in files.items() if is_lock(place) or release.state != FROZEN}
        # The folder first: without its file there is no such release yet.
        write_folder(catalogue.tree, name, locks)
        made.append(own)
    write_whole(os.path.join(catalogue.tree.root, path), text)
    return made


def is_lock(path: str) -> bool:
    """Return whether the file at `path` of a frozen folder is for an open one too: a lock, a label, rules."""
    parts = path.split("/")
    if parts[0] != "bundles" or len(parts) < 3:
        return False
    return python_version(parts[2]) is not None or parts[2] in ("bundle.toml", "display.txt")
