"""`rs cp`: files into and out of a set."""

from __future__ import annotations

import argparse
import os
import posixpath
import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from workbench.errors import UsageError, WorkbenchError

if TYPE_CHECKING:
    from workbench.replicasets.archives import Copied
    from workbench.replicasets.client import Client

_REMOTE = re.compile(r"([A-Za-z0-9_]+):(.*)", re.DOTALL)
# How often the line on a terminal is written anew.
_SECONDS = 0.2


def copy_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `rs cp`."""
    parser.description = (
        "Copy a file or folder into a running set, or out of it. One of the two is SET:/PATH. What is copied in is the "
        "user's of the set's image. Links that lead out of what is copied, devices and pipes are left out, and named."
    )
    parser.add_argument("source", metavar="FROM", help="./here or SET:/path")
    parser.add_argument("target", metavar="TO", help="SET:/path or ./here: a folder that it is put in, or its new name")
    parser.add_argument("--quiet", action="store_true", help="do not show how much was copied")


def copy(client: Client, args: argparse.Namespace) -> int:
    """Copy, and print what was left out; return the exit code."""
    from workbench.replicasets.archives import Copied
    from workbench.replicasets.quantities import about
    from workbench.verbs._service import report

    remote = _REMOTE.fullmatch(args.source), _REMOTE.fullmatch(args.target)
    found = remote[0] or remote[1]
    if found is None or (remote[0] and remote[1]):
        raise UsageError("one of the two is in a set", hint="rs cp ./here SET:/path, or rs cp SET:/path ./here")
    if not found[2].startswith("/"):
        raise UsageError(f"{found[2]!r} is no absolute path", hint=f"{found[1]}:/opt/app-root/src/{found[2]}")
    copied = Copied()
    with _Progress(copied, live=not args.quiet and not args.json) as progress:
        (_download if remote[0] else _upload)(client, found[1], found[2], args, copied, progress)
    for line in copied.left_out:
        print(f"left out: {line}", file=sys.stderr)
    data = {"files": copied.files, "bytes": copied.bytes, "leftOut": copied.left_out}
    count = f"{copied.files} file{'' if copied.files == 1 else 's'}"
    return report(args, data, f"{count}, {about(copied.bytes)}")


class _Progress:
    """A line on a terminal that says how much was copied."""

    def __init__(self, copied: Copied, live: bool) -> None:
        self._copied, self._next = copied, 0.0
        self._live = live and sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def of(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces, and show how far it is."""
        from workbench.replicasets.quantities import about

        for piece in pieces:
            if self._live and time.monotonic() >= self._next:
                self._next = time.monotonic() + _SECONDS
                text = f"{self._copied.files} files, {about(self._copied.bytes)}"
                print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            yield piece


def _download(
    client: Client, name: str, path: str, args: argparse.Namespace, copied: Copied, progress: _Progress
) -> None:
    from workbench.replicasets.archives import shown, unpack
    from workbench.replicasets.client import part

    path = posixpath.normpath(path)
    base, target = posixpath.basename(path), args.target
    if not base:
        raise UsageError("the whole disk is not copied", hint="name a folder in it; `rs commit` makes an image")
    if os.path.isdir(target):
        target = os.path.join(target, base)
    elif target.endswith("/") or not os.path.isdir(os.path.dirname(os.path.abspath(target))):
        raise WorkbenchError(f"there is no folder {shown(os.path.dirname(target) or target)}", hint="make it first")
    if os.path.lexists(target) and (os.path.isdir(target) or not os.path.isfile(target)):
        raise WorkbenchError(f"{shown(target)} is here already", hint="remove it, or choose another name")
    with client.download(f"/replicaSet/{part(name)}/archive", path=path) as pieces:
        unpack(progress.of(pieces), target, copied)


def _upload(
    client: Client, name: str, path: str, args: argparse.Namespace, copied: Copied, progress: _Progress
) -> None:
    from workbench.replicasets.archives import pack, shown
    from workbench.replicasets.client import part

    place, source = f"/replicaSet/{part(name)}", args.source
    if not os.path.isfile(source) and not os.path.isdir(source):
        raise WorkbenchError(f"there is no file or folder {shown(source)}")
    clean = posixpath.normpath(path)
    kind = client("GET", f"{place}/stat", path=clean)["kind"]
    folder, new = (clean, os.path.basename(os.path.realpath(source))) if kind == "folder" else posixpath.split(clean)
    if kind == "none" and path.endswith("/"):
        raise WorkbenchError(f"{name} has no folder {shown(path)}", hint=f"rs exec {name} -- mkdir -p {shown(path)}")
    if kind == "other" or (kind == "file" and os.path.isdir(source)):
        raise WorkbenchError(f"{shown(path)} of {name} is no folder", hint="choose another name")
    if not new:
        raise WorkbenchError(f"{shown(source)} has no name to be put under", hint=f"{name}:{shown(path)}/NAME")
    client.upload(f"{place}/archive", progress.of(pack(source, new, copied)), path=folder)
