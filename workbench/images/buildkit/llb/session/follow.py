"""What a path leads to through symbolic links, so that a link is not sent without what it points to."""

from __future__ import annotations

import os
from collections.abc import Iterable

from workbench.images.buildkit.llb.session.patterns import Patterns


def followed(folder: str, paths: Iterable[str]) -> list[str]:
    """Return the patterns of `paths` below `folder` and of all that their links lead to, links included.

    Nothing leads out of the folder: a link is read as if the folder were the root.
    """
    found: dict[str, None] = {}
    waiting = [_parts(path) for path in paths]
    while waiting:
        parts = waiting.pop()
        at: tuple[str, ...] = ()
        for index, part in enumerate(parts):
            if any(sign in part for sign in "*?["):
                names = _names(os.path.join(folder, *at), part)
                waiting += [(*at, name, *parts[index + 1 :]) for name in names]
                break
            at = (*at, part)
            full = os.path.join(folder, *at)
            if os.path.islink(full) and "/".join(at) not in found:
                found["/".join(at)] = None
                target = os.readlink(full)
                start = () if target.startswith("/") else at[:-1]
                waiting.append(_parts("/".join((*start, target, *parts[index + 1 :]))))
                break
            if os.path.islink(full):
                break
        else:
            found["/".join(at) or "**"] = None
    return list(found)


def _names(folder: str, pattern: str) -> list[str]:
    wanted = Patterns([pattern])
    try:
        return [name for name in os.listdir(folder) if wanted.match(name)]
    except OSError:
        return []


def _parts(path: str) -> tuple[str, ...]:
    """Return the parts of `path` without `.` and `..`, which cannot lead above the folder."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)
