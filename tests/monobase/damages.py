"""Damaging a prefix as a disk, an operator or a script does: one thing at a time, anywhere below it."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.monobase.wheels import MINOR, this_python, toolchain_at
from workbench.monobase.cog import build_cogs, cog_spec
from workbench.monobase.damage import VerifyReport
from workbench.monobase.fill import FAILED, FillRequest, fill
from workbench.monobase.generation import load_all
from workbench.monobase.prefix import builder
from workbench.monobase.repair import RepairReport, repair
from workbench.monobase.store import digest
from workbench.monobase.verify import verify


class Silent:
    def begin(self, generation: str, environment: str) -> None:
        pass

    def end(self, outcome: object) -> None:
        pass


@dataclass(frozen=True)
class Place:
    """A prefix, the data that it is built from, and what it is when nobody has touched it."""

    root: Path
    data: Path
    kept: Path
    whole: dict[str, tuple[str, int, int, int, str]]

    def restore(self) -> None:
        """Put the untouched prefix back."""
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.kept), str(self.root)], check=True)

    def environment(self, name: str, generation: int = 1) -> Path:
        """Return the folder of an environment."""
        return self.root / f"monobase/g{generation:05d}/python{MINOR}-{name}"

    def build(self) -> list[str]:
        """Build as the command does; return what failed."""
        tools = toolchain_at(self.root)
        generations, pythons = load_all(self.data), {MINOR: this_python()}
        with builder(tools.prefix):
            build_cogs(tools, cog_spec(["1.0"], "1.0", {MINOR: this_python().version}), pythons, lambda _: None)
            outcomes = fill(tools, FillRequest(generations, pythons, {}), Silent(), 2)
        return [one.reason for one in outcomes if one.status == FAILED]

    def verify(self) -> VerifyReport:
        digests = {generation.name: generation.digest for generation in load_all(self.data)}
        return verify(toolchain_at(self.root).prefix, digests)

    def repair(self) -> RepairReport:
        tools = toolchain_at(self.root)
        every = [str(one.requirements) for generation in load_all(self.data) for one in generation.environments]
        with builder(tools.prefix, mend=True):
            return repair(tools, verify(tools.prefix), {digest(path): path for path in every})

    def is_found(self) -> bool:
        """Whether verify finds anything."""
        found = self.verify()
        return not found.is_whole or bool(found.unfinished)


# What is uv's own, and the lock file, whose contents nobody reads.
LEFT_OUT = ("uv", ".lock")


def snapshot(root: Path) -> dict[str, tuple[str, int, int, int, str]]:
    """Everything below `root` but uv's cache: kind, mode, owner and group, and what is in it."""
    found = {}
    for base, folders, files in os.walk(root):
        if Path(base) == root:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            files = [name for name in files if name not in LEFT_OUT]
        for name in (*folders, *files):
            path = Path(base, name)
            status = path.lstat()
            kind = stat.S_IFMT(status.st_mode)
            content = ""
            if stat.S_ISREG(kind):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            elif stat.S_ISLNK(kind):
                content = os.readlink(path)
            mode = 0 if stat.S_ISLNK(kind) else stat.S_IMODE(status.st_mode)
            found[os.path.relpath(path, root)] = (oct(kind), mode, status.st_uid, status.st_gid, content)
    return found


def damage(root: Path, chance: random.Random) -> str:
    """Damage one thing below `root`, and return what was done."""
    before = snapshot(root)
    while True:
        name = chance.choice(sorted(before))
        kind = chance.choice(sorted(KINDS))
        if KINDS[kind](root / name, root, chance) and snapshot(root) != before:
            return f"{kind} {name}"


def _is_file(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _byte(path: Path, root: Path, chance: random.Random) -> bool:
    if not _is_file(path) or not (data := bytearray(path.read_bytes())):
        return False
    place = chance.randrange(len(data))
    data[place] ^= 1 << chance.randrange(8)
    _write(path, bytes(data), chance)
    return True


def _shorter(path: Path, root: Path, chance: random.Random) -> bool:
    if not _is_file(path) or not (data := path.read_bytes()):
        return False
    _write(path, data[: chance.randrange(len(data))], chance)
    return True


def _longer(path: Path, root: Path, chance: random.Random) -> bool:
    if not _is_file(path):
        return False
    _write(path, path.read_bytes() + b"\n# more\n", chance)
    return True


def _write(path: Path, data: bytes, chance: random.Random) -> None:
    """Write into the file itself, so into every environment that shares it; half of the time hidden."""
    status = path.lstat()
    path.write_bytes(data)
    if chance.random() < 0.5:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _gone(path: Path, root: Path, chance: random.Random) -> bool:
    _remove(path)
    return True


def _renamed(path: Path, root: Path, chance: random.Random) -> bool:
    path.rename(path.with_name(f"{path.name}{chance.choice(['.bak', 'x', '~', '2'])}"))
    return True


def _mode(path: Path, root: Path, chance: random.Random) -> bool:
    if path.is_symlink():
        return False
    path.chmod(chance.choice([0o777, 0o700, 0o600, 0o000, 0o444, 0o4755, 0o666]))
    return True


def _owner(path: Path, root: Path, chance: random.Random) -> bool:
    if os.geteuid() != 0:
        return False
    os.chown(path, *chance.choice([(1234, 0), (0, 1234), (65534, 65534)]), follow_symlinks=False)
    return True


def _folder(path: Path, root: Path, chance: random.Random) -> bool:
    _remove(path)
    path.mkdir()
    (path / "inside").write_text("x")
    return True


def _file(path: Path, root: Path, chance: random.Random) -> bool:
    _remove(path)
    path.write_text(chance.choice(["", "{}", "import os\n"]))
    return True


def _link(path: Path, root: Path, chance: random.Random) -> bool:
    _remove(path)
    path.symlink_to(chance.choice(["/etc/passwd", "/tmp", "nothing", "../.."]))
    return True


def _pipe(path: Path, root: Path, chance: random.Random) -> bool:
    _remove(path)
    os.mkfifo(path)
    return True


def _added(path: Path, root: Path, chance: random.Random) -> bool:
    folder = path if path.is_dir() and not path.is_symlink() else path.parent
    target = folder / chance.choice(["torch", "sitecustomize.py", "g00099", ".new", "python3.9-other", "x.pth"])
    if os.path.lexists(target) or target.parent.name == "leases":
        return False  # a lease stays when its generation has gone, so one more is nothing
    kind = chance.choice(["folder", "file", "link"])
    if kind == "folder":
        target.mkdir()
    elif kind == "file":
        target.touch()
    else:
        target.symlink_to("/etc/passwd")
    return True


def _copied(path: Path, root: Path, chance: random.Random) -> bool:
    target = path.with_name(f"{path.name}-copy")
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, target, symlinks=True)
    else:
        shutil.copy2(path, target, follow_symlinks=False)
    return True


KINDS: dict[str, Callable[[Path, Path, random.Random], bool]] = {
    "a byte of": _byte,
    "the end of": _shorter,
    "more in": _longer,
    "gone:": _gone,
    "renamed:": _renamed,
    "the mode of": _mode,
    "the owner of": _owner,
    "a folder for": _folder,
    "a file for": _file,
    "a link for": _link,
    "a pipe for": _pipe,
    "added to": _added,
    "a copy of": _copied,
}
