"""A strict reader of Prometheus' text format 0.0.4: whatever its documentation does not allow is a fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
_HELP = re.compile(rf"# HELP ({_METRIC}) ((?:[^\\\n]|\\\\|\\n)*)")
_TYPE = re.compile(rf"# TYPE ({_METRIC}) (counter|gauge|histogram|summary|untyped)")
_SAMPLE = re.compile(rf"({_METRIC})(?:\{{({_LABEL}(?:,{_LABEL})*)?\}})? (\S+)")
_VALUE = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?Inf|NaN")

Labels = tuple[tuple[str, str], ...]


@dataclass
class Family:
    """A metric as it was read."""

    help: str = ""
    type: str = ""
    samples: dict[Labels, float] = field(default_factory=dict)


def parse(text: str) -> dict[str, Family]:
    """Return the metrics of `text` by name; raises ValueError with the line that is a fault."""
    if text and not text.endswith("\n"):
        raise ValueError("the last line does not end")
    found: dict[str, Family] = {}
    current = ""
    for line in text.split("\n")[:-1]:
        if match := _HELP.fullmatch(line):
            if match[1] in found:
                raise ValueError(f"again: {line}")
            current = match[1]
            found[current] = Family(help=_plain(match[2]))
        elif match := _TYPE.fullmatch(line):
            if match[1] != current or found[current].type or found[current].samples:
                raise ValueError(f"not after its help, or not before its samples: {line}")
            found[current].type = match[2]
        elif match := _SAMPLE.fullmatch(line):
            if match[1] != current or not found[current].type:
                raise ValueError(f"not below its type: {line}")
            labels = tuple((name, _plain(value)) for name, value in re.findall(_LABEL, match[2] or ""))
            names = [name for name, _ in labels]
            if len(set(names)) != len(names) or any(name.startswith("__") for name in names):
                raise ValueError(f"labels: {line}")
            if tuple(sorted(labels)) in map(_sorted, found[current].samples):
                raise ValueError(f"twice: {line}")
            if not _VALUE.fullmatch(match[match.lastindex or 0]):
                raise ValueError(f"no number: {line}")
            found[current].samples[labels] = float(match[match.lastindex or 0])
        else:
            raise ValueError(f"not a line of the format: {line!r}")
    for name, family in found.items():
        if not family.samples or not family.help:
            raise ValueError(f"{name} has no sample or no help")
        if family.type == "gauge" and name.endswith("_total"):
            raise ValueError(f"{name} is named as a counter")
    return found


def _sorted(labels: Labels) -> Labels:
    return tuple(sorted(labels))


def _plain(text: str) -> str:
    return re.sub(r'\\([\\n"])', lambda match: "\n" if match[1] == "n" else match[1], text)
