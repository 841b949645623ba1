"""The folders of the host below which may be bound: what belongs to them, by the text of a path."""

from __future__ import annotations

import os.path
from collections.abc import Iterable


def outermost(roots: Iterable[str]) -> tuple[str, ...]:
    """Return the folders below which may be bound, resolved, without those below another of them.

    They are resolved once, when the service starts. One below another is not resolved at all: sets may write beside
    it, and could have put a link in its place.
    """
    given = dict.fromkeys(os.path.abspath(root) for root in roots)
    resolved = {root: os.path.realpath(root) for root in given}

    def is_inner(root: str) -> bool:
        tops = {top for other in given if resolved[other] != resolved[root] for top in (other, resolved[other])}
        return any(is_below(path, top) for top in tops for path in (root, resolved[root]))

    return tuple(dict.fromkeys(resolved[root] for root in given if not is_inner(root)))


def is_below(path: str, root: str) -> bool:
    """Return whether a path is `root` or below it, by its text."""
    return path == root or path.startswith(f"{root.rstrip('/')}/")


def without_links(path: str) -> str:
    """Return the path without links, as far as they can be followed now: it may change at any time."""
    try:
        return os.path.realpath(path)
    except OSError:
        return os.path.abspath(path)  # a link was put in its place, or away, between two looks at it
