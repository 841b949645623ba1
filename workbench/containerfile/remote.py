"""What ADD brings from elsewhere: a file at an http address, or the tree of a git repository.

Which addresses are of git is BuildKit's rule (docker/dockerfile 1.21, `util/gitutil`): `git://` all are, `http://` and
`https://` are where the path ends in `.git`; behind a `#` stand the branch, tag or commit and a `:FOLDER`.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from workbench.errors import WorkbenchError

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|git@", re.IGNORECASE)
_OVER_SSH = re.compile(r"ssh://|git@", re.IGNORECASE)
_GIT_OVER_HTTP = re.compile(r"https?://[^/?#]*/[^?#]*\.git(?:[?#]|$)", re.IGNORECASE)
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@-]*")
# What a file is called whose address has no name (BuildKit's frontend, dockerfile2llb/convert.go).
_UNNAMED = "__unnamed__"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at `url`; `checksum` is `sha256:…`, "" for none."""

    url: str
    name: str
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class GitTree:
    """The files of the git repository at `url`.

    `ref` is a branch, tag or commit, "" for the repository's own choice; `folder` the part of it, "" for all;
    `checksum` the commit that it must be, "" for any; with `keep_git`, `.git` is among the files.
    """

    url: str
    ref: str = ""
    folder: str = ""
    checksum: str = ""
    keep_git: bool = False


Remote = RemoteFile | GitTree


def is_address(source: str) -> bool:
    """Return whether a source of ADD is an address, and no path."""
    return _ADDRESS.match(source) is not None


def is_git(source: str) -> bool:
    """Return whether an address is one of git."""
    if _OVER_SSH.match(source) or source.lower().startswith("git://"):
        return True
    # Not by urlsplit, which refuses some texts: whether this is an address at all, `remote` finds out.
    return _GIT_OVER_HTTP.match(source) is not None


def is_commit(ref: str) -> bool:
    """Return whether a ref of git names one commit for ever: a digest of SHA-1 or SHA-256, in full."""
    return _COMMIT.fullmatch(ref) is not None


def remote(source: str, *, checksum: str = "", keep_git: bool = False) -> Remote:
    """Return what the address `source` is; raises WorkbenchError for one that cannot be fetched."""
    if _OVER_SSH.match(source):
        raise WorkbenchError(
            f"ADD {source}: git over ssh is not supported", hint="clone it in a RUN --mount=type=ssh, or write https://"
        )
    try:
        parts = urlsplit(source)
        known = parts.scheme in ("http", "https", "git") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    if not known or re.search(r"[\s\x00-\x1f\x7f]", source):
        raise WorkbenchError(f"ADD {source} is not supported", hint="there are http://, https:// and git:// addresses")
    return _git(source, parts, checksum, keep_git) if is_git(source) else _file(source, parts, checksum)


def _file(source: str, parts: SplitResult, checksum: str) -> RemoteFile:
    if checksum and not _SHA256.fullmatch(checksum):
        raise WorkbenchError(f"ADD --checksum={checksum}: this is no checksum", hint="write sha256: and 64 digits")
    name = posixpath.basename(posixpath.normpath(unquote(parts.path)))
    return RemoteFile(source, _UNNAMED if name in ("", ".", "..") else name, checksum)


def _git(source: str, parts: SplitResult, checksum: str, keep_git: bool) -> GitTree:
    if parts.query:
        raise WorkbenchError(f"ADD {source}: a query is not supported", hint="write #BRANCH:FOLDER behind .git")
    if checksum and not re.fullmatch(r"[0-9a-f]{7,64}", checksum):
        raise WorkbenchError(f"ADD --checksum={checksum}: this is no commit", hint="write its 40 digits")
    ref, _, folder = parts.fragment.partition(":")
    if ref and (not _REF.fullmatch(ref) or ".." in ref):
        raise WorkbenchError(f"ADD {source}: {ref!r} is no branch, tag or commit")
    if ".." in folder.split("/"):
        raise WorkbenchError(f"ADD {source}: {folder} leads out of the repository")
    return GitTree(source.partition("#")[0], ref, folder.strip("/"), checksum, keep_git)
