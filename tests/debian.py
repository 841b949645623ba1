"""Debian on this machine: a root file system made of its packages, and a container of our own that runs in it."""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine import SHORT, search_path

USER, UID = "tester", 1000
# Makes "$1" the root of new namespaces, with the folders that follow "$2" at their own places, and a cgroup of its own,
# "$2", with the user in charge of it. A chroot would not do: the kernel refuses user namespaces in one.
_ENTER = r"""
set -e
root=$1 group=$2; shift 2
mount --make-rprivate / && mount --bind "$root" "$root" && cd "$root" && mkdir -p .before
for folder; do
    mkdir -p ".$folder" && mount --bind "$folder" ".$folder" && mount -o remount,bind,ro ".$folder"
done
mount -t proc proc proc && mount -t sysfs sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev && mkdir dev/pts dev/shm dev/mqueue dev/net
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 kmsg:1:11 fuse:10:229 net/tun:10:200; do
    IFS=: read -r name major minor <<END
$device
END
    mknod -m 666 "dev/$name" c "$major" "$minor"
done
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts && ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm && mount -t mqueue mqueue dev/mqueue
ln -s /proc/self/fd dev/fd
for stream in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${stream#*:}" "dev/${stream%:*}"; done
mount -t tmpfs -o mode=755 tmpfs run && mkdir -p run/lock
mkdir -m 700 -p run/user/UID run/user/0 && chown UID:UID run/user/UID
pivot_root . .before && umount -l /.before && cd /
hostname debian
mkdir -p "/sys/fs/cgroup/$group/init" && echo $$ >"/sys/fs/cgroup/$group/cgroup.procs"
exec unshare --cgroup sh -ec '
    umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
    echo $$ >/sys/fs/cgroup/init/cgroup.procs
    chown -R UID:UID /sys/fs/cgroup
    exec catatonit -P
'
""".replace("UID", str(UID))
# The process that runs a command comes from outside and belongs to a cgroup out there.
_JOIN = "echo $$ >/sys/fs/cgroup/init/cgroup.procs; exec"


@contextmanager
def root_of(*packages: str, suite: str = "trixie") -> Iterator[Path]:
    """Yield a root file system of a Debian, 13 by default, with these packages; skips the test where none is made."""
    if shutil.which("debootstrap", path=search_path()) is None:
        pytest.skip("debootstrap not installed")
    if os.geteuid() != 0:
        pytest.skip("not root, who alone can run debootstrap")
    root = Path(tempfile.mkdtemp(prefix="workbench-debian-", dir=SHORT))
    try:
        command = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={','.join(packages)}"]
        env = {**os.environ, "PATH": search_path()}
        done = subprocess.run(
            [*command, suite, str(root), *debian_mirror()], capture_output=True, text=True, env=env, check=False
        )
        assert done.returncode == 0, done.stdout[-4000:]
        root.chmod(0o755)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def debian_mirror() -> list[str]:
    """The mirror that is named, else the one that this machine's apt uses, else debootstrap's own choice."""
    if named := os.environ.get("DEBIAN_MIRROR"):
        return [named]
    if shutil.which("apt-get") is None:
        return []
    form = "$(REPO_URI) $(RELEASE)"
    listed = subprocess.run(["apt-get", "indextargets", "--format", form], capture_output=True, text=True, check=False)
    words = [line.split() for line in listed.stdout.splitlines()]
    return [found[0] for found in words if len(found) == 2 and found[1] in ("bookworm", "trixie")][:1]


