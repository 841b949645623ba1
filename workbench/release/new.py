"""A new release, made from another."""

from __future__ import annotations

import os
import re

from workbench.catalog.releases import FROZEN, OPEN, RETIRED
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.errors import UsageError, WorkbenchError
from workbench.files import write_whole
from workbench.names import check_release, python_of_lists
from workbench.release.folder import own_files, write_folder
from workbench.release.text import with_value, without_table, without_value


def next_name(catalogue: Catalogue, since: str) -> str:
    """Return the name of the next release of the year of `since` (2026-11-22): 2026b after 2026a.

    Raises UsageError when the year has no letter left.
    """
    taken = {each.lower() for each in (*catalogue.releases, *catalogue.broken.get("release", {}))}
    last = max((each[4] for each in taken if re.fullmatch(rf"{since[:4]}[a-z]", each)), default="`")
    if last == "z":
        raise UsageError(f"there is a release {since[:4]}z already", hint="name the new one yourself")
    return f"{since[:4]}{chr(ord(last) + 1)}"


def new(catalogue: Catalogue, name: str, source: str, since: str, until: str = "", first: str = "") -> list[str]:
    """Make the release `name`, open and supported from the day `since` until `until`; return its paths.

    It pins what the release `source` pins, and its file says so. Where that has locks of its own, copies of them are
    its own too: of a frozen one only the bundles, for an open release takes the rest from the catalogue. In a
    catalogue without a release, `first` is the text of its file instead. Raises UsageError for a support that ends
    before it begins, and WorkbenchError when there is such a release already.
    """
    check_release(name)
    if until and until <= since:
        raise UsageError(f"support from {since} cannot end on {until}")
    existing = {each.lower(): each for each in (*catalogue.releases, *catalogue.broken.get("release", {}))}
    if taken := existing.get(name.lower()):
        raise WorkbenchError(f"there is a release {taken}", where=f"releases/{taken}.toml")
    if first:
        path = f"releases/{name}.toml"
        os.makedirs(os.path.join(catalogue.tree.root, "releases"), exist_ok=True)
        write_whole(os.path.join(catalogue.tree.root, path), _with_support(first, since, until))
        return [path]
    release = catalogue.release(source)
    if release.state == RETIRED:
        raise WorkbenchError(f"release {source} is retired", where=release.path, hint="name another with --from")
    path, own = f"releases/{name}.toml", f"releases/{name}"
    if catalogue.tree.exists(own):
        raise WorkbenchError("exists already, without a release file", where=own, hint="remove it, or name another")
    text = without_table(without_table(catalogue.tree.text(release.path), "support"), "amended")
    text = without_value(text, "record")
    # The first lines of a release file say what it is and when that was checked: true of the other one only.
    text = re.sub(rf"\A# Release {re.escape(source)}\b[^\n]*\n(#[^\n]*\n)*", "", text)
    text = with_value(with_value(text, ("state",), OPEN), ("display",), f"{name}, from {source}")
    text = f"# Release {name}, made on {since}: it pins what {source} pinned then.\n{text.lstrip()}"
    text = _with_support(text, since, until)
    made = [path]
    if release.own:
        files = own_files(at_release(catalogue, source).tree, release)
        locks = {place: file for place, file in files.items() if is_lock(place) or release.state != FROZEN}
        # The folder first: without its file there is no such release yet.
        write_folder(catalogue.tree, name, locks)
        made.append(own)
    write_whole(os.path.join(catalogue.tree.root, path), text)
    return made


def _with_support(text: str, since: str, until: str) -> str:
    """Return the text of a release file with its support, which it has not yet or begins with."""
    days = f'from = "{since}"\n' + (f'until = "{until}"\n' if until else "")
    return f"{without_table(text, 'support').rstrip()}\n\n[support]\n{days}"


def is_lock(path: str) -> bool:
    """Return whether the file at `path` of a frozen folder is for an open one too: a lock, a label, rules."""
    parts = path.split("/")
    if parts[0] != "bundles" or len(parts) < 3:
        return False
    return python_of_lists(parts[2]) is not None or parts[2] == "bundle.toml" or parts[2].startswith("display.")
