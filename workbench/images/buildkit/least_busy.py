"""Which of several BuildKits has the least to do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from workbench.errors import WorkbenchError
from workbench.images.background import in_background
from workbench.images.buildkit.llb.address import parse
from workbench.images.buildkit.llb.client import connect


def least_busy(addresses: Sequence[str], certificates: str = "") -> tuple[str, str]:
    """Return the address of the daemon where the fewest builds run, and a sentence that says so.

    Of equals it is the first: its cache has the most of what was built before. A daemon that does not count its builds
    (before 0.11) is taken for idle, and one that does not respond is left out. The folder `certificates` is for those
    that are reached by tcp. Raises WorkbenchError when none responds, with the reason of each.
    """
    waiting = {address: in_background(partial(_running, address, certificates)) for address in addresses}
    running: dict[str, int | None] = {}
    silent: dict[str, str] = {}
    for address, outcome in waiting.items():
        try:
            running[address] = outcome.result()
        except WorkbenchError as error:
            silent[address] = error.message
    if not running:
        raise WorkbenchError("no builder responds", hint="; ".join(silent.values()))
    chosen = min(running, key=lambda address: running[address] or 0)
    others = [f"{_builds(count)} at {address}" for address, count in running.items() if address != chosen]
    others += [f"{address} does not respond ({reason})" for address, reason in silent.items()]
    return chosen, ", ".join([f"{_builds(running[chosen])} there", *others])


def _running(address: str, certificates: str) -> int | None:
    with connect(parse(address, certificates if address.startswith("tcp:") else "")) as daemon:
        return daemon.running()


def _builds(count: int | None) -> str:
    return "an unknown number of builds" if count is None else f"{count} build{'' if count == 1 else 's'}"
