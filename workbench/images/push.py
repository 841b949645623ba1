"""Pushing an image: its dated tag first, and `latest` only when that arrived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.errors import UsageError, WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.store import ImageStore
from workbench.names import LATEST, is_image, is_qualified, with_tag


@dataclass(frozen=True, slots=True)
class Pushed:
    """The references that a registry now has, in the order they were pushed."""

    images: tuple[str, ...]


def check_repository(repository: str) -> str:
    """Return `repository` when an image can be pushed there: a registry and a name, without a tag.

    Raises UsageError otherwise.
    """
    if not is_image(repository) or with_tag(repository, "x") != f"{repository}:x":
        raise UsageError(
            f"{repository!r} is not a repository", hint="write it as quay.io/your-team/workbench-images, without a tag"
        )
    if not is_qualified(repository) or repository.startswith("localhost/"):
        raise UsageError(f"{repository!r} does not name its registry", hint=f"write registry.example.com/{repository}")
    return repository


def latest_tag(tag: str) -> str:
    """Return the alias of a dated tag: what stands behind its last underscore becomes `latest`."""
    return f"{tag.rpartition('_')[0]}_{LATEST}"


def push(
    image: str,
    repository: str,
    store: ImageStore = PODMAN,
    arrived: Callable[[tuple[str, ...]], None] = lambda tags: None,
) -> Pushed:
    """Push the `image` of `store` to `repository` under its own tag, then move the tag's `latest` there.

    `arrived` is called in between, with both tags: what it raises keeps `latest` where it is.
    Raises WorkbenchError that says which tags arrived when the registry refuses one.
    """
    check_repository(repository)
    tag = image.rpartition(":")[2]
    done: list[str] = []
    tags = tuple(dict.fromkeys((tag, latest_tag(tag))))
    for target in (f"{repository}:{each}" for each in tags):
        push_as(
            image, target, store, f"{', '.join(done)} arrived; " if done else "nothing was pushed and no tag moved; "
        )
        if not done:
            arrived(tags)
        done.append(target)
    return Pushed(tuple(done))


def push_as(image: str, target: str, store: ImageStore, before: str = "") -> None:
    """Push the `image` of `store` as `target` and nothing else; `before` begins the hint where the registry refuses it.

    Raises WorkbenchError then.
    """
    answer = store.push(image, target)
    if answer.code != 0:
        host = target.split("/", 1)[0]
        raise WorkbenchError(
            f"pushing {target} failed: {answer.reason}",
            hint=f"{before}`podman login {host}` if it refuses you, then push again: what is built stays built",
        )
