"""`wizard.py release`: making, freezing, updating, amending, checking and comparing releases."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections import Counter
from dataclasses import asdict

from workbench.catalog.reader import open_catalogue
from workbench.catalog.releases import is_day
from workbench.catalog.values import Catalogue
from workbench.errors import EXIT_OK, FaultsError, UsageError
from workbench.locations import ROOT, check_writable
from workbench.notes import print_note
from workbench.table import columns
from workbench.verbs._advisories import NOT_CHECKED, advisories_for, advisory_options

EXAMPLES = """\
  wizard.py release new                         the next of this year (2026b after 2026a), like the newest
  wizard.py release new 2026b --from 2026a --until 2027-12-31      an open release that pins what 2026a pins
  wizard.py release new 2023c --os c9s=quay.io/sclorg/python-311-c9s:c9s      in a catalogue without a release
  wizard.py release freeze 2026b                from now on it is what releases/2026b holds
  wizard.py release update 2025b                newer z of x.y.z, and nothing else (make release-update RELEASE=2025b)
  wizard.py release update 2025b --allow urllib3   … but for urllib3, which a security fix takes further
  wizard.py release amend 2025b ides/1-jupyter --reason "starts without IPv4"    today's start scripts for it too
  wizard.py release check 2025b                 its files, fields, locks, support and its own security rows
  wizard.py release check 2025b --online        … and known holes, as OSV's API has them
  wizard.py release check 2025b --advisories osv.zip   … as a folder or archive of OSV documents has them
  wizard.py release diff 2025b 2026a --summary  what a user of 2025b meets in 2026a
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `release` and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="new|freeze|update|amend|check|diff")
    new = actions.add_parser("new", help="make a release like another")
    new.add_argument("name", metavar="NAME", nargs="?", default="", help="its name (default: this year's next letter)")
    new.add_argument("--from", dest="source", metavar="NAME", help="the release to start from (default: the newest)")
    new.add_argument("--until", metavar="YYYY-MM-DD", default="", help="last day of its support (default: open)")
    new.add_argument(
        "--os",
        action="append",
        default=[],
        metavar="NAME=IMAGE",
        help="in a catalogue without a release: an operating system and its root image (default: those in base/)",
    )
    freeze = actions.add_parser("freeze", help="make a release its own: copies and digests of all it is made from")
    freeze.add_argument("name", metavar="NAME", help="release, such as 2026a")
    freeze.add_argument("--offline", action="store_true", help="query no registry for the digests of root images")
    update = actions.add_parser("update", help="lock again within the promise: only z of x.y.z moves")
    update.add_argument("name", metavar="NAME", help="release, such as 2025b")
    update.add_argument("--allow", action="append", default=[], metavar="PACKAGE", help="may go beyond its x.y")
    update.add_argument("--interpreter", metavar="PATH", default="", help="the Python to lock with (default: found)")
    update.add_argument("--jobs", type=int, default=2, metavar="N", help="how many locks at once (2)")
    update.add_argument("--dry-run", action="store_true", help="show what would move, write nothing")
    amend = actions.add_parser("amend", help="put files of today's catalogue into a frozen release, for a reason")
    amend.add_argument("name", metavar="NAME", help="frozen release, such as 2025b")
    amend.add_argument("paths", metavar="PATH", nargs="+", help="file or folder of the catalogue; locks are excluded")
    amend.add_argument("--reason", required=True, metavar="TEXT", help="why; the release file and `check` show it")
    amend.add_argument("--dry-run", action="store_true", help="list what would change, write nothing")
    check = actions.add_parser("check", help="check a release against what was frozen and promised")
    check.add_argument("name", metavar="NAME", help="release, such as 2025b")
    diff = actions.add_parser("diff", help="show what is added, removed and moved from one release to another")
    diff.add_argument("old", metavar="OLD", help="release, such as 2025b")
    diff.add_argument("new", metavar="NEW", help="release, such as 2026a")
    diff.add_argument("--summary", action="store_true", help="numbers by bundle only")
    advisory_options(check)
    for action in (new, amend, check):
        action.add_argument("--today", metavar="YYYY-MM-DD", default="", help="the day that counts (default: today)")
    for action in (new, freeze, update, amend, check, diff):
        action.add_argument("--json", action="store_true", help="report as JSON")
        # Understood on either side of the subcommand; here it must not override a value from before it.
        action.add_argument("--catalog", metavar="DIR", default=argparse.SUPPRESS, help="use another catalogue")


def run(args: argparse.Namespace) -> int:
    """Do what the subcommand says, and print the result."""
    if args.action in ("new", "freeze") or (args.action in ("update", "amend") and not args.dry_run):
        check_writable(args.catalog)
    return _ACTIONS[args.action](args)


def _day(args: argparse.Namespace) -> str:
    day = args.today or f"{datetime.date.today():%Y-%m-%d}"
    if not is_day(day):
        raise UsageError(f"{day!r} is no day", hint="write it as 2026-11-22")
    return str(day)


def _new(args: argparse.Namespace) -> int:
    from workbench.release.new import new, next_name

    catalogue, day = open_catalogue(args.catalog), _day(args)
    if args.until and not is_day(args.until):
        raise UsageError(f"{args.until!r} is no day", hint="write it as 2026-11-22")
    name = args.name or next_name(catalogue, day)
    if catalogue.releases or catalogue.broken["release"] or args.source:
        if args.os:
            raise UsageError("--os is for a catalogue without a release", hint="change the new release file instead")
        made = new(catalogue, name, args.source or catalogue.newest().name, day, args.until)
    else:
        made = new(catalogue, name, "", day, args.until, _first(catalogue, name, day, args.os))
    print(json.dumps({"made": made}) if args.json else "\n".join(made))
    return EXIT_OK


