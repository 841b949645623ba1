"""A system disk with everything that a careless copy gets wrong, and the contents of one in every respect."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from tests.engine import Engine, need_root

# Run in a container of the tiny image.
CHANGES = r"""
set -e
echo dot >/.dot; mkdir -p /.hidden/.deep; echo z >/.hidden/.deep/.z
rm /etc/passwd /bin/vi
rm -r /tmp; mkdir -m 1777 /tmp; echo new >/tmp/new
mkdir -p /work/sub; echo one >/work/one; ln /work/one /work/two; ln /work/one /work/sub/three
echo owned >/work/owned; chown 1001:42 /work/owned
cp /bin/busybox /work/suid; chmod 4755 /work/suid; mkdir -m 2775 /work/group; chown 0:42 /work/group
truncate -s 64M /work/sparse; echo end >>/work/sparse
ln -s nowhere /work/dangling; ln -s /work/one /work/absolute; chown -h 7:7 /work/dangling
mkfifo /work/pipe; mknod /work/null c 1 3; chmod 000 /work/sub/three
: >/work/empty; echo odd >"/work/a name
with a line break"; echo ü >/work/ünï
touch -d '2001-02-03 04:05:06' /work/owned; touch -d '1999-09-09 09:09:09' /work/group
rm -r /work/gone 2>/dev/null || true; mkdir /work/gone; echo x >/work/gone/x; rm -r /work/gone
"""
# The engine writes these itself at every start.
ENGINES = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/etc", "/run", "/dev", "/proc", "/sys"}


def contents(engine: Engine, container: str, holes: bool = True) -> dict[str, tuple[object, ...]]:
    """Return every path of a container's disk with everything about it; a hard link as the first of its names."""
    need_root("podman mounts the disk of a container elsewhere")
    root = Path(engine("mount", container))
    try:
        return _contents(root, holes)
    finally:
        engine("umount", container)


def _contents(root: Path, with_holes: bool) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    first: dict[tuple[int, int], str] = {}
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted([*files, *folders]):
            path = Path(folder, name)
            inside = f"/{path.relative_to(root)}"
            if inside in ENGINES or inside.startswith(("/run/", "/dev/", "/proc/", "/sys/")):
                continue
            what = path.lstat()
            content = ""
            if stat.S_ISREG(what.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            elif stat.S_ISLNK(what.st_mode):
                content = str(path.readlink())
            shared = first.setdefault((what.st_dev, what.st_ino), inside) if not path.is_dir() else inside
            kind = what.st_rdev if stat.S_ISCHR(what.st_mode) else 0
            holes = with_holes and what.st_blocks * 512 < what.st_size
            entry = (oct(what.st_mode), what.st_uid, what.st_gid, what.st_size * (not path.is_dir()), content, shared)
            found[inside] = (*entry, kind, holes, int(what.st_mtime))
    return found
