"""The combinations of a catalogue in a page: counts by place and by bundle and IDE, and why the rest is impossible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from workbench.catalog.questions import Selection
from workbench.catalog.reasons import reasons
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release
from workbench.table import columns, natural_width, terminal_width

# A combination, and why it is impossible ("" for nothing).
Row = tuple[Selection, str]
# Cells of the table of pairs: in no place, in every one.
_NO, _ALL = "-", "all"


def summary_text(catalogue: Catalogue, rows: Sequence[Row]) -> str:
    """Return the `rows` as tables for each release, then every reason with how many combinations it stops."""
    parts = []
    for release in dict.fromkeys(selection.release for selection, _ in rows):
        own = [row for row in rows if row[0].release == release]
        places = _grouped(own, lambda one: (one.os, one.python, one.base))
        parts += [f"{release}: {_share(own)} combinations are possible", _places(own)]
        parts.append(f"where a bundle goes with an IDE, of these {len(places)} places\n\n{_pairs(own)}")
    why = Counter(why for row in rows for why in _each_reason(catalogue, row))
    if why:
        parts.append(columns(("why not", "combinations"), [(text, str(count)) for text, count in why.most_common()]))
    return "\n\n".join(parts)


def _share(rows: Sequence[Row]) -> str:
    return f"{sum(not reason for _, reason in rows)} of {len(rows)}"


def _places(rows: Sequence[Row]) -> str:
    """Return how many bundles and IDEs go together on each system, Python and base."""
    grouped = _grouped(sorted(rows, key=_system(rows)), lambda one: (one.os, one.python, one.base))
    return columns(("os", "python", "base", "possible"), [(*key, _share(own)) for key, own in grouped.items()])


def _pairs(rows: Sequence[Row]) -> str:
    """Return a row for each bundle and a column for each IDE, or their names: in how many places they go together."""
    grouped = _grouped(rows, lambda one: (one.bundle, one.ide))
    bundles, ides = dict.fromkeys(bundle for bundle, _ in grouped), dict.fromkeys(ide for _, ide in grouped)
    cells = [(bundle, *(_cell(grouped.get((bundle, ide), ())) for ide in ides)) for bundle in bundles]
    header = ("bundle", *ides)
    width = terminal_width()
    if not width or natural_width(header, cells) <= width:
        return columns(header, cells)
    listed = []
    for bundle, *row in cells:
        going = [_named(ide, cell) for ide, cell in zip(ides, row, strict=True) if cell != _NO]
        listed.append((bundle, ", ".join(going) or _NO))
    return columns(("bundle", "IDEs"), listed)


def _named(ide: str, cell: str) -> str:
    return ide if cell == _ALL else f"{ide} ({cell})"


def _system(rows: Sequence[Row]) -> Callable[[Row], int]:
    """Return the place of a row's system among the systems, in the order in which the menu has them."""
    systems = list(dict.fromkeys(selection.os for selection, _ in rows))
    return lambda row: systems.index(row[0].os)


def _cell(rows: Sequence[Row]) -> str:
    possible = sum(not reason for _, reason in rows)
    return _NO if not possible else _ALL if possible == len(rows) else f"{possible} of {len(rows)}"


def _grouped(rows: Sequence[Row], key: Callable[[Selection], tuple[str, ...]]) -> dict[tuple[str, ...], list[Row]]:
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault(key(row[0]), []).append(row)
    return grouped


def _each_reason(catalogue: Catalogue, row: Row) -> tuple[str, ...]:
    """Return the reasons one by one; a recipe that no rule forbids and that cannot be composed has one."""
    selection, joined = row
    if not joined:
        return ()
    return tuple(reasons(at_release(catalogue, selection.release), selection.as_answers())) or (joined,)
