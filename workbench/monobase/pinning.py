"""Which generation models get that name none: the newest, the one before it, or one that is pinned.

A pin is a link, `monobase/pinned`, beside `latest`: `build` and `repair` leave `latest` there as long as it stands.
"""

from __future__ import annotations

import os

from workbench.errors import WorkbenchError
from workbench.monobase import layout
from workbench.monobase.prefix import Prefix, point, set_aside
from workbench.monobase.tidy import point_latest


def pin(prefix: Prefix, name: str) -> None:
    """Let `latest` point at the generation `name`, and stay there. The caller holds the prefix's lock.

    Raises WorkbenchError when it is not finished here.
    """
    if layout.read_done(prefix.generation(name)) is None:
        ready = ", ".join(_ready(prefix)) or "none"
        raise WorkbenchError(f"generation {name} is not ready here", hint=f"ready: {ready}", where=prefix.generations)
    # The pin first: a builder that is killed in between moves `latest` there.
    point(prefix.pinned, name)
    point(prefix.latest, name)


def unpin(prefix: Prefix) -> None:
    """Let `latest` follow the newest generation again. The caller holds the prefix's lock."""
    if os.path.lexists(prefix.pinned):
        set_aside(prefix, prefix.pinned)
    point_latest(prefix, prefix.latest)


def rollback(prefix: Prefix) -> str:
    """Pin `latest` to the newest generation that is older than it, and return its name.

    The caller holds the prefix's lock. Raises WorkbenchError when there is none.
    """
    now = layout.latest_name(prefix.latest)
    older = [name for name in _ready(prefix) if now is not None and name < now]
    if not older:
        raise WorkbenchError(f"nothing older than {now or 'nothing'} is ready here", where=prefix.generations)
    pin(prefix, older[-1])
    return older[-1]


def _ready(prefix: Prefix) -> list[str]:
    return [one.name for one in layout.generations(prefix) if layout.read_done(one.path) is not None]
