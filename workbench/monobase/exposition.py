"""Prometheus' text format: lines of samples below the name, the help and the type of their metric.

As in its documentation of exposition formats, text format 0.0.4 (prometheus.io, 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """A gauge: its name, what it is, and its values by labels."""

    name: str
    help: str
    samples: tuple[Sample, ...]

    @classmethod
    def of(cls, name: str, help: str, samples: Iterable[Sample]) -> Metric:
        """Return a metric of these samples."""
        return cls(name, help, tuple(samples))


def text_of(metrics: Iterable[Metric]) -> str:
    """Return the text; a metric without a value is left out."""
    lines = []
    for metric in metrics:
        if metric.samples:
            lines += [f"# HELP {metric.name} {_escaped(metric.help)}", f"# TYPE {metric.name} gauge"]
            lines += [f"{metric.name}{_labels(labels)} {_number(value)}" for labels, value in metric.samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    listed = ",".join(f'{name}="{_quoted(text)}"' for name, text in labels.items())
    return f"{{{listed}}}" if listed else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
