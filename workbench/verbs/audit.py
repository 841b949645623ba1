"""`wizard.py audit`: known holes in locks, recipes, images and pinned tools."""

from __future__ import annotations

import argparse
import datetime
import json
import os
from dataclasses import asdict

from workbench.catalog.reader import open_catalogue
from workbench.errors import FaultsError, WorkbenchError
from workbench.notes import print_note
from workbench.verbs._advisories import NOT_CHECKED, advisories_for, advisory_options

EXAMPLES = """\
  wizard.py audit --online                          the locks and tools of the newest release, with OSV's public API
  wizard.py audit --release 2025b --advisories osv.zip   with a folder or archive of advisories: needs no network
  wizard.py audit recipes/TAG --online              what a recipe installs
  wizard.py audit image.cdx.json --online           an image, by the SBOM that `wizard.py sbom IMAGE` wrote
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `audit`."""
    parser.add_argument("subject", nargs="*", metavar="RECIPE|SBOM", help="recipe folders, SBOMs; none: a release")
    parser.add_argument("--release", metavar="NAME", default="", help="the release to audit (default: the newest)")
    advisory_options(parser)
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Audit, print what is well, and raise FaultsError with every known hole; without a source nothing is well."""
    from workbench.release.audit import (
        cure,
        excepted,
        holes,
        lock_pins,
        old_tools,
        own_holes,
        recipe_pins,
        sbom_pins,
        tool_pins,
        unused_rows,
    )

    pinned: dict[str, frozenset[tuple[str, str]]] = {}
    notes, release = list[str](), None
    for subject in args.subject:
        if os.path.isdir(subject):
            pinned |= recipe_pins(subject)
            continue
        found, others = sbom_pins(subject)
        pinned |= found
        notes += [f"{subject}: {others} components are no packages of Python, and were not checked"] if others else []
    if not args.subject:
        catalogue = open_catalogue(args.catalog)
        release = catalogue.release(args.release) if args.release else catalogue.newest()
        name = release.name
        pinned |= {**lock_pins(catalogue, name), **tool_pins(release)}
        notes += old_tools(release, f"{datetime.date.today():%Y-%m-%d}")
        notes += [f"[[security]] names {package}, which no lock has" for package in unused_rows(pinned, release)]
    advisories = advisories_for(args, lambda: pinned)
    findings = [*(own_holes(pinned, release) if release else ()), *(holes(pinned, advisories) if advisories else ())]
    if release and advisories:
        findings, accepted = excepted(findings, release, f"{datetime.date.today():%Y-%m-%d}")
        notes += accepted
    for note in notes:
        print_note(note)
    count = f"{len(pinned)} lists, {len({each for packages in pinned.values() for each in packages})} packages"
    if args.json:
        source = advisories.source if advisories else None
        print(json.dumps({"source": source, "findings": [asdict(each) for each in findings], "notes": notes}, indent=2))
    if findings:
        cures = [(each, cure(release, each) if release else "") for each in findings]
        faults = [(each.where, f"{each.message}: {how}" if how else each.message) for each, how in cures]
        raise FaultsError(f"{len(findings)} known holes in {count}", faults)
    if advisories is None:
        raise WorkbenchError(f"{count}: not checked", hint=NOT_CHECKED)
    if not args.json:
        print(f"no known hole in {count} ({advisories.source})")
    return 0
