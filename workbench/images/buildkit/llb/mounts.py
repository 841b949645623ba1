"""What a process may have mounted besides the tree that it changes."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.images.buildkit.llb import capabilities as caps
from workbench.images.buildkit.llb import checks
from workbench.images.buildkit.llb.checks import StepError, account, number, one_of, place, text
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.vertex import NONE, Inputs, Output, Tree

_SHARING = {"shared": pb.SHARED, "private": pb.PRIVATE, "locked": pb.LOCKED}
_MOST_TMPFS = 2**62


@dataclass(frozen=True, slots=True)
class Mount:
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
        told = pb.Mount.FromString(self.data)
        told.input, told.output = inputs.add(self.source), NONE
        return told


def bind(dest: str, tree: Tree, *, selector: str = "/", readonly: bool = True, content_cache: bool = True) -> Mount:
    """Mount `tree`, or what is at `selector` in it, at `dest`.

    One that can be written to is thrown away after the step; it has an output of its own, because only
    so a daemon begins without reading all of the tree first (a newer one needs `content_cache` off too,
    if it has that). The step is then cached by how the tree was made, not by what is in it.
    """
    where = place(dest, "the place of a mount")
    if readonly and tree.output is None:
        raise StepError(f"an empty tree cannot be mounted read-only at {where}")
    told = pb.Mount(dest=where, readonly=readonly, mountType=pb.BIND)
    needed = [caps.MOUNT_BIND]
    if selector != "/":
        told.selector = place(selector, "the part of a tree to mount")
        needed.append(caps.MOUNT_SELECTOR)
    if not content_cache:
        told.contentCache = pb.OFF
        needed.append(caps.MOUNT_CONTENT_CACHE)
    return _mount(told, tree.output, needed, written=not readonly)


def cache(dest: str, id: str, *, sharing: str = "locked", tree: Tree | None = None, selector: str = "/") -> Mount:
    """Mount at `dest` a folder that stays from build to build, known as `id`; `tree` is what it begins with.

    `sharing`: steps at the same time share it ("shared"), wait for each other ("locked") or get one each ("private").
    """
    told = pb.Mount(dest=place(dest, "the place of a mount"), mountType=pb.CACHE)
    told.cacheOpt.ID = text(id, "the name of a cache")
    told.cacheOpt.sharing = _SHARING[one_of(sharing, _SHARING, "the sharing of a cache")]
    needed = [caps.MOUNT_CACHE, caps.MOUNT_CACHE_SHARING]
    if selector != "/":
        told.selector = place(selector, "the part of a tree to mount")
        needed.append(caps.MOUNT_SELECTOR)
    return _mount(told, tree.output if tree else None, needed)


def secret(dest: str, id: str, *, mode: int = 0o400, owner: str = "0:0", optional: bool = False) -> Mount:
    """Mount at `dest` a file that only this step sees; whoever asks for the build hands it over, known as `id`.

    `owner` is numbers, for a secret is there before any passwd file is read.
    """
    user, group = account(owner, "the owner of a secret")
    if not user.isdigit() or not (group or user).isdigit():
        raise StepError(f"the owner of a secret, {owner!r}, must be numbers")
    told = pb.Mount(dest=place(dest, "the place of a mount"), mountType=pb.SECRET)
    told.secretOpt.ID = text(id, "the name of a secret")
    told.secretOpt.uid, told.secretOpt.gid = int(user), int(group or user)
    told.secretOpt.mode = checks.mode(mode, "the mode of a secret")
    told.secretOpt.optional = optional
    return _mount(told, None, [caps.MOUNT_SECRET])


def tmpfs(dest: str, *, size: int = 0) -> Mount:
    """Mount at `dest` a folder in memory, empty, of at most `size` bytes (0: as the daemon likes)."""
    told = pb.Mount(dest=place(dest, "the place of a mount"), mountType=pb.TMPFS)
    told.tmpfsOpt.size = number(size, "the size of a tmpfs", _MOST_TMPFS)
    return _mount(told, None, [caps.MOUNT_TMPFS, *([caps.MOUNT_TMPFS_SIZE] if size else [])])


def _mount(told: pb.Mount, source: Output | None, needed: list[str], *, written: bool = False) -> Mount:
    return Mount(told.dest, told.SerializeToString(deterministic=True), source, tuple(needed), written)
