"""`wizard.py lock`: the Python packages of bundles and bases, and NVIDIA's wheels, locked with pipenv."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass

from workbench.errors import FaultsError, UsageError, WorkbenchError
from workbench.indexes import MAIN
from workbench.locations import check_writable
from workbench.lock.builds import record_missing_builds
from workbench.lock.folders import folders_to_lock
from workbench.lock.index import use_index_of_pip
from workbench.lock.interpreter import find_interpreter, version_of
from workbench.lock.pipenv import is_current, lock
from workbench.lock.pipfile import data_of, merged
from workbench.lock.sizes import lacks_sizes, record_sizes
from workbench.lock.sources import unset_variables
from workbench.names import lists_of_folder, python_of, python_of_lists
from workbench.process import interruptible, workers

EXAMPLES = """\
  make lock                                        everything whose Pipfile changed; sizes that are missing
  make lock BUNDLE=datascience PYTHON=3.11         one bundle for one Python
  wizard.py lock --release 2025b                   those in releases/2025b
  wizard.py lock --bundle datascience --python 3.12 --interpreter /opt/python3.12/bin/python3
"""
LOCKED, CURRENT, SKIPPED, FAILED = "locked", "current", "skipped", "failed"
_RECORDED = "sizes recorded"


@dataclass(frozen=True, slots=True)
class LockOutcome:
    """The outcome of one folder: locked, current, skipped or failed, why, and the seconds it took."""

    folder: str
    status: str
    reason: str
    seconds: float


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `lock`."""
    parser.add_argument("--bundle", metavar="NAME", help="this bundle only")
    parser.add_argument("--python", metavar="X.Y", help="this Python only")
    parser.add_argument("--release", metavar="NAME", default="", help="the release's own locks")
    parser.add_argument("--interpreter", metavar="PATH", help="the Python to lock with (default: found)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many at once (2)")
    parser.add_argument("--force", action="store_true", help="lock what is current too, taking newer versions")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Lock what changed, reporting each folder as it is done; FaultsError when one could not be locked."""
    if args.jobs < 1:
        raise UsageError("--jobs must be 1 or more")
    check_writable(args.catalog)
    found = folders_to_lock(args.catalog, args.bundle, args.python, args.release)
    use_index_of_pip()
    if not os.environ.get(MAIN):
        hint = "set it to the address of your package index"
        raise UsageError(f"{MAIN}, which the Pipfiles name, is not set", hint=hint)
    outcomes = []
    with interruptible(), workers(args.jobs) as pool:
        tasks = [pool.submit(_lock_one, args, folder, above) for folder, above in found.items()]
        for number, task in enumerate(as_completed(tasks), 1):
            outcome = task.result()
            outcomes.append(outcome)
            line = f"[{number}/{len(tasks)}] {outcome.status:<8} {outcome.folder} ({outcome.seconds:.1f} s)"
            print(f"{line} {outcome.reason}".rstrip(), file=sys.stderr, flush=True)
    outcomes.sort(key=lambda outcome: outcome.folder)
    if args.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    if failed := [(outcome.folder, outcome.reason) for outcome in outcomes if outcome.status == FAILED]:
        raise FaultsError(f"{len(failed)} of {len(outcomes)} could not be locked", failed)
    return 0


def _lock_one(args: argparse.Namespace, folder: str, extended: list[str]) -> LockOutcome:
    start = time.monotonic()
    full, above = os.path.join(args.catalog, folder), [os.path.join(args.catalog, each) for each in extended]

    def outcome(status: str, reason: str = "") -> LockOutcome:
        return LockOutcome(folder, status, reason, round(time.monotonic() - start, 1))

    try:
        name = os.path.basename(folder)
        if not args.force and is_current(full, above):
            return outcome(CURRENT, _sizes(folder, full))
        unset = unset_variables(data_of(merged([*above, full]))) if lists_of_folder(name) else []
        if unset:
            # Not everybody has the index of packages for certain bases, and all else can be locked without it.
            return outcome(SKIPPED, f"export {' and '.join(f'{each}=ADDRESS' for each in unset)}: its package index")
        wanted = python_of(name) or python_of_lists(name) or version_of(sys.executable) or ""
        interpreter = args.interpreter or find_interpreter(wanted)
        if interpreter is None:
            return outcome(SKIPPED, f"no Python {wanted} on this machine: name one with --interpreter")
        if version_of(interpreter) != wanted:
            return outcome(FAILED, f"{interpreter} is not Python {wanted}")
        print(f"locking {folder} with {interpreter}", file=sys.stderr, flush=True)
        elsewhere = lock(full, interpreter, above)
        notes = [f"left out, for another platform or Python: {', '.join(elsewhere)}"] if elsewhere else []
        missing = record_missing_builds(full, merged([*above, full]), wanted)
        notes += [f"no build for {architecture}: {', '.join(names)}" for architecture, names in missing.items()]
        # Here they are a matter of course.
        notes += [note for note in (_sizes(folder, full),) if note not in ("", _RECORDED)]
        return outcome(LOCKED, "; ".join(notes))
    except WorkbenchError as error:
        return outcome(FAILED, f"{error.where}: {error.message}" if error.where else error.message)


def _sizes(folder: str, full: str) -> str:
    """Record the sizes of a bundle's packages where they are missing, and return what was done, "" for nothing.

    No pin moves for them. Lists of bases and of NVIDIA's wheels are not divided, and have none.
    """
    python = python_of_lists(os.path.basename(folder))
    if python is None or "bundles" not in folder.split("/") or not lacks_sizes(full):
        return ""
    try:
        unknown = record_sizes(full, python)
    except WorkbenchError as error:
        return f"sizes not recorded: {error.where}: {error.message}"
    return _RECORDED + (f", but for {', '.join(unknown)}" if unknown else "")
