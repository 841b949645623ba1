"""A real dockerd, and so a real BuildKit, for tests: all of it in a folder and in namespaces of its own."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.disk import own_disk
from tests.engine import SHORT, TINY, Engine, search_path, tiny_root

Body = bytes | IO[bytes] | Mapping[str, object] | None
# Makes "$1" the root, with this machine's devices and the folder "$2" at its own place.
_ENTER = """
mount --make-rprivate / && mount --bind "$1" "$1" && cd "$1" && mkdir -p ".$2" .before
mount -t proc proc proc && mount --rbind /sys sys && mount --rbind /dev dev && mount -t tmpfs tmpfs run
mount --bind "$2" ".$2" && pivot_root . .before && umount -l /.before
"""
_NO_BRIDGE = ("--bridge=none", "--iptables=false", "--ip6tables=false")


@dataclass(frozen=True)
class Dockerd:
    """A daemon that runs. Whatever it does ends with the process `pid`: that is the first one of its namespace."""

    folder: Path
    pid: int
    online: bool

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def address(self) -> str:
        return f"unix://{self.socket}"

    @property
    def env(self) -> dict[str, str]:
        """What makes `wizard.py` build with it."""
        return {"WORKBENCH_BUILDER": "buildkit", "BUILDKIT_HOST": self.address}

    def request(self, method: str, path: str, body: Body = None, **query: str) -> tuple[int, bytes]:
        """Return the status and the body of the Engine API's response; `body` may be bytes, a file or data for JSON."""
        headers = {"Content-Type": "application/x-tar"}
        if isinstance(body, Mapping):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        connection = _Connection(self.socket)
        try:
            connection.request(method, f"{path}?{urllib.parse.urlencode(query)}", body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def __call__(self, method: str, path: str, body: Body = None, **query: str) -> bytes:
        status, response = self.request(method, path, body, **query)
        assert status < 300, f"{method} {path}: {status} {response.decode(errors='replace')}"
        # An import that fails half way has sent status 200 by then.
        assert b'"errorDetail"' not in response[-2000:], f"{method} {path}: {response[-2000:].decode(errors='replace')}"
        return response

    @contextmanager
    def download(self, path: str) -> Iterator[IO[bytes]]:
        """Yield the response of the Engine API as it comes."""
        connection = _Connection(self.socket)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            assert response.status == 200, f"{path}: {response.status} {response.read().decode(errors='replace')}"
            yield response
        finally:
            connection.close()

    def names(self) -> set[str]:
        """Every name that an image of the store has."""
        listed = json.loads(self("GET", "/images/json"))
        return {name for image in listed for name in image["RepoTags"] or ()} - {"<none>:<none>"}

    def image(self, name: str) -> dict[str, Any]:
        """What `docker image inspect` shows."""
        return dict(json.loads(self("GET", f"/images/{name}/json")))

    def load(self, name: str, root: bytes, *changes: str) -> str:
        """Make an image of one layer of a tar of its root; `changes` are instructions, as for podman import."""
        repository, _, tag = name.rpartition(":")
        query = {"fromSrc": "-", "repo": repository, "tag": tag}
        # More than one `changes` is more than one of the same key.
        path = f"/images/create?{urllib.parse.urlencode(query)}"
        path += "".join(f"&changes={urllib.parse.quote(change)}" for change in changes)
        connection = _Connection(self.socket)
        connection.request("POST", path, root, {"Content-Type": "application/x-tar"})
        response = connection.getresponse()
        output = response.read().decode()
        connection.close()
        assert response.status == 200 and "errorDetail" not in output, output
        return name

    def carry(self, engine: Engine, image: str) -> str:
        """Bring an image over from podman's store."""
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".tar") as file:
            engine("save", "--format=docker-archive", f"--output={file.name}", image)
            with open(file.name, "rb") as packed:
                self("POST", "/images/load", packed, quiet="1")
        assert image in self.names()
        return image

    def steps(self) -> list[list[str]]:
        """The command lines of everything that runs in containers of this daemon just now: steps of builds."""
        found = []
        for process in _below(self.pid):
            try:
                inside = os.readlink(f"/proc/{process}/root") != os.readlink(f"/proc/{self.pid}/root")
                command = Path(f"/proc/{process}/cmdline").read_bytes()
                own = os.readlink(f"/proc/{process}/ns/pid") != os.readlink(f"/proc/{self.pid}/ns/pid")
            except OSError:
                continue
            if (inside or own) and command:
                found.append(command.decode(errors="replace").rstrip("\0").split("\0"))
        return found

    def settled(self, seconds: float = 10) -> None:
        """Wait until nothing runs in containers: the daemon kills what a client called off, but not at once."""
        deadline = time.monotonic() + seconds
        while running := self.steps():
            assert time.monotonic() < deadline, f"still running: {running}"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, with everything that it runs."""
        os.kill(self.pid, signal.SIGKILL)


def missing() -> str:
    """What keeps dockerd from being used in tests here, "" for nothing."""
    if os.geteuid() != 0:
        return "not root"
    tools = ("dockerd", "containerd", "runc", "busybox", "unshare", "ip")
    lacking = [tool for tool in tools if shutil.which(tool, path=search_path()) is None]
    return f"{', '.join(lacking)} not installed" if lacking else ""


@contextmanager
def started(*, online: bool = False, root: Path | None = None) -> Iterator[Dockerd]:
    """Yield dockerd with the image TINY and a store of its own; all of it is gone afterwards.

    It has mounts and process numbers of its own, so nothing that it runs or mounts outlives it. Its
    steps have no network, and it does not touch this machine's. With `online` it is in the machine's
    network, without a bridge: there a step has the network when it requests the host's (and the
    build has the entitlement `network.host`), else it must request none. With a `root` file system
    it is the dockerd in there, and keeps its images in containerd's store.
    """
    # Not below pytest's own folder: the paths of containerd's sockets would be too long, and images are large.
    folder = Path(tempfile.mkdtemp(prefix="workbench-dockerd-", dir=SHORT))
    try:
        # What is in the network can install much.
        with own_disk(folder) if online else nullcontext(), _started(folder, online, root) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(folder: Path, online: bool, root: Path | None) -> Iterator[Dockerd]:
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *([] if online else ["--net"])]
    (folder / "daemon.json").write_text('{"features": {"containerd-snapshotter": true}}')
    store = "--storage-driver=overlay2" if root is None else f"--config-file={folder}/daemon.json"
    daemon = ["dockerd", store, f"--data-root={folder}/data", f"--exec-root={folder}/exec"]
    daemon += [f"--host=unix://{folder}/docker.sock", f"--pidfile={folder}/pid", *(_NO_BRIDGE if online else ())]
    lo = "" if online else "ip link set lo up; "
    command = [*apart, "sh", "-ec", f'{lo}{_ENTER if root else ""}shift 2; exec "$@"', "sh", str(root), str(folder)]
    with namespaced([*command, *daemon], folder / "log") as process:
        pid = _wait_for(folder, process)
        running = Dockerd(folder, pid, online)
        running.load(TINY, tiny_root(), "ENV PATH=/bin", 'CMD ["/bin/sh"]')
        yield running


@contextmanager
def namespaced(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a daemon that `unshare` starts in a process namespace of its own; all processes of that end with it."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": search_path()},
            # A Ctrl-C at the terminal is for the tests: the daemon ends when they are done.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # With the first process of a namespace end all others of it; unshare waits for it, and ends when all is over.
        for first in children(process.pid) or [process.pid]:
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
        process.wait()


def _wait_for(folder: Path, process: subprocess.Popen[bytes], seconds: float = 60) -> int:
    """Return the process of dockerd, as this machine numbers it, once it responds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        connection = _Connection(folder / "docker.sock")
        try:
            connection.request("GET", "/_ping")
            if connection.getresponse().status == 200:
                (child,) = children(process.pid)
                return child
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError(f"dockerd did not start:\n{(folder / 'log').read_text(errors='replace')[-4000:]}")


def children(pid: int) -> list[int]:
    """The processes that a process of this machine has started and that run."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def _below(pid: int) -> list[int]:
    below = children(pid)
    return below + [deeper for child in below for deeper in _below(child)]


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=300)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
