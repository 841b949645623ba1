"""Replica sets against the same done by hand with the podman command, and their stores as history grows."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.engine import TINY, Engine, free_port, search_path, started, tiny_root, wait_for
from workbench.replicasets.records import put_set, put_version
from workbench.replicasets.service import Patch, ReplicaSets, Settings
from workbench.replicasets.store.opening import open_store
from workbench.replicasets.store.protocol import Store
from workbench.replicasets.values import ReplicaSet, Version

_ROUNDS = 7
_MEGABYTES = 500
# The smallest base image of ours has 0.5 GB, one with CUDA 2.5 GB.
_BASE_MEGABYTES = 1000


def replicasets() -> None:
    """Replica sets against podman by hand, disks carried, histories in both stores; needs podman, root and etcd."""
    with _room() as (engine, rs):
        _by_hand(engine, rs)
        _carried(engine, rs)
    _history()


def _by_hand(engine: Engine, rs: ReplicaSets) -> None:
    """Each operation through the room, and by the podman command, in turns."""
    ours: dict[str, list[float]] = {name: [] for name in ("run", "patch", "rollback", "stop")}
    theirs: dict[str, list[float]] = {name: [] for name in ours}
    port = str(free_port())
    options = ("-dit", "--memory=64m", f"--publish=127.0.0.1:{port}:80")
    for turn in range(_ROUNDS):
        name, hand = f"foo{turn}", f"hand{turn}"
        ours["run"].append(_timed(partial(rs.run, TINY, name, memory="64MB", ports=["80"])))
        ours["patch"].append(_timed(partial(rs.patch, name, Patch())))
        ours["rollback"].append(_timed(partial(rs.rollback, name, 1)))
        ours["stop"].append(_timed(partial(rs.stop, name)))
        rs.delete(name)
        theirs["run"].append(_timed(partial(engine, "run", *options, f"--name={hand}-1", TINY)))

        def patch(hand: str = hand) -> None:
            engine("pause", f"{hand}-1")
            engine("commit", "--quiet", f"{hand}-1", f"localhost/{hand}:1")
            engine("rm", "--force", "--time=0", f"{hand}-1")
            engine("run", *options, f"--name={hand}-2", f"localhost/{hand}:1")

        def rollback(hand: str = hand) -> None:
            engine("pause", f"{hand}-2")
            engine("commit", "--quiet", f"{hand}-2", f"localhost/{hand}:2")
            engine("rm", "--force", "--time=0", f"{hand}-2")
            engine("run", *options, f"--name={hand}-3", f"localhost/{hand}:1")

        theirs["patch"].append(_timed(patch))
        theirs["rollback"].append(_timed(rollback))
        theirs["stop"].append(_timed(partial(engine, "stop", "--time=0", f"{hand}-3")))
        engine("rm", "--force", "--time=0", f"{hand}-3")
    print("operations against the podman command by hand (aim for run and stop: at most 1.10)")
    for name in ours:
        least, peer = min(ours[name]), min(theirs[name])
        print(f"  {name:<10} {least * 1000:7.0f} ms   by hand {peer * 1000:7.0f} ms   {least / peer:5.2f}")


def _carried(engine: Engine, rs: ReplicaSets) -> None:
    """A patch with a large change, against the copy of the whole tree and against `podman commit`, by hand."""
    base = _base(engine)
    write = f"mkdir /d; for i in $(seq {_MEGABYTES}); do head -c 1048576 /dev/urandom >/d/$i; done; sync"
    rs.run(base, "big")
    done = rs.execute("big", ["sh", "-c", write], seconds=300)
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
    times["patch"] = _timed(partial(rs.patch, "big", Patch()))
    trees = [_upper(engine, name) for name in ("big-1", "big-2")]
    same = subprocess.run(["diff", "-rq", "--no-dereference", *trees], capture_output=True, check=False)
    print(
        f"a next version, {_MEGABYTES} MB changed on a base of {_BASE_MEGABYTES} MB (aim: 5 times as fast as the copy)"
    )
    for name, seconds in times.items():
        print(f"  {name:<32} {seconds:6.2f} s   {seconds / times['patch']:6.2f} of patch")
    print(f"  the tree of the next version {'is the same' if same.returncode == 0 else 'DIFFERS'}")


def _base(engine: Engine) -> str:
    """An image as large as a modest workbench, in as many files: the tiny one and a package folder's worth."""
    packed = engine.folder / "base.tar"
    packed.write_bytes(tiny_root())
    with tarfile.open(packed, "a") as tar:
        text = os.urandom(1 << 16)
        for number in range(_BASE_MEGABYTES * 16):
            entry = tarfile.TarInfo(f"opt/p{number // 100}/f{number}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    engine("import", "--change", "ENV PATH=/bin", "--change", 'CMD ["/bin/sh"]', str(packed), "localhost/base:1")
    packed.unlink()
    return "localhost/base:1"


def _history() -> None:
    """Looking at a set with a long history, in both stores."""
    print("looking at a set, one client: requests a second, 99th percentile")
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        stores: dict[str, Callable[[], Store]] = {"sqlite": lambda: open_store(f"{folder}/store.db", "bench")}
        with _etcd(folder) as address:
            if address:
                stores["etcd"] = lambda: open_store(address, "bench")
            else:
                print("  etcd-server is not installed: no rows for it")
            for name, make in stores.items():
                store = make()
                rs = ReplicaSets(Settings(), store=store)
                for count in (10, 1_000, 10_000):
                    _fill(store, f"set{count}", count)
                    looks: dict[str, Callable[[], object]] = {
                        "info": partial(rs.record, f"set{count}"),
                        "history, 20": partial(rs.history, f"set{count}", limit=20),
                        "history, all": partial(rs.history, f"set{count}"),
                    }
                    for what, look in looks.items():
                        times = sorted(_timed(look) for _ in range(10 if what.endswith("all") and count > 10 else 300))
                        rate, worst = len(times) / sum(times), times[int(len(times) * 0.99)]
                        print(f"  {name:<7} {count:6d} versions  {what:<13} {rate:8.0f}/s  {worst * 1000:8.2f} ms")
                store.close()


def _fill(store: Store, name: str, count: int) -> None:
    set_id = uuid.uuid4().hex
    store.commit(put_set(ReplicaSet(name, set_id, "2026-11-22T00:00:00+00:00", count)))
    for start in range(1, count + 1, 100):
        changes = put_version(Version(name, set_id, start, "2026-11-22T00:00:00+00:00", TINY))
        for number in range(start + 1, min(start + 100, count + 1)):
            changes |= put_version(Version(name, set_id, number, "2026-11-22T00:00:00+00:00", TINY, ("GPU-0",)))
        store.commit(changes)


@contextmanager
def _room() -> Iterator[tuple[Engine, ReplicaSets]]:
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
            first = free_port()
            settings = Settings(
                engine=address,
                store=f"{engine.folder}/state/store.db",
                first_port=first,
                last_port=min(first + 100, 65535),
                stop_seconds=0,
            )
            yield engine, ReplicaSets(settings)
        finally:
            service.kill()
            service.wait()


@contextmanager
def _etcd(folder: str) -> Iterator[str]:
    if shutil.which("etcd", path=search_path()) is None:
        yield ""
        return
    client, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    command = ["etcd", "--name=n1", f"--data-dir={folder}/etcd", f"--initial-cluster=n1={peer}"]
    command += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
    command += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
    path = {**os.environ, "PATH": search_path()}
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=path)
    try:
        wait_for(f"{client}/health", 30)
        yield client.replace("http", "etcd")
    finally:
        server.kill()
        server.wait()


def _upper(engine: Engine, container: str) -> str:
    return engine("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", container)


def _timed(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before
