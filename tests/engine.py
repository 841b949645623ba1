"""podman, a registry and small images for tests: all of it in a folder of the test session's own."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from pathlib import Path

import pytest

from tests.disk import SBIN, own_disk
from tests.networks import own_network, remove_networks, session_number

TINY = "localhost/tiny:1"
# Below those of outgoing connections, and of sets (replicasets/conftest.py), and not where `up` looks first. Browsers
# open each of them.
_PORTS: tuple[int, ...] = (*range(7000, 8800), *range(9000, 10000))
# Where folders with sockets are made: the path of one has at most 107 bytes, and TMPDIR may be longer than that.
SHORT = "/tmp"


@dataclass(frozen=True)
class Engine:
    """podman with a store of its own; `env` is what makes every plain `podman` use it."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def try_(self, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        command = ["podman", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, env={**os.environ, **self.env}, check=False)

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> str:
        done = self.try_(*arguments, stdin=stdin)
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def names(self) -> set[str]:
        """Every name that an image of the store has."""
        return set(self("images", "--format", "{{.Repository}}:{{.Tag}}").split()) - {"<none>:<none>"}

    def layers(self, image: str) -> dict[str, int]:
        """The bytes of each layer of `image` by digest, as they lie unpacked."""
        listed = json.loads((self.folder / "store/overlay-layers/layers.json").read_text())
        sizes = {layer["diff-digest"]: int(layer.get("diff-size", 0)) for layer in listed if "diff-digest" in layer}
        digests = json.loads(self("image", "inspect", "--format", "{{json .RootFS.Layers}}", image))
        return {digest: sizes[digest] for digest in digests}

    def on_disk(self, container: str, script: str) -> str:
        """What a line of shell prints in the disk of a container, where podman mounts it."""
        line = f'cd "$(podman mount {container})" && {{ {script}; }}; cd / && podman umount {container} >/dev/null'
        if rootless():
            # In podman's own namespace, where the mount is.
            return self("unshare", "sh", "-c", line)
        env = {**os.environ, **self.env}
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=env, check=True).stdout.strip()

    def containers(self) -> str:
        """Every container, those of unfinished builds included."""
        return self("ps", "--all", "--external", "--quiet")


@dataclass(frozen=True)
class BaseChoice:
    """Which base image the tests build and stand on."""

    release: str = "2026a"
    date: str = "20261122"
    os: str = "bookworm"
    python: str = "3.11"

    def flags(self) -> list[str]:
        return [f"--{name}={getattr(self, name)}" for name in ("release", "date", "os", "python")]

    @property
    def image(self) -> str:
        return f"localhost/workbench-images:base-{self.os}-py{self.python.replace('.', '')}_{self.release}_{self.date}"


def ca_bundle() -> list[str]:
    """The flags that give a build the certificates of this machine, where they are not the usual ones."""
    bundle = os.environ.get("SSL_CERT_FILE", "")
    return ["--ca-bundle", bundle] if bundle else []


def rootless() -> bool:
    """Whether podman is used as a normal user here: its containers' root is somebody else outside of them."""
    return os.geteuid() != 0


@contextmanager
def removed_afterwards(engine: Engine, container: str) -> Iterator[None]:
    """Remove the container at the end, and print the last of its log where the test fails meanwhile."""
    try:
        yield
    except BaseException:
        logs = engine.try_("logs", container)
        print((logs.stdout + logs.stderr).decode()[-4000:])
        raise
    finally:
        engine("rm", "--force", "--time=0", container)


def need_root(why: str) -> None:
    """Skip the test that uses podman as root alone can, and say what for."""
    if rootless():
        pytest.skip(f"not root: {why}")


def need_sized_volumes() -> None:
    """Skip the test that makes volumes of a size, where none can be made."""
    need_root("sized volumes cannot be made")
    if shutil.which("mkfs.ext4", path=search_path()) is None:
        pytest.skip("mkfs.ext4 not installed")
    if not Path("/dev/loop-control").exists():
        pytest.skip("no loop devices here (/dev/loop-control)")


def need_limits(engine: Engine) -> None:
    """Skip the test that changes limits of containers, where the cgroups have no controllers for them."""
    if not has_limits(engine):
        pytest.skip("no cgroup controllers of cpu and memory: limits cannot be set")


