"""Trees of files as values, made on disk and read back; and what joining them must give."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import strategies as st

# A moment long ago, so that no file made now has it.
THEN = 1_000_000_000


@dataclass(frozen=True)
class Node:
    """A file, folder, link or pipe: kind, mode, owner, and the content or what a link points to."""

    kind: str
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    content: bytes = b""
    time: int = THEN


Tree = Mapping[str, Node]
FOLDER = Node("folder", 0o755)


def lay(tree: Tree, top: Path) -> Path:
    """Make the tree at `top`."""
    top.mkdir(parents=True)
    os.chmod(top, 0o755)
    for path, node in sorted(tree.items()):
        where = os.fsencode(f"{top}/{path}")
        if node.kind == "folder":
            os.mkdir(where)
        elif node.kind == "link":
            os.symlink(node.content, where)
        elif node.kind == "pipe":
            os.mkfifo(where)
        else:
            Path(os.fsdecode(where)).write_bytes(node.content)
        os.chown(where, *node.owner, follow_symlinks=False)
        if node.kind != "link":
            os.chmod(where, node.mode)
    for path, node in sorted(tree.items(), reverse=True):
        os.utime(os.fsencode(f"{top}/{path}"), (node.time, node.time), follow_symlinks=False)
    os.utime(top, (THEN, THEN))
    return top


def read(top: Path) -> dict[str, Node]:
    """Read the tree at `top` back."""
    found: dict[str, Node] = {}
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            where = os.path.join(folder, name)
            info = os.lstat(where)
            kind, content = "file", b""
            if stat.S_ISDIR(info.st_mode):
                kind = "folder"
            elif stat.S_ISLNK(info.st_mode):
                kind, content = "link", os.fsencode(os.readlink(where))
            elif stat.S_ISFIFO(info.st_mode):
                kind = "pipe"
            else:
                content = Path(where).read_bytes()
            mode = 0o777 if kind == "link" else stat.S_IMODE(info.st_mode)
            node = Node(kind, mode, (info.st_uid, info.st_gid), content, int(info.st_mtime))
            found[os.path.relpath(where, top)] = node
    return found


def remove(tree: dict[str, Node], path: str) -> None:
    """Take `path` and all below it away."""
    for one in [one for one in tree if one == path or one.startswith(f"{path}/")]:
        del tree[one]


def put(tree: dict[str, Node], path: str, node: Node) -> None:
    """Put `node` at `path`, where its parent is a folder."""
    if node.kind != "folder" or tree.get(path, node).kind != "folder":
        remove(tree, path)
    tree[path] = node


def timeless(tree: Tree) -> dict[str, Node]:
    """Return the tree without times."""
    return {path: replace(node, time=0) for path, node in tree.items()}


def merged(base: Tree, branches: Sequence[Tree]) -> dict[str, Node]:
    """Return what MergeOp makes of the first branch and the differences that the others made."""
    tree = dict(branches[0])
    for branch in branches[1:]:
        for path in sorted(set(base) - set(branch)):
            if all(tree.get(above, FOLDER).kind == "folder" for above in parents(path)):
                remove(tree, path)
        for path, node in sorted(branch.items()):
            if _changed(base, branch, path):
                for above in parents(path):
                    if tree.get(above, Node("file")).kind != "folder":
                        put(tree, above, branch[above])
                put(tree, path, node)
    return tree


def clashing(base: Tree, branches: Sequence[Tree]) -> set[tuple[int, int, str]]:
    """Return which two branches change which path, and not to the same."""
    found = set()
    for second, other in enumerate(branches):
        for first, one in enumerate(branches[:second]):
            for path in {*base, *one, *other}:
                here, there = _changed(base, one, path), _changed(base, other, path)
                differ = _outcome(one, path) != _outcome(other, path)
                buried = (here and path in one and _taken(base, other, path)) or (
                    there and path in other and _taken(base, one, path)
                )
                if (here and there and differ) or (here != there and buried):
                    found.add((first, second, f"/{path}"))
    return found


def parents(path: str) -> list[str]:
    """Return the folders above `path`, the topmost first."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _changed(base: Tree, branch: Tree, path: str) -> bool:
    before, now = base.get(path), branch.get(path)
    if before and now and before.kind == now.kind == "folder":
        return _outcome(base, path) != _outcome(branch, path)
    return before != now


def _outcome(tree: Tree, path: str) -> Node | None:
    return replace(tree[path], time=0) if path in tree else None


def _taken(base: Tree, branch: Tree, path: str) -> bool:
    return any(
        (above in base and above not in branch)
        or (above in branch and branch[above].kind != "folder" and _changed(base, branch, above))
        for above in parents(path)
    )


_NAMES = st.sampled_from(["a", "b", "c", "-x", "sp ace", "tab\there", "b\\ack", "*", "ü", "a.b"])
_OWNERS = st.sampled_from([(0, 0), (0, 0), (1001, 0), (7, 8)])
_FILES = st.builds(
    Node, st.just("file"), st.sampled_from([0o644, 0o755, 0o600, 0o4755]), _OWNERS, st.sampled_from([b"", b"1", b"2"])
)
_FOLDERS = st.builds(Node, st.just("folder"), st.sampled_from([0o755, 0o700, 0o1777, 0o2775]), _OWNERS)
_LINKS = st.builds(Node, st.just("link"), st.just(0o777), _OWNERS, st.sampled_from([b"a", b"/a", b"..", b"no where"]))
_PIPES = st.builds(Node, st.just("pipe"), st.just(0o600))
_NODES = st.one_of(_FILES, _FILES, _FOLDERS, _FOLDERS, _LINKS, _PIPES)


@st.composite
def _grown(draw: st.DrawFn, start: Tree, changes: int, names: st.SearchStrategy[str]) -> dict[str, Node]:
    """Return the tree after some changes: additions, removals, other modes, other kinds."""
    tree = dict(start)
    for _ in range(draw(st.integers(0, changes))):
        folders = ["", *(path for path, node in tree.items() if node.kind == "folder")]
        action = draw(st.sampled_from(["put", "put", "put", "remove", "mode"])) if tree else "put"
        if action == "put":
            name = draw(names)
            folder = draw(st.sampled_from(folders))
            put(tree, f"{folder}/{name}" if folder else name, draw(_NODES))
        elif action == "remove":
            remove(tree, draw(st.sampled_from(sorted(tree))))
        else:
            path = draw(st.sampled_from(sorted(tree)))
            if tree[path].kind != "link":
                tree[path] = replace(tree[path], mode=draw(st.sampled_from([0o700, 0o755, 0o640])))
    return tree


@st.composite
def forks(draw: st.DrawFn, names: st.SearchStrategy[str] = _NAMES) -> tuple[dict[str, Node], list[dict[str, Node]]]:
    """Return a tree and two or three that it became."""
    base = draw(_grown({}, 8, names))
    return base, [draw(_grown(base, 5, names)) for _ in range(draw(st.integers(2, 3)))]


def cleared(folder: Path) -> Path:
    """Return `folder`, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
