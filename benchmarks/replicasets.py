"""Replica sets against the same done by hand with the podman command, and their stores as history grows."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.replicasets_history import history, request, serving
from benchmarks.replicasets_lists import attacked
from benchmarks.replicasets_lists import lists as _lists
from tests.engine import TINY, Engine, free_port, started, tiny_root
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.settings import Settings

_ROUNDS = 7
_MEGABYTES = 500
# Two megabytes (0 stands for the tiny image), and a modest workbench's: our smallest base image has 500.
_BASES = (0, 1000)
# Ends on SIGTERM: a shell ignores it and is killed after ten seconds.
_ENDING = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]


def replicasets() -> None:
    """Replica sets against podman by hand, disks carried, histories in both stores; needs podman, root and etcd."""
    with _podman() as engine:
        _by_hand(engine)
        for megabytes in _BASES:
            _carried(engine, megabytes)
        history(engine)


def lists() -> None:
    """Lists and the stream of changes with 50 clients, and one owner's requests while another attacks; needs podman."""
    with _podman() as engine:
        _lists(engine)
        attacked(engine)


def _by_hand(engine: Engine) -> None:
    """Each operation through the service's API, and by the podman command, in turns."""
    ours: dict[str, list[float]] = {name: [] for name in ("run", "patch", "rollback", "stop")}
    theirs: dict[str, list[float]] = {name: [] for name in ours}
    port = str(free_port())
    options = ("-dit", "--memory=64m", f"--publish=127.0.0.1:{port}:80")
    with serving(engine, f"{engine.folder}/hand") as client:
        for turn in range(_ROUNDS):
            name, hand = f"foo{turn}", f"hand{turn}"
            wanted = {"imageName": TINY, "replicaSetName": name, "memory": "64MB", "containerPorts": ["80"]}
            ours["run"].append(_timed(partial(request, client, "POST", "", {**wanted, "cmd": _ENDING})))
            ours["patch"].append(_timed(partial(request, client, "PATCH", f"/{name}", {})))
            ours["rollback"].append(_timed(partial(request, client, "PATCH", f"/{name}/rollback", {"version": 1})))
            ours["stop"].append(_timed(partial(request, client, "PATCH", f"/{name}/stop")))
            request(client, "DELETE", f"/{name}")
            theirs["run"].append(_timed(partial(engine, "run", *options, f"--name={hand}-1", TINY, *_ENDING)))

            def next_one(number: int, image: str, hand: str = hand) -> None:
                engine("pause", f"{hand}-{number}")
                engine("commit", "--quiet", f"{hand}-{number}", f"localhost/{hand}:{number}")
                engine("rm", "--force", "--time=0", f"{hand}-{number}")
                engine("run", *options, f"--name={hand}-{number + 1}", image, *_ENDING)

            theirs["patch"].append(_timed(partial(next_one, 1, f"localhost/{hand}:1")))
            theirs["rollback"].append(_timed(partial(next_one, 2, f"localhost/{hand}:1")))
            theirs["stop"].append(_timed(partial(engine, "stop", f"{hand}-3")))
            engine("rm", "--force", "--time=0", f"{hand}-3")
    print("operations through the API, against the podman command by hand (aim for run and stop: at most 1.10)")
    watched = Settings().watch_seconds * 1000
    print(f"  {watched:.0f} ms of run, patch and rollback are spent watching whether what was started ends at once")
    for name in ours:
        least, peer = min(ours[name]), min(theirs[name])
        print(f"  {name:<10} {least * 1000:7.0f} ms   by hand {peer * 1000:7.0f} ms   {least / peer:5.2f}")


def _carried(engine: Engine, megabytes: int) -> None:
    """A patch with a large change, against the copy of the whole tree and against `podman commit`, by hand."""
    base = _base(engine, megabytes) if megabytes else TINY
    rs = ReplicaSets(
        Settings(engine=f"unix://{engine.folder}/podman.sock", store=f"{engine.folder}/carried{megabytes}.db")
    )
    write = f"mkdir /d; for i in $(seq {_MEGABYTES}); do head -c 1048576 /dev/urandom >/d/$i; done; sync"
    rs.run(RunRequest(base, "big", command=_ENDING))
    done = rs.execute("big", ExecuteRequest(["sh", "-c", write], seconds=300))
    assert done.exit_code == 0, done
    container, times = "big-1", {}
    # Everything is read once unmeasured: every way finds it in the page cache.
    merged = engine("mount", container)
    subprocess.run(["sh", "-c", f"find {merged} -xdev -type f -exec cat {{}} + >/dev/null"], check=True)
    saved = f"{engine.folder}/saved"

    def copied() -> None:
        # As the original does it: all that the old container shows, into the new one, which runs already,
        # and once more into its folder of saved versions.
        engine("run", "-dit", "--name=copied", base)
        target = engine("mount", "copied")
        for place in (target, saved):
            os.makedirs(place, exist_ok=True)
            subprocess.run(["sh", "-c", f"cp -rf -p {merged}/* {place}/"], check=False, stderr=subprocess.DEVNULL)
        engine("umount", "copied")
        engine("rm", "--force", "--time=0", "copied")

    def committed() -> None:
        engine("pause", container)
        engine("commit", "--quiet", container, "localhost/committed:1")
        engine("unpause", container)
        engine("run", "-dit", "--name=committed", "localhost/committed:1")

    times["copy of the whole tree, by hand"] = _timed(copied)
    shutil.rmtree(saved)
    times["podman commit, by hand"] = _timed(committed)
    engine("rm", "--force", "--time=0", "committed")
    engine("rmi", "localhost/committed:1")
    engine("umount", container)
    times["patch"] = _timed(partial(rs.patch, "big", PatchRequest()))
    trees = [_upper(engine, name) for name in ("big-1", "big-2")]
    same = subprocess.run(["diff", "-rq", "--no-dereference", *trees], capture_output=True, check=False)
    rs.delete("big")
    rs.close()
    print(
        f"a next version, {_MEGABYTES} MB changed on a base of {megabytes or 2} MB (aim: 5 times as fast as the copy)"
    )
    for name, seconds in times.items():
        print(f"  {name:<32} {seconds:6.2f} s   {seconds / times['patch']:6.2f} of patch")
    print(f"  the tree of the next version {'is the same' if same.returncode == 0 else 'DIFFERS'}")


def _base(engine: Engine, megabytes: int) -> str:
    """An image as large as a modest workbench, in as many files: the tiny one and a package folder's worth."""
    packed = engine.folder / "base.tar"
    packed.write_bytes(tiny_root())
    with tarfile.open(packed, "a") as tar:
        text = os.urandom(1 << 16)
        for number in range(megabytes * 16):
            entry = tarfile.TarInfo(f"opt/p{number // 100}/f{number}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    engine("import", "--change", "ENV PATH=/bin", "--change", 'CMD ["/bin/sh"]', str(packed), "localhost/base:1")
    packed.unlink()
    return "localhost/base:1"


@contextmanager
def _podman() -> Iterator[Engine]:
    """Yield podman with its API on a socket in its folder."""
    with started(Path(tempfile.mkdtemp(prefix="workbench-bench-"))) as engine:
        address = f"unix://{engine.folder}/podman.sock"
        service = subprocess.Popen(
            ["podman", "system", "service", "--time=0", address],
            env={**os.environ, **engine.env},
            stderr=subprocess.DEVNULL,
        )
        try:
            while not (engine.folder / "podman.sock").exists():
                time.sleep(0.05)
            yield engine
        finally:
            service.kill()
            service.wait()


def _upper(engine: Engine, container: str) -> str:
    return engine("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", container)


def _timed(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before
