"""How many bytes each package of a lock is downloaded as: package indexes give them, with the names of their files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from workbench.catalog.sizes import SIZES, PackageSize, Pin, lacks, read_sizes, sizes_text
from workbench.files import write_whole
from workbench.indexes import MAIN, index_variables
from workbench.lock.builds import LOCKED_FOR, lists_in
from workbench.lock.pages import IndexClient, IndexFile, index_client
from workbench.packages import pins, requirement_lines

# The oldest C library of the systems (see lock/builds.py), and the oldest that wheels are for.
_NEWEST_C, _OLDEST_C = 34, 5
# Names of certain C libraries from before they were numbers (PEP 600).
_OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def lacks_sizes(folder: str) -> bool:
    """Return whether a package of the lists in `folder` is missing in the record of their sizes."""
    return bool(lacks(_recorded(folder), (pin for text in lists_in(folder) for pin in pins(text))))


def record_sizes(folder: str, python: str) -> list[str]:
    """Write down beside the lists in `folder` how large their packages are, for the Python that they are for.

    What is recorded already stays. Returns the packages whose sizes no index gave. Raises WorkbenchError when one does
    not answer.
    """
    sizes = sizes_of(lists_in(folder), python, _recorded(folder))
    write_whole(os.path.join(folder, SIZES), sizes_text(sizes))
    return [name for (name, _), each in sorted(sizes.items()) if each.size is None]


def sizes_of(lists: Iterable[str], python: str, known: Mapping[Pin, PackageSize]) -> dict[Pin, PackageSize]:
    """Return the size of every package that lists (their texts) pin: as it is `known`, or as their indexes give it.

    Each is looked up in the index whose line it stands below, pip's own for those above all lines.
    """
    wanted = {pin: variable for text in lists for pin, variable in _pins_by_index(text)}
    found = {pin: known[pin] for pin in wanted if pin in known and known[pin].size is not None}
    tags = {tag: number for number, tag in enumerate(_tags(python))}
    chosen: dict[Pin, _Chosen] = {}
    with index_client() as client:
        for variable in sorted({wanted[pin] for pin in wanted if pin not in found}):
            new = [pin for pin in wanted if pin not in found and wanted[pin] == variable]
            address = os.environ.get(variable, "").strip()
            pages = _pages(client, address, {name for name, _ in new}) if address else {}
            for pin in new:
                chosen[pin] = _choose(pages.get(pin[0], ()), pin[1], tags)
        measured = client.sizes(
            each.file.url for each in chosen.values() if each.file and each.file.size is None and each.file.url
        )
    for pin, each in chosen.items():
        size = (
            None if each.file is None else each.file.size if each.file.size is not None else measured.get(each.file.url)
        )
        found[pin] = PackageSize(size, each.is_source)
    return found


# What an index has of a package is read once in a run: many bundles have the same.
_READ: dict[tuple[str, str], tuple[IndexFile, ...]] = {}


def _pages(client: IndexClient, address: str, names: Iterable[str]) -> dict[str, tuple[IndexFile, ...]]:
    wanted = list(names)
    new = client.files(address, [name for name in wanted if (address, name) not in _READ])
    _READ.update({(address, name): files for name, files in new.items()})
    return {name: _READ[address, name] for name in wanted}


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The file that an installer takes of a package, None where there is none; whether it is built from source."""

    file: IndexFile | None
    is_source: bool


def _choose(files: Iterable[IndexFile], version: str, tags: Mapping[Tag, int]) -> _Chosen:
    """Return the file of a version that fits best: the wheel with the foremost tag, and without one the source."""
    wheels: list[tuple[int, tuple[int, str], IndexFile]] = []
    sources = []
    for file in files:
        try:
            if file.name.endswith(".whl"):
                _, own, build, fits = parse_wheel_filename(file.name)
                ranks = [tags[tag] for tag in fits if tag in tags]
                if own == Version(version) and ranks:
                    # Of two builds the later one is taken.
                    number, letters = build or (0, "")
                    wheels.append((min(ranks), (-number, letters), file))
            elif parse_sdist_filename(file.name)[1] == Version(version):
                sources.append(file)
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
            continue
    if wheels:
        return _Chosen(min(wheels, key=lambda each: (each[0], each[1], each[2].name))[2], False)
    return _Chosen(min(sources, key=lambda file: file.name) if sources else None, bool(sources))


def _tags(python: str) -> Iterator[Tag]:
    """Yield the tags of wheels that fit CPython of `python` ("3.11") on Linux, those that go first before others."""
    major, minor = (int(number) for number in python.split("."))
    platforms = []
    for number in range(_NEWEST_C, _OLDEST_C - 1, -1):
        platforms.append(f"manylinux_2_{number}_{LOCKED_FOR}")
        if number in _OLD_NAMES:
            platforms.append(f"{_OLD_NAMES[number]}_{LOCKED_FOR}")
    platforms.append(f"linux_{LOCKED_FOR}")
    yield from cpython_tags((major, minor), platforms=platforms)
    yield from compatible_tags((major, minor), f"cp{major}{minor}", platforms)


def _pins_by_index(text: str) -> Iterator[tuple[Pin, str]]:
    """Yield each pin of a list with the variable of its index: `make lock` writes those of an index below its line."""
    variable = MAIN
    for _, line in requirement_lines(text):
        if line.startswith("-"):
            variable = next(iter(index_variables(line)), variable)
        else:
            yield from ((pin, variable) for pin in pins(line))


def _recorded(folder: str) -> dict[Pin, PackageSize]:
    try:
        with open(os.path.join(folder, SIZES), encoding="utf-8") as file:
            return read_sizes(file.read())
    except FileNotFoundError:
        return {}
