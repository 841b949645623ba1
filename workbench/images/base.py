"""The base image of an operating system: the first image that recipes stand on."""

from __future__ import annotations

from collections.abc import Collection

from workbench import podman
from workbench.catalog.cuda_layers import standard_tag
from workbench.catalog.os_packages import read_os_packages
from workbench.catalog.releases import LOCAL_REPOSITORY
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.compose.index_mounts import variables_by_list, with_index_mounts
from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.parser import declared_names
from workbench.errors import UsageError, WorkbenchError
from workbench.images.labels import own_labels
from workbench.images.request import BuildRequest
from workbench.images.store import ImageStore
from workbench.names import LATEST, check_date, check_release, pick, python_folder


def check_choice(catalogue: Catalogue, release: str, os_name: str, python: str, date: str) -> None:
    """Raise UsageError or WorkbenchError when these do not name a base image of the release."""
    check_release(release)
    check_date(date)
    pins = catalogue.release(release)
    catalogue.refuse_broken("os", os_name)
    system = pins.systems[pick(os_name, pins.systems, f"operating system of release {release}")]
    python_folder(python)
    if python not in system.pythons:
        raise UsageError(
            f"release {release} has no Python {python} on {os_name}", hint=f"it has {', '.join(system.pythons)}"
        )


def base_name(release: str, os_name: str, python: str, date: str) -> str:
    """Return the full local name of the standard base image."""
    return f"{LOCAL_REPOSITORY}:{standard_tag(os_name, python, release, date)}"


def root_name(os_name: str) -> str:
    """Return the full local name of the root image that `os-image` makes of an operating system."""
    return f"{LOCAL_REPOSITORY}:os-{os_name}"


def root_in(repository: str, os_name: str) -> str:
    """Return the full name of the root image of an operating system in a repository."""
    return root_name(os_name).replace(f"{LOCAL_REPOSITORY}:", f"{repository}:", 1)


def roots_in(store: ImageStore, repository: str, systems: Collection[str]) -> dict[str, str]:
    """Return the root images that `repository` has of `systems`, by system; none where `repository` is ""."""
    names = {name: root_in(repository, name) for name in systems} if repository else {}
    return {name: image for name, image in names.items() if store.inspect(image) is not None}


def root_image(catalogue: Catalogue, release: str, os_name: str) -> str:
    """Return the image that the base stands on: ours if it was made here, else the one the release pins."""
    own = root_name(os_name)
    return own if podman.is_installed() and podman.exists(own) else pinned_root(catalogue, release, os_name)


def pinned_root(catalogue: Catalogue, release: str, os_name: str) -> str:
    """Return the root image that the release names, whatever this machine has."""
    pins = at_release(catalogue, release).releases[release].systems[os_name]
    # The tag stays beside the digest: it tells people, and whatever looks for updates, what is meant.
    return f"{pins.image}@{pins.digest}" if pins.digest else pins.image


def base_request(
    catalogue: Catalogue,
    release: str,
    os_name: str,
    python: str,
    date: str,
    *,
    root: str = "",
    options: tuple[str, ...] = (),
    ca_bundle: str = "",
    cache: bool = True,
) -> BuildRequest:
    """Return the request that builds the standard base image, under its date and as `latest`.

    It stands on the image `root`, "" for the one that was made here or that the release names.
    Raises UsageError or WorkbenchError when the release has no such base, or the catalogue no
    Containerfile or lock for it.
    """
    check_choice(catalogue, release, os_name, python, date)
    catalogue = at_release(catalogue, release)
    folder = f"base/{os_name}"
    # The original names the folder 3.11.
    locks = [f"{folder}/{name}/requirements.txt" for name in (python_folder(python), python)]
    lock = next(filter(catalogue.tree.exists, locks), locks[0])
    for path in (f"{folder}/{CONTAINERFILE}", lock):
        if not catalogue.tree.exists(path):
            raise WorkbenchError("the base image needs this file, which does not exist", where=path)
    inputs = {f"{folder}/{path}": catalogue.tree.digest(f"{folder}/{path}") for path in catalogue.tree.walk(folder)}
    for variant in tuple(inputs):
        if variant.rpartition("/")[2].startswith("os-packages") and variant.endswith(".txt"):
            read_os_packages(catalogue.tree, variant)
    lists = variables_by_list({lock: catalogue.tree.text(lock)})
    root = root or root_image(catalogue, release, os_name)
    text = catalogue.tree.text(f"{folder}/{CONTAINERFILE}")
    # What the original's Containerfile wants to know.
    originals = {"BASE_IMAGE": root, "PYTHON_VERSION_NUMBER": python, "RELEASE": release, "DATE": date}
    dated = base_name(release, os_name, python, date)
    names = dict.fromkeys((dated, base_name(release, os_name, python, LATEST)))
    return BuildRequest(
        names=tuple(names),
        folder=catalogue.tree.full(folder),
        text=with_index_mounts(text, lists),
        labels=own_labels(dated.rpartition(":")[2], release, inputs),
        arguments={
            "ROOT_IMAGE": root,
            "PYTHON": python,
            "PYTHON_TAG": python_folder(python),
            **{name: value for name, value in originals.items() if name in declared_names(text)},
        },
        options=options,
        ca_bundle=ca_bundle,
        cache=cache,
        indexes=lists.get("requirements.txt", ()),
    )