def has_limits(engine: Engine) -> bool:
    """Return whether the cgroups have controllers for limits of containers."""
    version, _, controllers = engine(
        "info", "--format", "{{.Host.CgroupsVersion}} {{.Host.CgroupControllers}}"
    ).partition(" ")
    return version != "v2" or {"cpu", "memory"} <= set(controllers.strip("[]").split())


def missing() -> str:
    """What keeps podman from being used in tests here, "" for nothing."""
    needed = [
        ("podman",),
        ("busybox",),
        *([("newuidmap",), ("pasta", "slirp4netns")] if rootless() else [("iptables",)]),
    ]
    lacking = [" or ".join(tools) for tools in needed if not any(shutil.which(t, path=search_path()) for t in tools)]
    reason = f"{', '.join(lacking)} not installed" if lacking else ""
    return f"not root, and {reason}" if lacking and rootless() else reason


def search_path() -> str:
    return f"{os.environ['PATH']}:{SBIN}"


# What podman 4 gives to containers of root.
_CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID"),
    *("SETPCAP", "SETUID", "SYS_CHROOT"),
)


# The engines of this process that are in use: they share its network.
_STARTED: set[Path] = set()


@contextmanager
def started(folder: Path, *, large: bool = False) -> Iterator[Engine]:
    """Yield podman with its store below the empty `folder`; all of it is gone afterwards.

    A `large` store is on a disk of its own, which is removed in no time.
    The machine's own way of running containers is taken where it works, a normal user's as well. Where it
    does not (hybrid cgroups, missing capabilities: a container, a CI machine), runc and modest limits are.
    """
    try:
        with own_disk(folder) if large else nullcontext(), _podman(folder) as engine:
            yield engine
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _podman(folder: Path) -> Iterator[Engine]:
    storage, runtime = folder / "storage.conf", folder / "runtime"
    # graphroot and runroot are root's. A normal user's podman takes the second, and what XDG_RUNTIME_DIR is.
    paths = f'graphroot = "{folder}/store"\nrootless_storage_path = "{folder}/store"\nrunroot = "{folder}/run"\n'
    storage.write_text(f'[storage]\ndriver = "overlay"\n{paths}')
    runtime.mkdir(mode=0o700)
    # A normal user's containers have no bridge: each has a network of its own, with ports forwarded.
    network = "" if rootless() else _bridge(folder)
    containers, registries = folder / "containers.conf", folder / "registries.conf"
    # podman 4 lets containers make devices, which some tests do; podman 5 only when told.
    devices = "" if rootless() else f"default_capabilities = {json.dumps(_CAPABILITIES)}\n"
    containers.write_text(f"[containers]\n{devices}{network}")
    registries.write_text("")
    engine = Engine(
        folder,
        {
            "PATH": search_path(),
            "CONTAINERS_CONF": str(containers),
            "CONTAINERS_STORAGE_CONF": str(storage),
            "CONTAINERS_REGISTRIES_CONF": str(registries),
            **({"XDG_RUNTIME_DIR": str(runtime)} if rootless() else {}),
            # What a machine sets of these is declared in its builds, whose steps others would not find again.
            **dict.fromkeys(("PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "UV_HTTP_TIMEOUT"), ""),
        },
    )
    _STARTED.add(folder)
    try:
        engine("import", "--change", "ENV PATH=/bin", "--change", 'CMD ["/bin/sh"]', "-", TINY, stdin=tiny_root())
        if engine.try_("run", "--rm", TINY, "true").returncode != 0:
            containers.write_text(f"[containers]\n{devices}{constrained()}{network}")
            engine("run", "--rm", TINY, "true")
        yield engine
    finally:
        engine.try_("rm", "--all", "--force", "--time", "0")
        engine.try_("rm", "--all", "--force", "--time", "0", "--storage")
        _end(folder)
        if rootless():
            # The files of containers are their users', and podman has its mounts in a namespace that a process keeps.
            engine.try_("unshare", "sh", "-c", f"umount --lazy {folder}/store/overlay; rm -rf {folder}/store")
            with suppress(OSError, ValueError):
                os.kill(int((runtime / "libpod/tmp/pause.pid").read_text()), signal.SIGKILL)
        for mounted in sorted(_mounts(folder), reverse=True):
            subprocess.run(["umount", "--lazy", mounted], check=False)
        _STARTED.discard(folder)
        if not rootless() and not _STARTED:
            remove_networks()


def _end(folder: Path, seconds: float = 20) -> None:
    """End what is left that works on the store, by the folder in its command line: nobody else has one in there.

    conmon calls podman once more when its program has ended, five minutes later for one that was run
    in a container through the API, and that podman would make and mount the store's folders again.
    """
    deadline = time.monotonic() + seconds
    while (left := _processes(str(folder))) and time.monotonic() < deadline:
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.1)


def _processes(word: str) -> list[int]:
    """Return the ids of the processes, but this one, whose command lines have the word."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if word in file.read_bytes().decode(errors="replace") and int(file.parent.name) != os.getpid():
                found.append(int(file.parent.name))
    return found


def constrained() -> str:
    """What makes podman run containers where there are hybrid cgroups, or capabilities are missing.

    runc where it is installed: crun refuses hybrid cgroups. Otherwise the machine's own, without a limit of processes,
    which a machine without the cgroup controller for it cannot keep.
    """
    runc = shutil.which("runc", path=search_path())
    limits = 'default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]\n'
    engine = '[engine]\ncgroup_manager = "cgroupfs"\n'
    if runc is None:
        return f"{limits}pids_limit = 0\n{engine}"
    return f'{limits}{engine}runtime = "runc"\n[engine.runtimes]\nrunc = ["{runc}"]\n'


def _bridge(folder: Path) -> str:
    """Make a network of this session's own, and return the setting that makes it the default one."""
    (folder / "net").mkdir()
    own = own_network()
    (folder / "net" / f"{own['name']}.json").write_text(json.dumps(own))
    # The other half of this session's addresses are for networks that are created in it.
    pools = f'default_subnet_pools = [{{"base" = "10.{session_number()}.128.0/17", "size" = 24}}]\n'
    return f'[network]\nnetwork_config_dir = "{folder}/net"\ndefault_network = "{own["name"]}"\n{pools}'


def tiny_root() -> bytes:
    """A root file system of a few megabytes, as a tar: busybox and a user's group."""
    busybox = shutil.which("busybox", path=search_path())
    assert busybox is not None
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        tar.add(busybox, "bin/busybox")
        for applet in applets:
            if applet != "busybox":
                entry = tarfile.TarInfo(f"bin/{applet}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(entry)
        text = b"root:x:0:0:root:/:/bin/sh\n"
        entry = tarfile.TarInfo("etc/passwd")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def _mounts(folder: Path) -> list[str]:
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in mounts if line.split()[4].startswith(f"{folder}/")]


@cache
def _own_ports() -> Iterator[int]:
    """The ports of this process of the tests, in an order of its own: none comes twice before all have come."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = list(_PORTS[number :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))])
    random.SystemRandom().shuffle(own)
    return cycle(own)


def free_port() -> int:
    """A port of loopback that nobody has now; no connection that goes out is given it before the test listens there."""
    while True:
        port = next(_own_ports())
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(url: str, seconds: float, okay: tuple[int, ...] = (200,), trust: ssl.SSLContext | None = None) -> bytes:
    """Return the body of `url`, once it responds with one of `okay`; fails after `seconds`."""
    deadline, last = time.monotonic() + seconds, "nothing"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5, context=trust) as response:
                if response.status in okay:
                    return bytes(response.read())
        except urllib.error.HTTPError as error:
            if error.code in okay:
                return error.read()
            last = str(error)
        except OSError as error:
            last = str(error)
        time.sleep(0.2)
    raise AssertionError(f"{url} did not respond within {seconds} s: {last}")


@contextmanager
def registry(engine: Engine, folder: Path, *, private: bool = False) -> Iterator[str]:
    """Yield the `host:port` of a registry on loopback that the engine trusts; a private one refuses everybody."""
    port = free_port()
    config = f"version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {folder}/blobs}}\n"
    config += f"http: {{addr: '127.0.0.1:{port}'}}\n"
    if private:
        (folder / "users").write_text("")
        config += f"auth:\n  htpasswd: {{realm: test, path: {folder}/users}}\n"
    (folder / "config.yml").write_text(config)
    trusted = Path(engine.env["CONTAINERS_REGISTRIES_CONF"])
    trusted.write_text(trusted.read_text() + f'[[registry]]\nlocation = "127.0.0.1:{port}"\ninsecure = true\n')
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": search_path()},
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/v2/", 20, okay=(200, 401))
            yield f"127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()
