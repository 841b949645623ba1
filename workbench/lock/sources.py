"""The package indexes of a Pipfile, and the lines of a requirement list for them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import WorkbenchError
from workbench.indexes import MAIN, address_of, index_line, variable_of
from workbench.packages import normalized_name, pins


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A `[[source]]` of a Pipfile: its name, and the variable that is its address ("" for a written address)."""

    name: str
    variable: str


def sources_of(data: Mapping[str, Any]) -> tuple[PackageSource, ...]:
    """Return the sources of a Pipfile's tables; the first is that of every package that names none."""
    return tuple(
        PackageSource(str(source.get("name", "")), variable_of(str(source.get("url", ""))))
        for source in data.get("source", [])
    )


def check_sources(data: Mapping[str, Any], where: str) -> None:
    """Raise WorkbenchError for a further index that is written as an address, and for a variable that is not set.

    pip has a default for the first index, and none for another: lists would name its host.
    """
    for number, source in enumerate(sources_of(data)):
        if number and not source.variable:
            raise WorkbenchError(
                f"the source {source.name!r} has an address in it, which lists and images would have too",
                where=where,
                hint=f'name it by a variable in capital letters: url = "${{{_suggested(source.name)}}}"',
            )
        if source.variable:
            address_of(source.variable, where)


def unset_variables(data: Mapping[str, Any]) -> list[str]:
    """Return the variables of a Pipfile's package indexes that are not set, each once."""
    variables = dict.fromkeys(source.variable for source in sources_of(data) if source.variable)
    return [name for name in variables if not os.environ.get(name, "").strip()]


def addresses_of(data: Mapping[str, Any]) -> list[str]:
    """Return the addresses of a Pipfile's sources in their order, those that are known: variables are filled in."""
    urls = [str(source.get("url", "")) for source in data.get("source", [])]
    found = [os.environ.get(variable, "") if (variable := variable_of(url)) else url for url in urls]
    return [url for url in found if url]


def source_variable(sources: Sequence[PackageSource], entry: Mapping[str, Any]) -> str:
    """Return the variable of the index that a lock's entry is from, "" for pip's own."""
    first = sources[0].variable if sources else MAIN
    variable = {source.name: source.variable for source in sources}.get(str(entry.get("index", "")), first)
    # Where another index is in its place, even pip's own is a further one.
    return "" if variable == first == MAIN else variable


def with_index_lines(
    lines: Sequence[str], entries: Mapping[str, Mapping[str, Any]], sources: Sequence[PackageSource]
) -> list[str]:
    """Return the lines of a list with those of its indexes: the packages of each stand below its line.

    pip reads them in any order; which index a package is from is for people, and for the SBOM.
    """
    by_name = {normalized_name(name): entry for name, entry in entries.items()}
    groups: dict[str, list[str]] = {"": []}
    for line in lines:
        variable = "".join(source_variable(sources, by_name.get(name, {})) for name, _ in pins(line))
        groups.setdefault(variable, []).append(line)
    first = sources[0].variable if sources else MAIN
    return list(_joined(groups, first))


def _joined(groups: Mapping[str, Sequence[str]], first: str) -> Iterator[str]:
    # What replaces pip's own index comes before all others.
    for variable in sorted(groups, key=lambda each: (each != "", each != first)):
        if variable:
            yield index_line(variable, instead=variable == first)
        yield from groups[variable]


def _suggested(name: str) -> str:
    return f"{''.join(character if character.isalnum() else '_' for character in name).upper() or 'MORE'}_INDEX_URL"