def _first(catalogue: Catalogue, name: str, day: str, images: list[str]) -> str:
    """Return the text of the first release file; root images that are not named are those of the tool's own newest."""
    from workbench.release.first import first_release

    named = dict(each.partition("=")[::2] for each in images)
    ours = open_catalogue(str(ROOT)).releases.values()
    known = {os: system for release in reversed(list(ours)) for os, system in release.systems.items()}
    made = first_release(catalogue, name, day, named, known)
    for note in made.notes:
        print_note(note)
    return made.text


def _freeze(args: argparse.Namespace) -> int:
    from workbench.release.freeze import freeze, registry_digest

    report = freeze(open_catalogue(args.catalog), args.name, None if args.offline else registry_digest)
    for note in report.notes:
        print_note(note)
    if args.json:
        print(json.dumps(asdict(report), indent=2))
    elif report.files:
        print("".join(f"{image}@{digest}\n" for image, digest in report.digests.items()), end="")
        print(f"release {args.name} is frozen: {report.files} files, {report.locks} of them promises of locks")
    return EXIT_OK


def _update(args: argparse.Namespace) -> int:
    from workbench.lock.index import use_index_of_pip
    from workbench.release.index import query
    from workbench.release.update import update

    use_index_of_pip()
    if args.jobs < 1:
        raise UsageError("--jobs must be 1 or more")
    report = update(
        open_catalogue(args.catalog),
        args.name,
        query,
        lambda number, of, folder: print(f"[{number}/{of}] {folder}", file=sys.stderr, flush=True),
        allowed=args.allow,
        interpreter=args.interpreter,
        dry_run=args.dry_run,
        jobs=args.jobs,
    )
    if args.json:
        print(json.dumps(asdict(report), indent=2))
        return EXIT_OK
    if report.moved:
        rows = [(each.folder, each.package, each.before or "-", each.after) for each in report.moved]
        print(columns(("lock", "package", "from", "to"), rows), end="\n\n")
    for where, what in report.unmet:
        print(f"security: {where}: {what}", file=sys.stderr)
    for where, what in report.unbuilt:
        print_note(f"{where}: {what}")
    kept = f"; {len(report.held)} packages have a later x.y, which is for another release" if report.held else ""
    print(f"{len(report.moved)} versions {'would move' if args.dry_run else 'moved'}{kept}")
    return EXIT_OK


def _amend(args: argparse.Namespace) -> int:
    from workbench.release.amend import amend

    catalogue = open_catalogue(args.catalog)
    report = amend(catalogue, args.name, args.paths, args.reason, _day(args), dry_run=args.dry_run)
    if args.json:
        print(json.dumps(asdict(report), indent=2))
        return EXIT_OK
    kinds = asdict(report)
    print("".join(f"{kind:<8} {path}\n" for kind, paths in kinds.items() for path in paths), end="")
    would = "would change" if args.dry_run else "changed"
    count = sum(map(len, kinds.values()))
    print(f"release {args.name}: {count} file{'' if count == 1 else 's'} {would}")
    return EXIT_OK


def _check(args: argparse.Namespace) -> int:
    from workbench.release.audit import lock_pins
    from workbench.release.check import check

    catalogue = open_catalogue(args.catalog)
    report = check(catalogue, args.name, _day(args), advisories_for(args, lambda: lock_pins(catalogue, args.name)))
    for note in report.notes:
        print_note(note)
    if report.faults:
        count = len(report.faults)
        raise FaultsError(
            f"release {args.name} does not keep its promise: {count} fault{'' if count == 1 else 's'}",
            list(report.faults),
            hint="take changed files back from version control; what is meant to change goes into another release",
        )
    if args.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        record = f", record {report.record}" if report.record else ""
        what = f"{report.files} files, {report.locks} locks{record}"
        if report.advisories:
            print(f"release {args.name} keeps its promise: {what}; no known hole ({report.advisories})")
        else:
            print(f"release {args.name} is as it was promised: {what}; known holes: not checked")
            print_note(NOT_CHECKED)
    return EXIT_OK


def _diff(args: argparse.Namespace) -> int:
    from workbench.release.diff import diff

    changes = diff(open_catalogue(args.catalog), args.old, args.new)
    if args.summary:
        kinds = ("added", "removed", "moved")
        counts = Counter((each.bundle, each.where, each.status) for each in changes)
        places = dict.fromkeys((each.bundle, each.where) for each in changes)
        table = [
            {"bundle": bundle, "for": where, **{kind: counts[bundle, where, kind] for kind in kinds}}
            for bundle, where in places
        ]
    else:
        table = [
            {
                "bundle": each.bundle,
                "for": each.where,
                "kind": each.kind,
                "name": each.name,
                "status": each.status,
                "before": each.before,
                "after": each.after,
            }
            for each in changes
        ]
    if args.json:
        print(json.dumps(table, indent=2))
    elif table:
        print(columns(list(table[0]), [[str(value) or "-" for value in row.values()] for row in table]))
    else:
        print(f"releases {args.old} and {args.new} are the same")
    return EXIT_OK


_ACTIONS = {"new": _new, "freeze": _freeze, "update": _update, "amend": _amend, "check": _check, "diff": _diff}
