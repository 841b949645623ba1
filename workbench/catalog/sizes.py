"""The bytes of the packages of requirement lists: recorded beside the lists when those are locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.packages import normalized_name, requirement_lines

# The file in a folder of lists.
SIZES = "sizes.txt"
_SOURCE, _UNKNOWN = "source", "?"
_HEAD = """\
# Bytes of what each package of the lists is downloaded as, here for x86_64; written when the lists were locked.
# "source" is built where it is installed; what no index gave the size of has a question mark.
"""

# A package as lists pin it: its normalised name and its version.
Pin = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PackageSize:
    """The bytes of a package's download, None where no index gives them; whether it is source that is built."""

    size: int | None
    is_source: bool = False


def sizes_text(sizes: Mapping[Pin, PackageSize]) -> str:
    """Return the text of the record of sizes: the same for the same sizes, in whatever order they come."""
    lines = []
    for (name, version), each in sorted(sizes.items()):
        size = _UNKNOWN if each.size is None else str(each.size)
        lines.append(f"{name}=={version} {size}{f' {_SOURCE}' if each.is_source else ''}\n")
    return _HEAD + "".join(lines)


def read_sizes(text: str) -> dict[Pin, PackageSize]:
    """Return the sizes that a record has; a line that says nothing of a size is left out."""
    found = {}
    for _, line in requirement_lines(text):
        pin, size, *rest = [*line.split(), ""]
        name, _, version = pin.partition("==")
        if version and (size.isdecimal() or size == _UNKNOWN):
            found[normalized_name(name), version] = PackageSize(
                int(size) if size.isdecimal() else None, _SOURCE in rest
            )
    return found


def lacks(sizes: Mapping[Pin, PackageSize], wanted: Iterable[Pin]) -> list[Pin]:
    """Return the pins that a record has no line for, in order."""
    return sorted({*wanted} - sizes.keys())
