"""`wizard.py list`: what there is to choose from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping

from workbench.catalog.own_cuda import own_cuda
from workbench.catalog.reader import open_catalogue
from workbench.catalog.values import Catalogue, Rules
from workbench.catalog.views import at_release
from workbench.names import lists_of_folder, python_version
from workbench.table import columns, natural_width, terminal_width

KINDS = ("releases", "oses", "bundles", "ides")

EXAMPLES = """\
  wizard.py list                  everything
  wizard.py list bundles          one kind
  wizard.py list bundles --release 2025b
  wizard.py list ides --json      for a program
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `list`."""
    parser.add_argument("kind", nargs="?", choices=KINDS, help="one kind only")
    parser.add_argument("--release", metavar="NAME", default="", help="the bundles and IDEs that this release has")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the names of a catalogue, with what is worth knowing of each."""
    catalogue = open_catalogue(args.catalog)
    if args.release:
        catalogue = at_release(catalogue, catalogue.release(args.release).name)
    kinds = [args.kind] if args.kind else list(KINDS)
    listed = {kind: _LISTINGS[kind](catalogue) for kind in kinds}
    if args.json:
        print(json.dumps(listed, indent=2, ensure_ascii=False))
        return 0
    for number, (kind, rows) in enumerate(listed.items()):
        header = [key.replace("_", " ") for key in rows[0]] if rows else [kind]
        print("" if number == 0 else "\n", kind.upper(), sep="")
        print(columns(*_fitting(header, [[_cell(value) for value in row.values()] for row in rows])))
    return 0


def _fitting(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Return the table without what a narrow terminal can do without: columns that say nothing, and folders."""
    width = terminal_width()
    if not width or natural_width(header, rows) <= width:
        return header, rows
    silent = {"-", "any"}
    kept = [at for at, name in enumerate(header) if name != "folder" and not {row[at] for row in rows} <= silent]
    return [header[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return str(value) or "-"


def _releases(catalogue: Catalogue) -> list[dict[str, object]]:
    return [
        {
            "name": release.name,
            "display": release.display,
            "state": release.state,
            "until": release.until,
            "cuda": release.cuda.get("version", ""),
            "oses": list(release.systems),
            "repository": release.repository,
        }
        for release in catalogue.releases.values()
    ]


def _systems(catalogue: Catalogue) -> list[dict[str, object]]:
    return [
        {
            "name": system.name,
            "display": system.display,
            "family": system.family,
            "pythons": sorted(
                {
                    python
                    for release in catalogue.releases.values()
                    if system.name in release.systems
                    for python in release.systems[system.name].pythons
                }
            ),
        }
        for system in catalogue.systems.values()
    ]


def _bundles(catalogue: Catalogue) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for bundle in catalogue.bundles.values():
        plain = [python for folder in bundle.pythons if (python := python_version(folder))]
        own = {own_cuda(catalogue, bundle.name, python) for python in plain}
        rows.append(
            {
                "name": bundle.name,
                "display": bundle.display,
                "pythons": ["any"] if bundle.any_python else plain,
                "lists": sorted({lists_of_folder(folder) for folder in bundle.pythons} - {""}),
                "extends": bundle.extends,
                **_rules(bundle.rules, "ides"),
                "own_cuda": sorted(own - {""}),
                "folder": bundle.folder,
            }
        )
    return rows


def _ides(catalogue: Catalogue) -> list[dict[str, object]]:
    return [
        {
            "name": ide.name,
            "display": ide.display,
            **_rules(ide.rules, "bundles"),
            "options": [f"{name} ({'on' if name in ide.chosen else 'off'})" for name in ide.options],
            "folder": ide.folder,
        }
        for ide in catalogue.ides.values()
    ]


def _rules(rules: Rules, partners: str) -> Mapping[str, object]:
    return {
        "cuda": rules.cuda,
        "oses": list(rules.oses) if rules.oses is not None else "any",
        partners: list(rules.partners) if rules.partners is not None else "any",
        "needs": list(rules.needs),
    }


_LISTINGS = {"releases": _releases, "oses": _systems, "bundles": _bundles, "ides": _ides}
