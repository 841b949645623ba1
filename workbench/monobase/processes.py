"""Which processes run on what is below a prefix, lease or not, as /proc shows them.

A process counts for a generation when one of these leads into it: its program, its folder, its root, a file that it
has open or mapped, a mount of its own, an entry of its environment or a word of its command line; and when it has the
lease's file open. Paths are held against the prefix by what they lead to from the process's own root, so one in
another mount namespace counts, wherever the prefix is mounted there. Not seen are processes of other PID namespaces
(of other containers, without the host's), of other hosts, and, for who is not root, other users' (proc(5): most of
these files need the right to trace the process).
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workbench.monobase.prefix import Prefix

_PLACE = re.compile(r"(/.*?)?/((?:monobase/g[0-9]{5})|(?:cog/g[0-9a-f]{8}))(?:/(.*))?", re.DOTALL)
_MAYBE = (b"/monobase/g", b"/cog/g")
# The number of the first PID namespace (PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h, since 3.8).
_FIRST_NAMESPACE = "pid:[4026531836]"


@dataclass(slots=True)
class ProcessScan:
    """What /proc shows: the processes that run on each generation, by its name ("process 12 (python)").

    `unseen` counts the processes that may not be looked into; `whole` is false where processes of the host have no
    number at all, such as in a container.
    """

    users: dict[str, list[str]] = field(default_factory=dict)
    unseen: int = 0
    whole: bool = True

    def blind_spot(self) -> str:
        """Return what could not be seen, "" for nothing."""
        missing = [] if self.whole else ["processes outside of this container"]
        number = f"{self.unseen} process{'es' if self.unseen != 1 else ''}"
        missing += [f"{number} that may not be looked into"] if self.unseen else []
        return " and ".join(missing)


def scan(prefix: Prefix) -> ProcessScan:
    """Look at every process once; none are found where there is no /proc."""
    found = ProcessScan(whole=_is_first_namespace())
    places = _Places(prefix)
    users: dict[str, list[str]] = defaultdict(list)
    try:
        pids = sorted(int(pid) for pid in os.listdir("/proc") if pid.isdigit())
    except OSError:
        return found
    for pid in pids:
        process = _Process(pid, places)
        for name in process.names():
            users[name].append(f"process {pid}{_command(pid)}")
        found.unseen += process.is_closed and not _is_of_kernel(pid)
    found.users = dict(users)
    return found


class _Places:
    """The folders of generations below a prefix, and the files of their leases, by what they are."""

    def __init__(self, prefix: Prefix) -> None:
        self._prefix = prefix
        self._known = dict(_generations(prefix))
        self.leases: dict[tuple[int, int], str] = {}
        for name in self._known.values():
            if status := _stat(prefix.below("leases", name)):
                self.leases[status.st_dev, status.st_ino] = name

    def name_of(self, text: str, seen: os.stat_result | None) -> str:
        """Return the generation that the path `text`, which leads to `seen`, is in; "" for none of this prefix."""
        if (match := _PLACE.fullmatch(text)) is None or match[2] not in self._known:
            return ""
        ours = _stat(self._prefix.below(match[2], match[3] or ""))
        same = ours is not None and seen is not None and os.path.samestat(ours, seen)
        return self._known[match[2]] if same else ""

    def name_of_inode(self, text: str, inode: int) -> str:
        """Return the same for a mapped file: its device has another number in /proc on some file systems."""
        if (match := _PLACE.fullmatch(text)) is None or match[2] not in self._known:
            return ""
        ours = _stat(self._prefix.below(match[2], match[3] or ""))
        return self._known[match[2]] if ours is not None and ours.st_ino == inode else ""

    def name_within(self, text: str, root: str) -> str:
        """Return the generation whose folder a path of a process leads into, from its `root`; "" for none."""
        if (match := _PLACE.fullmatch(text)) is None or match[2] not in self._known:
            return ""
        folder = f"{match[1] or ''}/{match[2]}"
        return self.name_of(folder, _stat(f"{root}{folder}"))


def _generations(prefix: Prefix) -> Iterator[tuple[str, str]]:
    """Yield the folder of each generation, below the prefix, with its name; no package but Python's own is needed."""
    for above, before in (("monobase", ""), ("cog", "cog-")):
        try:
            names = os.listdir(prefix.below(above))
        except OSError:
            continue
        yield from ((f"{above}/{name}", before + name) for name in names if _PLACE.fullmatch(f"/{above}/{name}"))


