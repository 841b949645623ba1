"""Changes of a tree of files that run no process in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.images.buildkit.llb import capabilities as caps
from workbench.images.buildkit.llb import checks
from workbench.images.buildkit.llb.checks import StepError
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.vertex import NONE, HasOutput, Inputs, Output

# Times are when the step was done: 0 would be 1970.
_NOW = -1
_AS_IT_IS = -1


@dataclass(frozen=True, slots=True)
class Action:
    """One change of a tree: its message without numbers, where it copies from, what a daemon must be able to do."""

    data: bytes
    source: Output | None = None
    capabilities: tuple[str, ...] = ()

    def message(self, base: int, before: int, inputs: Inputs) -> pb.FileAction:
        """Return the message: it changes `before`, and looks up the names of users in `base`."""
        message = pb.FileAction.FromString(self.data)
        message.input, message.output = before, NONE
        message.secondaryInput = inputs.add(self.source)
        change = getattr(message, message.WhichOneof("action") or "")
        if isinstance(change, pb.FileActionRm):
            return message
        for one in (change.owner.user, change.owner.group):
            if one.HasField("byName"):
                if base == NONE:
                    raise StepError(f"no user is named {one.byName.name!r} in an empty tree", hint="give a number")
                one.byName.input = base
        return message


def copy(
    source: HasOutput,
    src: str,
    dest: str,
    *,
    owner: str = "",
    mode: int | str | None = None,
    wildcard: bool = False,
    empty_wildcard: bool = False,
    contents_only: bool = False,
    create_dest: bool = False,
    follow: bool = False,
    unpack: bool = False,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
) -> Action:
    """Copy what is at `src` in `source` to `dest`, into it when it is a folder or ends with a slash.

    `contents_only`: of a folder what is in it, not the folder; `create_dest`: make the folders above
    `dest`; `mode` is a number or text as chmod takes it; `follow`: what a link at `src` points to, not the
    link; `unpack`: put archives there unpacked.
    """
    message = pb.FileActionCopy(
        src=checks.path(src, "what to copy"),
        dest=checks.path(dest, "the place to copy to"),
        mode=checks.mode(mode, "the mode of a copy") if isinstance(mode, int) else _AS_IT_IS,
        modeStr=checks.mode_text(mode, "the mode of a copy") if isinstance(mode, str) else "",
        allowWildcard=wildcard,
        allowEmptyWildcard=empty_wildcard,
        dirCopyContents=contents_only,
        createDestPath=create_dest,
        followSymlink=follow,
        attemptUnpackDockerCompatibility=unpack,
        include_patterns=[checks.text(one, "a pattern of what to copy") for one in include],
        exclude_patterns=[checks.text(one, "a pattern of what not to copy") for one in exclude],
        timestamp=_NOW,
    )
    if source.output is None:
        raise StepError(f"nothing can be copied out of an empty tree: {src}")
    _own(message, owner)
    needed = [caps.FILE_PATTERNS] if message.include_patterns or message.exclude_patterns else []
    needed += [caps.FILE_MODE_TEXT] if message.modeStr else []
    return _action(pb.FileAction(copy=message), source.output, tuple(needed))


def mkfile(path: str, data: bytes, *, mode: int = 0o644, owner: str = "") -> Action:
    """Write the file `path`; its folder must exist."""
    where = checks.place(path, "the file to write")
    message = pb.FileActionMkFile(
        path=where,
        mode=checks.mode(mode, f"the mode of {where}"),
        data=checks.data(data, f"the file {where}"),
        timestamp=_NOW,
    )
    _own(message, owner)
    return _action(pb.FileAction(mkfile=message))


def mkdir(path: str, *, mode: int = 0o755, owner: str = "", parents: bool = False) -> Action:
    """Make the folder `path`, with `parents` those above it too, and accept one that exists."""
    where = checks.place(path, "the folder to make")
    message = pb.FileActionMkDir(
        path=where, mode=checks.mode(mode, f"the mode of {where}"), makeParents=parents, timestamp=_NOW
    )
    _own(message, owner)
    return _action(pb.FileAction(mkdir=message))


def rm(path: str, *, missing_ok: bool = False, wildcard: bool = False) -> Action:
    """Remove `path` and all below it."""
    message = pb.FileActionRm(
        path=checks.place(path, "what to remove"), allowNotFound=missing_ok, allowWildcard=wildcard
    )
    return _action(pb.FileAction(rm=message), needed=(caps.FILE_RM_WILDCARD,) if wildcard else ())


def symlink(target: str, path: str, *, owner: str = "") -> Action:
    """Make the symbolic link `path` to `target`, which may be relative. Daemons from 0.20 on have it."""
    message = pb.FileActionSymlink(
        oldpath=checks.text(target, "what a link points to"),
        newpath=checks.place(path, "the link to make"),
        timestamp=_NOW,
    )
    _own(message, owner)
    return _action(pb.FileAction(symlink=message), needed=(caps.FILE_SYMLINK,))


def _own(
    message: pb.FileActionCopy | pb.FileActionMkFile | pb.FileActionMkDir | pb.FileActionSymlink, owner: str
) -> None:
    if not owner:
        return
    user, group = checks.account(owner, "the owner")
    for one, name in ((message.owner.user, user), (message.owner.group, group)):
        if name.isdigit():
            one.byID = int(name)
        elif name:
            one.byName.name = name


def _action(message: pb.FileAction, source: Output | None = None, needed: tuple[str, ...] = ()) -> Action:
    return Action(message.SerializeToString(deterministic=True), source, needed)
