"""`make bench`: prints what was measured, each figure beside the peer it is measured against."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

from benchmarks.activation import activation
from benchmarks.buildkit import buildkit
from benchmarks.images import images, shared
from benchmarks.install import install
from benchmarks.llb import llb
from benchmarks.lock import lock
from benchmarks.matrix import matrix
from benchmarks.monobase import monobase
from benchmarks.neighbour import neighbour
from benchmarks.proxy import proxy
from benchmarks.rebuild import rebuild
from benchmarks.release import release
from benchmarks.replicasets import lists, replicasets
from benchmarks.standard import standard
from benchmarks.start import start
from benchmarks.workbench import workbench

QUICK = (start, matrix, llb, standard, release, activation, shared, rebuild)
# By name only: they take gigabytes, or download everything from the package index again.
HEAVY = (images, install, buildkit, monobase, neighbour, replicasets, lists, proxy, workbench, lock)


def main() -> None:
    """Run the benchmarks named on the command line, or all the quick ones."""
    listed = "".join(f"  {one.__name__:<13}{one.__doc__}\n" for one in (*QUICK, *HEAVY))
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"benchmarks, the last {len(HEAVY)} by name only:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="which (default: all the quick ones)")
    parser.add_argument("--python", metavar="X.Y", default="", help="for lock: this Python only")
    parser.add_argument("--bundle", metavar="NAME", default="", help="for lock: this bundle only")
    args = parser.parse_args()
    known: dict[str, Callable[[], None]] = {
        one.__name__: one
        for one in (*QUICK, images, install, buildkit, monobase, neighbour, replicasets, lists, proxy, workbench)
    }
    known["lock"] = partial(lock, args.bundle, args.python)
    if unknown := [name for name in args.name if name not in known]:
        parser.error(f"no benchmark is named {', '.join(unknown)}: there are {', '.join(known)}")
    for name in args.name or [one.__name__ for one in QUICK]:
        known[name]()


if __name__ == "__main__":
    main()
