"""From a recipe folder to the request that builds it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.commands import here
from workbench.compose.checks import containerfile_problems
from workbench.compose.recipe import CONTAINERFILE, MANIFEST
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.labels import created, own_labels
from workbench.images.request import BuildRequest
from workbench.indexes import index_variables
from workbench.names import is_image
from workbench.recipes.changes import changes_by_hand, digests
from workbench.recipes.read import read_manifest


def recipe_request(
    folder: str,
    *,
    labels: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
    ca_bundle: str = "",
    cache: bool = True,
    secrets: Mapping[str, str] | None = None,
    agents: Mapping[str, str] | None = None,
) -> BuildRequest:
    """Return the request that builds the recipe in `folder`, with `labels` beside its own.

    `secrets` and `agents` are files and sockets by the id under which its steps may mount them.

    Raises WorkbenchError when it is no recipe, and FaultsError with the lines of its Containerfile
    that keep it from being built. A folder that was changed by hand may be built: its source
    label says so.
    """
    if not os.path.isdir(folder):
        raise WorkbenchError(
            "there is no such recipe folder", where=folder, hint=f"`{here('new --defaults')}` makes one"
        )
    manifest = read_manifest(folder)
    name = f"{LOCAL_REPOSITORY}:{manifest.tag}"
    if not is_image(name):
        raise WorkbenchError(f"{manifest.tag!r} is not a tag", where=os.path.join(folder, MANIFEST))
    files = digests(folder)
    path = os.path.join(folder, CONTAINERFILE)
    if CONTAINERFILE not in files:
        raise WorkbenchError("the recipe has no Containerfile", where=folder, hint="compose it again with --force")
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if found := [(f"{path}:{line}", message) for line, message in containerfile_problems(text, files)]:
        raise FaultsError(f"{manifest.tag} cannot be built", found, hint="compose it again with --force")
    return BuildRequest(
        names=(name,),
        folder=folder,
        text=text,
        labels={
            **own_labels(
                manifest.tag,
                manifest.selection.release,
                manifest.inputs,
                changed=bool(changes_by_hand(manifest, files)),
            ),
            **created(manifest.selection.date),
            **(labels or {}),
        },
        options=options,
        ca_bundle=ca_bundle,
        cache=cache,
        secrets=secrets or {},
        agents=agents or {},
        indexes=_indexes(folder, files, text),
    )


def _indexes(folder: str, files: Collection[str], text: str) -> tuple[str, ...]:
    """Return the variables of the package indexes that the recipe's lists name and its Containerfile mounts."""
    found: dict[str, None] = {}
    for path in files:
        if path.rpartition("/")[2].startswith("requirements"):
            with open(os.path.join(folder, path), encoding="utf-8", errors="replace") as file:
                found |= dict.fromkeys(index_variables(file.read()))
    return tuple(variable for variable in found if f"id={variable}," in text)