class _Process:
    """One process: `names` looks at it; `is_closed` then says that the kernel did not allow it."""

    def __init__(self, pid: int, places: _Places) -> None:
        self._folder = f"/proc/{pid}"
        self._is_own = pid == os.getpid()
        self._places = places
        self.is_closed = False

    def names(self) -> list[str]:
        """Return the generations that it runs on."""
        every = (*self._links(), *self._open(), *self._mapped(), *self._words(), *self._mounted())
        return sorted({name for name in every if name})

    def _links(self) -> Iterator[str]:
        for name in ("exe", "cwd", "root"):
            yield self._link(f"{self._folder}/{name}")

    def _link(self, path: str) -> str:
        try:
            return self._places.name_of(os.readlink(path), _stat(path))
        except PermissionError:
            self.is_closed = True
        except OSError:
            pass  # it ended meanwhile, or is the kernel's
        return ""

    def _open(self) -> Iterator[str]:
        try:
            numbers = os.listdir(f"{self._folder}/fd")
        except PermissionError:
            self.is_closed = True
            return
        except OSError:
            return
        for number in numbers:
            status = _stat(f"{self._folder}/fd/{number}")
            leased = self._places.leases.get((status.st_dev, status.st_ino), "") if status else ""
            # Who looks for leases has their files open too: only a shared lock is a lease of its own.
            if leased and (not self._is_own or self._has_lock(number)):
                yield leased
            elif not leased:
                yield self._link(f"{self._folder}/fd/{number}")

    def _has_lock(self, number: str) -> bool:
        # "lock:	1: FLOCK  ADVISORY  READ 1234 fe:00:5678 0 EOF"
        lines = self._read(f"fdinfo/{number}").decode(errors="replace").splitlines()
        return any(line.startswith("lock:") and "READ" in line.split() for line in lines)

    def _mapped(self) -> Iterator[str]:
        data = self._read("maps")
        if not _is_possible(data):
            return
        for line in {line for line in data.splitlines() if _is_possible(line)}:
            # "7f0-7f1 r-xp 00000000 fe:00 5678   /path with spaces"
            words = line.split(None, 5)
            if len(words) == 6:
                yield self._places.name_of_inode(os.fsdecode(words[5]), int(words[4]))

    def _words(self) -> Iterator[str]:
        texts = {item.partition(b"=")[2] for item in self._read("environ").split(b"\0")}
        texts.update(self._read("cmdline").split(b"\0"))
        for part in {part for text in texts if _is_possible(text) for part in text.split(b":")}:
            path = os.fsdecode(part[part.find(b"/") :])
            yield self._places.name_within(path, f"{self._folder}/root")

    def _mounted(self) -> Iterator[str]:
        # "36 35 98:0 /folder/of/it /where rw,noatime …" (proc(5)): a folder of ours may have any name there.
        data = self._read("mountinfo")
        for line in data.splitlines() if _is_possible(data) else ():
            words = [os.fsdecode(word) for word in line.split()[:5]]
            folder, where = words[3], words[4]
            yield self._places.name_of(folder, _stat(f"{self._folder}/root{where}"))

    def _read(self, name: str) -> bytes:
        try:
            with open(f"{self._folder}/{name}", "rb") as file:
                return file.read()
        except PermissionError:
            self.is_closed = True
        except OSError:
            pass  # it ended meanwhile
        return b""


def _is_possible(data: bytes) -> bool:
    return any(word in data for word in _MAYBE)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def _is_of_kernel(pid: int) -> bool:
    """Return whether a process has no program of its own: a thread of the kernel, or one that has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return not file.read(1)
    except OSError:
        return True


def _is_first_namespace() -> bool:
    try:
        return os.readlink("/proc/self/ns/pid") == _FIRST_NAMESPACE
    except OSError:
        return False


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as file:
            return f" ({file.read().strip()})"
    except OSError:
        return ""


def merged(names: Iterable[str]) -> str:
    """Return names of processes for a message: the first three, and how many more."""
    listed = list(names)
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more