@dataclass(frozen=True)
class Machine:
    """A Debian that runs: its root, and the process (as this machine counts) whose namespaces are its own."""

    root: Path
    pid: int
    env: tuple[str, ...]

    def run(self, command: str, *, user: str = "root", seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a line of shell as a user, "root" or USER, from their home; return how it ended, both outputs in one."""
        uid, home = (0, "/root") if user == "root" else (UID, f"/home/{user}")
        path = "/usr/local/bin:/usr/bin:/bin" + (":/usr/local/sbin:/usr/sbin:/sbin" if user == "root" else "")
        words = [f"HOME={home}", f"USER={user}", f"PATH={path}", "LANG=C.UTF-8", f"XDG_RUNTIME_DIR=/run/user/{uid}"]
        # No session of systemd is there, so no user has been given what one gives.
        become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--init-groups", "--reset-env"]
        inside = [*become, "env", *words, *self.env, "sh", "-c", f"cd {home} && {command}"]
        enter = ["nsenter", f"--target={self.pid}", *["-m", "-p", "-u", "-i", "-C", "-r", "-w"]]
        return subprocess.run(
            [*enter, "sh", "-c", f"{_JOIN} {shlex.join(inside)}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )


@contextmanager
def running(root: Path) -> Iterator[Machine]:
    """Yield a machine whose root this is, with a user, this machine's network, and pip's settings of this machine.

    It has mount, process, host name, IPC and cgroup namespaces of its own. All that runs there ends with it.
    """
    _make_user(root)
    folders, env = _settings_of_pip(root)
    group = f"workbench-{os.getpid()}"
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"]
    process = subprocess.Popen(
        [*namespaces, "sh", "-c", _ENTER, "enter", str(root), group, *folders],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": search_path()},
    )
    try:
        yield Machine(root, _first(process), tuple(env))
    finally:
        process.kill()
        process.wait()
        _remove_group(group)


def _first(process: subprocess.Popen[bytes], seconds: float = 30) -> int:
    """Return the first process of the machine, once it has come to the end of _ENTER."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        with suppress(OSError):
            if children and Path(f"/proc/{children[0]}/comm").read_text() == "catatonit\n":
                return int(children[0])
        time.sleep(0.05)
    process.kill()
    output, _ = process.communicate()
    raise AssertionError(f"Debian did not start: {output.decode(errors='replace')}")


def _make_user(root: Path) -> None:
    done = subprocess.run(
        ["chroot", str(root), "useradd", "--create-home", f"--uid={UID}", "--shell=/bin/bash", USER],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _settings_of_pip(root: Path) -> tuple[list[str], list[str]]:
    """Give a root the certificates and pip's settings of this machine.

    Returns the folders of packages that the settings name, and the variables, as NAME=VALUE, for every process.
    """
    listed = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    # What the environment sets, `:env:.cert='…'`, comes after what files set.
    settings = (line.partition("=") for line in sorted(listed, reverse=True))
    values = {name.rpartition(".")[2]: " ".join(ast.literal_eval(value).split()) for name, _, value in settings}
    (root / "etc/pip.conf").write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()))
    words = [word.removeprefix("file://") for value in values.values() for word in value.split()]
    folders = [str(folder) for word in words if word.startswith("/") for folder in _folders(Path(word))]
    variables = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "no_proxy")
    env = {name: os.environ[name] for name in variables if name in os.environ}
    for word in {*words, *env.values()}:
        if word.startswith("/") and Path(word).is_file():
            copy = root / word.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            shutil.copy(word, copy)
    return folders, [f"{name}={value}" for name, value in env.items()]


def _folders(path: Path) -> Sequence[Path]:
    """The folder that a path is in as a package index has it: `simple` has links to its neighbours."""
    if not path.is_dir():
        return ()
    return (path.parent if path.name == "simple" else path,)


def _remove_group(group: str, seconds: float = 10) -> None:
    """Remove a cgroup and those in it, once the processes in it have ended, wherever the hierarchy is mounted."""
    script = 'mount -t cgroup2 cgroup2 "$1" && cd "$1" && find "$2" -depth -type d -exec rmdir {} +'
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(dir=SHORT) as folder:
        command = ["unshare", "--mount", "sh", "-c", script, "remove", folder, group]
        while subprocess.run(command, capture_output=True, check=False).returncode and time.monotonic() < deadline:
            time.sleep(0.1)
