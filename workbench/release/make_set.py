"""Building a standard set, and reporting the outcome of each image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.attest.records import keep_records
from workbench.images.backend import Backend
from workbench.images.build_all import Outcome, build_all
from workbench.images.labels import SOURCE_LABEL
from workbench.images.request import BuildRequest
from workbench.images.reuse import is_up_to_date
from workbench.images.run_build import FinishedBuild
from workbench.images.store import required
from workbench.notes import print_note
from workbench.release.requests import stands_on
from workbench.release.standard import SetImage, graph


@dataclass(frozen=True, slots=True)
class ImageReport:
    """The outcome of building an image, and its size in bytes (0 when there is none)."""

    outcome: Outcome
    size: int

    def cells(self) -> tuple[str, str, str, str]:
        """Return it as a line of the summary."""
        build = self.outcome.build
        size = f"{self.size / 1e6:.1f} MB" if self.size else ""
        return (self.outcome.name, self.outcome.status, size, f"{build.seconds:.1f} s" if build else "")

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
        return is_up_to_date(requests[tag], stands_on(requests[tag], images[tag]), backend.store)

    def record(tag: str, made: FinishedBuild) -> None:
        if images[tag].selection:
            missing = keep_records(requests[tag].folder, made, requests[tag].labels[SOURCE_LABEL], backend.store)
            if missing and not quiet:
                print_note(missing, about=tag)

    outcomes = build_all(
        requests, graph(images), is_current, after=record, at_once=jobs, logs=logs, quiet=quiet, builder=backend.builder
    )
    return [ImageReport(each, 0 if each.is_bad else required(backend.store, each.image).size) for each in outcomes]
