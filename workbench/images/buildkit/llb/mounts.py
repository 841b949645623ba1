"""The mounts of a process besides the tree that it changes."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.images.buildkit.llb import capabilities as caps
from workbench.images.buildkit.llb import checks
from workbench.images.buildkit.llb.checks import StepError, account, number, one_of, place, text
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.vertex import NONE, HasOutput, Inputs, Output

_SHARING = {"shared": pb.SHARED, "private": pb.PRIVATE, "locked": pb.LOCKED}
_MOST_TMPFS = 2**62


@dataclass(frozen=True, slots=True)
class ExecMount:
    """One mount: where it is, its message without numbers, the tree in it, what a daemon must be able to do.

    One that is `written` is an output of its step.
    """

    dest: str
    data: bytes
    source: Output | None
    capabilities: tuple[str, ...]
    written: bool = False

    def message(self, inputs: Inputs) -> pb.Mount:
        """Return the message, as yet without an output; its source joins `inputs`."""
        message = pb.Mount.FromString(self.data)
        message.input, message.output = inputs.add(self.source), NONE
        return message


def bind(
    dest: str, tree: HasOutput, *, selector: str = "/", readonly: bool = True, content_cache: bool = True
) -> ExecMount:
    """Mount `tree`, or what is at `selector` in it, at `dest`.

    One that can be written to is thrown away after the step; it has an output of its own, because only
    so a daemon begins without reading all of the tree first (a newer one needs `content_cache` off too,
    if it has that). The step is then cached by how the tree was made, not by what is in it.
    """
    where = place(dest, "the place of a mount")
    if readonly and tree.output is None:
        raise StepError(f"an empty tree cannot be mounted read-only at {where}")
    message = pb.Mount(dest=where, readonly=readonly, mountType=pb.BIND)
    needed = [caps.MOUNT_BIND]
    if selector != "/":
        message.selector = place(selector, "the part of a tree to mount")
        needed.append(caps.MOUNT_SELECTOR)
    if not content_cache:
        message.contentCache = pb.OFF
        needed.append(caps.MOUNT_CONTENT_CACHE)
    return _mount(message, tree.output, needed, written=not readonly)


def cache(
    dest: str, id: str, *, sharing: str = "locked", tree: HasOutput | None = None, selector: str = "/"
) -> ExecMount:
    """Mount at `dest` the cache folder `id`, which is kept from build to build; `tree` is what it begins with.

    `sharing`: steps at the same time share it ("shared"), wait for each other ("locked") or get one each ("private").
    """
    message = pb.Mount(dest=place(dest, "the place of a mount"), mountType=pb.CACHE)
    message.cacheOpt.ID = text(id, "the name of a cache")
    message.cacheOpt.sharing = _SHARING[one_of(sharing, _SHARING, "the sharing of a cache")]
    needed = [caps.MOUNT_CACHE, caps.MOUNT_CACHE_SHARING]
    if selector != "/":
        message.selector = place(selector, "the part of a tree to mount")
        needed.append(caps.MOUNT_SELECTOR)
    return _mount(message, tree.output if tree else None, needed)


def secret(dest: str, id: str, *, mode: int = 0o400, owner: str = "0:0", optional: bool = False) -> ExecMount:
    """Mount at `dest` a file that only this step sees; the session of the build provides it under `id`.

    `owner` is numbers, for a secret is mounted before any passwd file is read.
    """
    user, group = _numbers(owner, "the owner of a secret")
    message = pb.Mount(dest=place(dest, "the place of a mount"), mountType=pb.SECRET)
    message.secretOpt.ID = text(id, "the name of a secret")
    message.secretOpt.uid, message.secretOpt.gid = user, group
    message.secretOpt.mode = checks.mode(mode, "the mode of a secret")
    message.secretOpt.optional = optional
    return _mount(message, None, [caps.MOUNT_SECRET])


def ssh(dest: str, id: str, *, mode: int = 0o600, owner: str = "0:0", optional: bool = False) -> ExecMount:
    """Mount at `dest` the socket of an ssh agent, which the session of the build provides under `id`."""
    user, group = _numbers(owner, "the owner of an agent's socket")
    message = pb.Mount(dest=place(dest, "the place of a mount"), mountType=pb.SSH)
    message.SSHOpt.ID = text(id, "the name of an agent")
    message.SSHOpt.uid, message.SSHOpt.gid = user, group
    message.SSHOpt.mode = checks.mode(mode, "the mode of an agent's socket")
    message.SSHOpt.optional = optional
    return _mount(message, None, [caps.MOUNT_SSH])


def tmpfs(dest: str, *, size: int = 0) -> ExecMount:
    """Mount at `dest` a folder in memory, empty, of at most `size` bytes (0: as the daemon likes)."""
    message = pb.Mount(dest=place(dest, "the place of a mount"), mountType=pb.TMPFS)
    message.tmpfsOpt.size = number(size, "the size of a tmpfs", _MOST_TMPFS)
    return _mount(message, None, [caps.MOUNT_TMPFS, *([caps.MOUNT_TMPFS_SIZE] if size else [])])


def _numbers(owner: str, what: str) -> tuple[int, int]:
    """Return the user and the group of an owner that must be numbers; a user alone is the group too."""
    user, group = account(owner, what)
    if not user.isdigit() or not (group or user).isdigit():
        raise StepError(f"{what}, {owner!r}, must be numbers")
    return int(user), int(group or user)


def _mount(message: pb.Mount, source: Output | None, needed: list[str], *, written: bool = False) -> ExecMount:
    return ExecMount(message.dest, message.SerializeToString(deterministic=True), source, tuple(needed), written)
