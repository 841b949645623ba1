"""`wizard.py check`: a catalogue, or recipe folders against it."""

from __future__ import annotations

import argparse
import json
from collections import Counter

from workbench.catalog.faults import Faults
from workbench.catalog.package_lists import package_list_faults
from workbench.catalog.reader import open_catalogue
from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue
from workbench.catalog.views import at_release, every_view
from workbench.compose.possible import attempt, combinations
from workbench.errors import FaultsError, UsageError
from workbench.locations import check_writable
from workbench.lock.folders import lock_folders
from workbench.lock.fresh import stale_locks
from workbench.names import LATEST
from workbench.notes import print_note
from workbench.recipes.lint import CONFIG, findings
from workbench.recipes.stale import check_folder

EXAMPLES = """\
  wizard.py check                     the catalogue: every fault, every combination, hadolint
  wizard.py check recipes/*           recipe folders: can be built, and not stale
  wizard.py check --catalog DIR       somebody else's catalogue
  wizard.py check --packages          does each operating system have the packages of its lists? (needs podman)
  wizard.py check --packages --record what it lacks is not offered from now on
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `check`."""
    parser.add_argument("folder", nargs="*", help="recipe folders; none checks the catalogue")
    parser.add_argument("--no-lint", dest="lint", action="store_false", help="do not run hadolint")
    parser.add_argument("--packages", action="store_true", help="query the systems' own indexes for listed packages")
    parser.add_argument("--record", action="store_true", help="with --packages: record what is missing")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Check, print what is well, and raise FaultsError with all that is not."""
    if (args.record and not args.packages) or (args.packages and args.folder):
        raise UsageError("--packages is for a catalogue, and --record goes with it")
    if args.record:
        check_writable(args.catalog)
    catalogue = open_catalogue(args.catalog)
    summary: dict[str, object]
    if args.packages:
        from workbench.verbs._packages import check_packages

        summary, faults = check_packages(catalogue, record=args.record)
    elif args.folder:
        faults = [fault for folder in args.folder for fault in check_folder(catalogue, folder, with_lint=args.lint)]
        summary = {"recipes": len(args.folder), "faults": len(faults)}
    else:
        summary, faults, notes = check_catalogue(catalogue, with_lint=args.lint)
        if args.json:
            summary["notes"] = [{"where": where, "note": message} for where, message in notes]
            notes = []
        for where, message in notes:
            print_note(f"{where}: {message}")
    if faults:
        what = "the recipes" if args.folder else f"the catalogue {args.catalog}"
        raise FaultsError(f"{what}: {len(faults)} fault{'' if len(faults) == 1 else 's'}", faults)
    if args.json:
        print(json.dumps(summary, indent=2))
    else:
        print(", ".join(f"{count} {what}" for what, count in summary.items()))
    return 0


def check_catalogue(
    catalogue: Catalogue, *, with_lint: bool
) -> tuple[dict[str, object], list[tuple[str, str]], list[tuple[str, str]]]:
    """Compose every combination of `catalogue`; return the counts, the faults and the notes.

    A combination that the rules refuse is none. A bundle or an IDE that nothing goes with is one,
    with its most frequent reason, and so is anything hadolint finds, and a lock that is not of its Pipfile.
    What cannot be read is left out of the combinations. In a catalogue without a list of hadolint's rules, findings
    are notes.
    """
    tried: Counter[str] = Counter()
    possible: Counter[str] = Counter()
    why: dict[str, Counter[str]] = {}
    unusable, notes = Faults(), dict[tuple[str, str], None]()
    faults: dict[tuple[str, str], None] = dict.fromkeys(catalogue.faults)
    for view in every_view(catalogue, unusable):
        faults |= dict.fromkeys(view.faults)
    for selection in combinations(catalogue, LATEST, Faults()):
        recipe, reason = attempt(catalogue, selection)
        view = at_release(catalogue, selection.release)
        parts = (view.bundles[selection.bundle], view.ides[selection.ide])
        folders = tuple(view.tree.place(part.folder) for part in parts)
        for part in ("", *folders):
            tried[part] += 1
            possible[part] += recipe is not None
            why.setdefault(part, Counter()).update([reason] if reason else [])
        if recipe is not None and with_lint:
            kept_back = faults if view.tree.exists(CONFIG) else notes
            for line, message in findings(view, recipe.containerfile):
                section = next((s for s in reversed(recipe.sections) if s.line <= line), recipe.sections[0])
                kept_back[section.origin, message] = None
    faults |= dict.fromkeys([*unusable.found, *package_list_faults(catalogue)])
    for fault in stale_locks(catalogue.tree.root, lock_folders(CatalogueTree(catalogue.tree.root))):
        faults[fault] = None
    for part, count in possible.items():
        if part and not count:
            faults[part, f"can never be chosen: {why[part].most_common(1)[0][0]}"] = None
    counts = {
        "bundles": len(catalogue.bundles),
        "ides": len(catalogue.ides),
        "combinations": tried[""],
        "possible": possible[""],
    }
    return dict(counts), sorted(faults), sorted(notes)
