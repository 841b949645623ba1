"""Building a standard set, and reporting the outcome of each image."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.attest.records import keep_records
from workbench.images.backend import Backend
from workbench.images.builder import BuildRequest
from workbench.images.make import Made
from workbench.images.make_all import Outcome, make_all
from workbench.images.recipe_build import SOURCE_LABEL
from workbench.images.store import needed
from workbench.images.up_to_date import is_there
from workbench.release.requests import stands_on
from workbench.release.standard import SetImage, graph


@dataclass(frozen=True, slots=True)
class ImageReport:
    """The outcome of building an image, and its size in bytes (0 when there is none)."""

    outcome: Outcome
    size: int

    def cells(self) -> tuple[str, str, str, str]:
        """Return it as a line of the summary."""
        made = self.outcome.made
        size = f"{self.size / 1e6:.1f} MB" if self.size else ""
        return (self.outcome.name, self.outcome.status, size, f"{made.seconds:.1f} s" if made else "")

    def as_data(self) -> dict[str, object]:
        """Return it as `--json` prints it."""
        return {**self.outcome.as_data("tag"), "size": self.size}


def make_set(
    images: Mapping[str, SetImage],
    requests: Mapping[str, BuildRequest],
    backend: Backend,
    *,
    jobs: int,
    logs: str,
    quiet: bool,
) -> list[ImageReport]:
    """Build the images that are missing and return the outcome of all, in the order of `images`.

    A recipe's image gets its records (SBOM, provenance) when it is built. One failure stops what
    stands on it and nothing else. KeyboardInterrupt passes through.
    """

    def is_current(tag: str) -> bool:
        return is_there(requests[tag], stands_on(requests[tag], images[tag]), backend.store)

    def record(tag: str, made: Made) -> None:
        if images[tag].selection:
            missing = keep_records(requests[tag].folder, made, requests[tag].labels[SOURCE_LABEL], backend.store)
            if missing and not quiet:
                print(f"{tag}: note: {missing}", file=sys.stderr, flush=True)

    outcomes = make_all(
        requests, graph(images), is_current, after=record, at_once=jobs, logs=logs, quiet=quiet, builder=backend.builder
    )
    return [ImageReport(each, 0 if each.is_bad else needed(backend.store, each.image).size) for each in outcomes]
