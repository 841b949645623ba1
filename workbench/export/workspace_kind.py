"""What Kubeflow's Notebooks 2 offer: a WorkspaceKind for each IDE, with the images of a release and their sizes.

Source: kubeflow/notebooks, workspaces/controller/api/v1beta1/workspacekind_types.go at 000eaaac8a07 (read 2026-11-29).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any

from workbench.catalog.bases import NVIDIA
from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.export.kubernetes import HOME, PORT, container_security, pod_security
from workbench.export.logo import logo
from workbench.export.software import RUNTIME, RecipeSummary, check_registry
from workbench.names import LATEST

API = "kubeflow.org/v1beta1"
# Where Kubeflow itself lives: the pictures of kinds, which have no namespace, are kept there.
NAMESPACE = "kubeflow"
# What the CRD allows.
_LONGEST_NAME, _LONGEST_TEXT, _LONGEST_LABEL, _LONGEST_ID = 128, 1024, 64, 32


def workspace_kinds(
    recipes: Sequence[RecipeSummary], repository: str = "", older: Sequence[str] = (), namespace: str = NAMESPACE
) -> list[dict[str, Any]]:
    """Return, for each IDE of `recipes`, its picture (a ConfigMap in `namespace`) and its WorkspaceKind.

    Recipes of one workbench and release differ in their dates: the newest is offered, the others are hidden and
    redirect to it, as do the tags of the dates `older`. Within a release only the z of x.y.z moves, so a workspace may
    follow; from one release to the next it is its user's choice. Raises WorkbenchError for a runtime, which has no page
    to open, for a tag without a date, and for a repository of this machine.
    """
    kinds: dict[str, list[RecipeSummary]] = {}
    for recipe in recipes:
        if recipe.ide.image_type == RUNTIME:
            raise WorkbenchError(
                f"{recipe.tag} has no IDE, so no workspace can be started from it",
                hint=f"`{here('export elyra FOLDER')}` makes what pipelines need of it",
            )
        if recipe.selection.date == LATEST:
            raise WorkbenchError(
                f"{recipe.tag} has no date, and a workspace keeps the image that it was made with",
                hint="compose it with --date",
            )
        check_registry(recipe.image(repository).rpartition(":")[0])
        kinds.setdefault(recipe.ide.name, []).append(recipe)
    return [
        document
        for found in kinds.values()
        for document in _documents(_newest_first(found), repository, older, namespace)
    ]


def _newest_first(recipes: Sequence[RecipeSummary]) -> list[RecipeSummary]:
    """Return the recipes with each workbench's together, the newest release and date of it first, none twice."""
    stems = list(dict.fromkeys(recipe.stem for recipe in recipes))
    single = {recipe.tag: recipe for recipe in recipes}.values()
    by_date = sorted(single, key=lambda recipe: (recipe.selection.release, recipe.selection.date), reverse=True)
    return sorted(by_date, key=lambda recipe: stems.index(recipe.stem))


def _documents(
    recipes: Sequence[RecipeSummary], repository: str, older: Sequence[str], namespace: str
) -> list[dict[str, Any]]:
    ide, values = recipes[0].ide, list(_images(recipes, repository, older))
    # The id is a part of addresses, and of fewer characters than an IDE's name may have.
    port = ide.name.lower().replace(".", "-").strip("-_")[:_LONGEST_ID].rstrip("-_")
    for value in values:
        value["spec"]["ports"] = [{"id": port, "port": PORT}]
    name = f"workbench-{port}".replace("_", "-")
    picture, asset = logo(name, ide.display, namespace)
    sizes = list(_sizes(sorted({recipe.accelerator for recipe in recipes if recipe.accelerator})))
    spec = {
        "spawner": {
            "displayName": _cut(ide.display, _LONGEST_NAME),
            "description": f"{ide.display} of workbench-images",
            "icon": asset,
            "logo": asset,
        },
        "podTemplate": {
            "volumeMounts": {"home": HOME},
            "ports": [{"id": port, "protocol": "HTTP", "defaultDisplayName": _cut(ide.display, _LONGEST_LABEL)}],
            "extraEnv": [{"name": "NB_PREFIX", "value": f'{{{{ httpPathPrefix "{port}" }}}}'}],
            "extraVolumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
            "extraVolumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}],
            "probes": _probes(),
            "securityContext": pod_security(own_user=True),
            "containerSecurityContext": container_security(),
            "options": {
                "imageConfig": {"spawner": {"default": _default(values)}, "values": values},
                "podConfig": {"spawner": {"default": sizes[0]["id"]}, "values": sizes},
            },
        },
    }
    return [picture, {"apiVersion": API, "kind": "WorkspaceKind", "metadata": {"name": name}, "spec": spec}]


