"""The metrics of a prefix: what is ready, how much it takes, how long it took, whether it is as it was installed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.files import replace_text
from workbench.monobase import layout
from workbench.monobase.environment import read_marker
from workbench.monobase.exposition import Metric, Sample, text_of
from workbench.monobase.generation import Generation
from workbench.monobase.leases import last_use
from workbench.monobase.prefix import Prefix
from workbench.monobase.reports import BUILD, VERIFY, read_report
from workbench.monobase.sizes import PrefixSizes
from workbench.monobase.status import unready_generation


def metrics_text(
    prefix: Prefix, generations: Sequence[Generation], *, allow_skipped: bool, sizes: PrefixSizes | None
) -> str:
    """Return the metrics of `prefix` as text; `generations` are the active ones, `sizes` None while nobody knows them.

    Reads markers, reports and leases, no file of a package.
    """
    found = [*_readiness(prefix, generations, allow_skipped), *_generations(prefix), *_sizes(sizes)]
    found += [*_build(read_report(prefix, BUILD)), *_verify(read_report(prefix, VERIFY))]
    return text_of(found)


def write_metrics(path: str, text: str) -> None:
    """Write metrics to `path`, for node_exporter's textfile collector: it finds the old file or the new one.

    Raises WorkbenchError when it cannot be written.
    """
    path = os.path.abspath(path)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        replace_text(path, text)
    except OSError as error:
        raise WorkbenchError(f"the metrics cannot be written: {error.strerror}", where=path) from None


def _readiness(prefix: Prefix, generations: Sequence[Generation], allow_skipped: bool) -> Iterator[Metric]:
    ready, wanted, skipped = [], [], []
    for one in generations:
        labels, done = {"generation": one.name}, layout.read_done(prefix.generation(one.name))
        ready.append((labels, float(not unready_generation(prefix, one, allow_skipped=allow_skipped))))
        wanted.append((labels, float(len(one.environments))))
        skipped.append((labels, float(len(done.skipped) if done else 0)))
    yield Metric.of("monobase_generation_ready", "Whether an active generation is ready.", ready)
    yield Metric.of("monobase_environments", "Environments of an active generation.", wanted)
    yield Metric.of("monobase_environments_skipped", "Environments that the build of a generation left out.", skipped)


def _generations(prefix: Prefix) -> Iterator[Metric]:
    ready, uses, latest, pinned = [], [], [], []
    for folder in layout.folders(prefix):
        labels, done = {"generation": folder.name}, layout.read_done(folder.path)
        markers = {name: read_marker(os.path.join(folder.path, name)) for name in (done.environments if done else ())}
        whole = [name for name, one in markers.items() if one and done and one.digest == done.environments[name]]
        ready.append((labels, float(len(whole))))
        if used := last_use(prefix, folder.name):
            uses.append((labels, used))
        name = layout.latest_name(os.path.join(os.path.dirname(folder.path), "latest"))
        latest.append((labels, float(name == os.path.basename(folder.path))))
        pinned.append((labels, float(layout.pinned_name(prefix) == folder.name)))
    yield Metric.of("monobase_environments_ready", "Environments of a generation that can be activated.", ready)
    yield Metric.of(
        "monobase_generation_last_use_timestamp_seconds", "When a generation was last seen to be in use.", uses
    )
    yield Metric.of("monobase_generation_latest", "Whether models get a generation that name none.", latest)
    yield Metric.of("monobase_generation_pinned", "Whether a generation is pinned.", pinned)


def _sizes(sizes: PrefixSizes | None) -> Iterator[Metric]:
    if sizes is not None:
        yield Metric.of("monobase_prefix_bytes", "What the prefix takes on the disk.", [({}, float(sizes.total))])
        yield Metric.of("monobase_generation_bytes", "All files of a generation.", _by_generation(sizes.apparent))
        yield Metric.of(
            "monobase_generation_own_bytes", "Files that no other generation has.", _by_generation(sizes.own)
        )


def _by_generation(values: Mapping[str, int]) -> list[Sample]:
    return [({"generation": name}, float(value)) for name, value in values.items()]


def _build(data: Mapping[str, Any]) -> Iterator[Metric]:
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        seconds = [
            ({"generation": name.partition("/")[0], "environment": name.partition("/")[2]}, float(value))
            for name, value in data["seconds"].items()
        ]
        yield Metric.of("monobase_build_timestamp_seconds", "When the last build ended.", [({}, float(data["ended"]))])
        yield Metric.of("monobase_build_seconds", "How long the last build took.", [({}, float(data["took"]))])
        failed: list[Sample] = [({}, float(data["failed"]))]
        yield Metric.of(
            "monobase_build_failed_environments", "Environments that the last build failed to make.", failed
        )
        yield Metric.of("monobase_environment_build_seconds", "How long an environment took to be made.", seconds)
        for name, key, about in (
            ("monobase_mirror_packages", "packages", "Packages that the last build took from a mirror."),
            ("monobase_mirror_bytes", "bytes", "Bytes that a mirror sent to the last build."),
        ):
            yield Metric.of(
                name, about, [({"mirror": str(one["location"])}, float(one[key])) for one in data["mirrors"]]
            )


_VERIFY = (
    ("monobase_verify_whole", "whole", "Whether verify found everything as it was installed."),
    ("monobase_verify_faults", "faults", "What verify found that is not as it was installed."),
    ("monobase_verify_timestamp_seconds", "time", "When verify last looked at everything."),
    ("monobase_verify_seconds", "took", "How long verify took."),
)


def _verify(data: Mapping[str, Any]) -> Iterator[Metric]:
    for name, key, about in _VERIFY:
        samples = []
        for mode, values in sorted(data.items()):
            with contextlib.suppress(KeyError, TypeError, ValueError):
                samples.append(({"mode": mode}, float(values[key])))
        yield Metric.of(name, about, samples)
