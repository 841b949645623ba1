"""A real stand-alone buildkitd for tests: the program that BUILDKITD names, in namespaces and a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.dockerd import namespaced
from tests.engine import SHORT, free_port, search_path
from workbench.errors import WorkbenchError
from workbench.images.buildkit.llb.client import connect

BUILDKITD = "BUILDKITD"


def missing() -> str:
    """What keeps buildkitd from being used in tests here, "" for nothing."""
    program = os.environ.get(BUILDKITD, "")
    if not program or not os.access(program, os.X_OK):
        return f"{BUILDKITD} names no buildkitd: set it to the path of one"
    if os.geteuid() != 0:
        return "not root"
    lacking = [tool for tool in ("runc", "unshare") if shutil.which(tool, path=search_path()) is None]
    return f"{', '.join(lacking)} not installed" if lacking else ""


@contextmanager
def started(plain: Sequence[str] = (), certificates: Path | None = None) -> Iterator[str]:
    """Yield the address of a buildkitd, which speaks HTTP with the registries `plain`; all of it is gone afterwards.

    Its steps have this machine's network. With `certificates`, a folder with those of the authority `ca.pem` for server
    (`server.pem`, `server.key`) and client, it speaks TLS and requires a client's.
    """
    folder = Path(tempfile.mkdtemp(prefix="workbench-buildkitd-", dir=SHORT))
    address = f"unix://{folder}/socket"
    (folder / "config").write_text("".join(f'[registry."{host}"]\n  http = true\n' for host in plain))
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", os.environ[BUILDKITD]]
    command += [f"--root={folder}/root", f"--addr=unix://{folder}/socket", f"--config={folder}/config"]
    if certificates is not None:
        address = f"tcp://127.0.0.1:{free_port()}"
        command += [f"--addr={address}", f"--tlscacert={certificates}/ca.pem"]
        command += [f"--tlscert={certificates}/server.pem", f"--tlskey={certificates}/server.key"]
    runc = shutil.which("runc", path=search_path())
    command += ["--oci-worker=true", "--containerd-worker=false", f"--oci-worker-binary={runc}"]
    command += ["--oci-worker-net=host", "--allow-insecure-entitlement=network.host"]
    try:
        with namespaced(command, folder / "log") as process:
            _wait_for(folder, process)
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(folder: Path, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "socket").exists():
            with suppress(WorkbenchError), connect(f"unix://{folder}/socket"):
                return
        time.sleep(0.1)
    raise AssertionError(f"buildkitd did not start:\n{(folder / 'log').read_text(errors='replace')[-4000:]}")