def _default(values: Sequence[dict[str, Any]]) -> str:
    return next(str(value["id"]) for value in values if "redirect" not in value)


def _images(recipes: Sequence[RecipeSummary], repository: str, older: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield each image; those that are older than another of their workbench and release redirect to it."""
    newest: dict[tuple[str, str], RecipeSummary] = {}
    for recipe in recipes:
        newest.setdefault((recipe.stem, recipe.selection.release), recipe)
    for key, recipe in newest.items():
        yield _image(recipe, recipe.tag, repository, "")
        dates = {each.selection.date for each in recipes if (each.stem, each.selection.release) == key} | set(older)
        for date in sorted(dates, reverse=True):
            if date < recipe.selection.date:
                yield _image(recipe, f"{recipe.stem}_{recipe.selection.release}_{date}", repository, recipe.tag)


def _image(recipe: RecipeSummary, tag: str, repository: str, redirect: str) -> dict[str, Any]:
    shown = f"{recipe.title}, {recipe.selection.os}, {tag.rpartition('_')[0].rpartition('_')[2]}"
    if redirect:
        # Its versions are not known here: they are those of another day's locks.
        more: dict[str, Any] = {"hidden": True}
    else:
        versions = ", ".join(f"{name} {version}" for name, version in (*recipe.software, *recipe.packages))
        more = {"description": _cut(versions, _LONGEST_TEXT)}
    spawner = {"displayName": _cut(shown, _LONGEST_NAME), **more, "labels": list(_labels(recipe, tag))}
    date = redirect.rpartition("_")[2]
    text = f"Newer patch versions of the same release, of {date[:4]}-{date[4:6]}-{date[6:]}: a restart takes them."
    message = {"message": {"level": "Info", "text": text}}
    return {
        "id": tag,
        "spawner": spawner,
        **({"redirect": {"to": redirect, **message}} if redirect else {}),
        "spec": {"image": f"{recipe.image(repository).rpartition(':')[0]}:{tag}", "imagePullPolicy": "IfNotPresent"},
    }


def _labels(recipe: RecipeSummary, tag: str) -> Iterator[dict[str, str]]:
    """Yield what the spawner filters images by."""
    selection = recipe.selection
    found = {"bundle": selection.bundle, "os": selection.os, "release": selection.release}
    found |= {"date": tag.rpartition("_")[2], "python_version": selection.python}
    if recipe.has_cuda and "version" in recipe.release.cuda:
        found["cuda_version"] = recipe.release.cuda["version"]
    for key, value in found.items():
        yield {"key": key, "value": value[:_LONGEST_LABEL]}


def _sizes(accelerators: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the sizes of a kind: those with GPUs once for each of `accelerators`, NVIDIA's by its own name."""
    for name, size in _table().items():
        if not (count := int(size.get("accelerators", 0))):
            yield _size(name, name.capitalize(), size)
        for accelerator in accelerators if count else ():
            vendor = "" if accelerator == NVIDIA else f"-{accelerator.partition('.')[0]}"
            yield _size(f"{name}{vendor}", f"{name}{vendor}".upper(), size, accelerator, count)


def _size(name: str, shown: str, size: dict[str, Any], accelerator: str = "", count: int = 0) -> dict[str, Any]:
    amounts = {"cpu": size["cpu"], "memory": size["memory"]}
    words = f"{size['cpu']} CPU, {size['memory']}" + (f", {count} GPU" if count else "")
    labels = {**amounts, **({"gpu": str(count)} if count else {})}
    tolerations = [{"key": accelerator, "operator": "Exists", "effect": "NoSchedule"}]
    return {
        "id": name,
        "spawner": {
            "displayName": f"{shown} ({words})",
            "labels": [{"key": key, "value": value} for key, value in labels.items()],
        },
        "spec": {
            **({"tolerations": tolerations} if count else {}),
            "resources": {"requests": amounts, "limits": {**amounts, **({accelerator: str(count)} if count else {})}},
        },
    }


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("sizes.toml").read_text(encoding="utf-8"))


def _probes() -> dict[str, Any]:
    """Return the probes: of the port, since a kind cannot name the path that one of its workspaces is served below."""
    probe = {"tcpSocket": {"port": PORT}, "periodSeconds": 10}
    return {"startupProbe": {**probe, "failureThreshold": 30}, "readinessProbe": {**probe, "failureThreshold": 3}}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip(' ,')}…"
