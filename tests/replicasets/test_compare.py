"""What changed between two versions: on real podman, carried and recorded; packages; the endpoint's limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import TINY, rootless
from tests.replicasets.call_faults import Faults
from tests.replicasets.fakes import IMAGE, FakeEngine, MemoryStore, service
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.disk_capabilities import Change
from workbench.replicasets.engines.podman.disks import PodmanDisks
from workbench.replicasets.errors import Forbidden, Invalid, NotFound
from workbench.replicasets.operations.compare import Comparison, PackageChange, packages
from workbench.replicasets.requests import ExecuteRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

SITE = "/opt/app-root/lib/python3.11/site-packages"
FIRST = (
    f"mkdir -p {SITE}/numpy-1.0.dist-info {SITE}/old-2.dist-info /gone/deep /etc/s; echo 12345 >/kept; echo 1 >/grows; "
    f"echo x >{SITE}/numpy-1.0.dist-info/METADATA; echo x >{SITE}/old-2.dist-info/METADATA; echo x >/gone/deep/file; "
    "ln -s /etc/shadow /link; echo x >/mode"
)
SECOND = (
    f"rm -r {SITE}/numpy-1.0.dist-info {SITE}/old-2.dist-info /gone; mkdir -p {SITE}/numpy-2.0.dist-info /empty; "
    f"echo x >{SITE}/numpy-2.0.dist-info/METADATA; echo 12345678 >/grows; chmod 600 /mode; "
    "ln -sfn /elsewhere /link; mkdir /etc/s/new; printf abc >/etc/s/new/file; sleep 1000 </dev/null >/dev/null 2>&1 &"
)
CHANGED = {
    "/empty": ("added", None, None),
    "/etc/s/new/file": ("added", None, 3),
    "/gone/deep/file": ("removed", 2, None),
    "/grows": ("changed", 2, 9),
    "/link": ("changed", 11, 10),
    "/mode": ("changed", 2, 2),
    f"{SITE}/numpy-1.0.dist-info/METADATA": ("removed", 2, None),
    f"{SITE}/numpy-2.0.dist-info/METADATA": ("added", None, 2),
    f"{SITE}/old-2.dist-info/METADATA": ("removed", 2, None),
}
PACKAGES = (
    PackageChange("python", "numpy", "changed", "1.0", "2.0"),
    PackageChange("python", "old", "removed", "2"),
)


def wrote(rs: ReplicaSets, line: str) -> None:
    done = rs.execute("foo", ExecuteRequest(["sh", "-c", line]))
    assert done.exit_code == 0, done.stdout


@pytest.mark.thorough
def test_versions_of_real_disks(rs: ReplicaSets, monkeypatch: pytest.MonkeyPatch) -> None:
    rs.run(RunRequest(TINY, "foo", command=["sh"]))
    wrote(rs, FIRST)
    rs.restart("foo")
    wrote(rs, SECOND)
    # 1 and 2 are of one image. 3 stands on a recorded one.
    with monkeypatch.context() as patched:
        patched.setattr(PodmanDisks, "can_copy", lambda self, upper: False)
        rs.restart("foo")
    assert rs.history("foo")[1].disk or rs.history("foo")[0].disk or rootless()
    for old, new in ((1, 2), (1, 3)):
        found = rs.compare("foo", old, new)
        sizes = {each.path: (each.kind, each.before, each.after) for each in found.files}
        if rootless():
            sizes = {path: (kind, *CHANGED[path][1:]) for path, (kind, *_) in sizes.items()}
        assert sizes == CHANGED
        assert (found.packages, found.notes) == (PACKAGES, ())
        assert rootless() or found.bytes == 3 - 2 + 7 - 1 - 2 + 2 - 2
    back = rs.compare("foo", 2, 1)
    assert back.counts() == {"added": 3, "changed": 3, "removed": 3}
    assert rs.compare("foo", 2, 3).files == ()


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    engine = FakeEngine(Faults(), carries=False)
    rs = service(tmp_path, engine, MemoryStore(engine.faults))
    rs.run(RunRequest(IMAGE, "foo"), Caller("op"))
    engine.write("foo-1", "/new", "text")
    rs.restart("foo", Caller("op"))
    engine.write("foo-2", "/new", "longer")
    # The first is an image by now.
    found = rs.compare("foo", 1, 2, Caller("op"))
    assert found.files == (Change("/new", "changed", 4, 6),) and found.bytes == 2
    with pytest.raises(Forbidden):
        rs.compare("foo", 1, 2, Caller("other", sees_all=True))
    with pytest.raises(Invalid, match="the same version"):
        rs.compare("foo", 2, 2, Caller("op"))
    with pytest.raises(NotFound, match="foo has no version 3"):
        rs.compare("foo", 1, 3, Caller("op"))
    engine.remove("foo-2")
    with pytest.raises(NotFound, match="the disk of version 2 of foo no longer exists") as gone:
        rs.compare("foo", 1, 2, Caller("op"))
    assert gone.value.code is Code.COMPARE


def test_packages_by_their_files() -> None:
    info = "/var/lib/dpkg/info"
    files = [
        Change(f"{SITE}/a_b-1.0.dist-info/RECORD", "changed"),
        Change(f"{SITE}/same-1.dist-info/A", "added"),
        Change(f"{SITE}/same-1.dist-info/B", "removed"),
        Change(f"{SITE}/c-1.0.post1.dist-info/RECORD", "added"),
        Change(f"{SITE}/c.py", "added"),
        Change("/usr/lib/python3/dist-packages/d-3.egg-info", "removed"),
        Change(f"{info}/libx1:amd64.list", "added"),
        Change(f"{info}/libx1:amd64.md5sums", "added"),
        Change(f"{info}/y.list", "changed"),
    ]
    assert list(packages(files)) == [
        PackageChange("python", "c", "added", "", "1.0.post1"),
        PackageChange("python", "d", "removed", "3", ""),
        PackageChange("debian", "libx1", "added"),
        PackageChange("debian", "y", "changed"),
    ]
    assert Comparison((Change("/x", "added"),), (), ()).bytes is None
    assert Comparison((), (), ()).bytes == 0
