"""A set on a newer image: what was changed in it goes along, rollback is exact; on real podman, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import TINY, rootless
from tests.replicasets.call_faults import Faults
from tests.replicasets.conftest import Podman
from tests.replicasets.fakes import FakeEngine, MemoryStore, service
from workbench.replicasets.codes import Code
from workbench.replicasets.engines.disk_capabilities import Overlaps, PackageOverlap, PathOverlap
from workbench.replicasets.errors import (
    Conflict,
    EngineError,
    Forbidden,
    Invalid,
    NotFound,
    ReplicaSetError,
    Unsupported,
)
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest, UpgradeRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller, Version

SITE = "/opt/lib/python3.11/site-packages"
RECIPE = "localhost/lab:jupyter-minimal-bookworm-py311_2026a_202611"
OLD, NEW = f"{RECIPE}01", f"{RECIPE}22"
# What the engine writes for each container is no part of its disk.
NOT_OF_THE_DISK = ("/proc", "/sys", "/dev", "/run", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
EVERYTHING = f"find / -xdev \\( -path {' -o -path '.join(NOT_OF_THE_DISK)} \\) -prune -o -type f -print0 | "


def installed(name: str, version: str) -> str:
    """Commands that install a package as pip does, in the place of another version."""
    info = f"{SITE}/{name}-{version}.dist-info"
    files = (f"{name}/v{version}.py", f"{name}/__init__.py", f"{name}-{version}.dist-info/RECORD")
    return (
        f"rm -rf {SITE}/{name} {SITE}/{name}-*.dist-info; mkdir -p {SITE}/{name} {info}; "
        f"echo {version} >{SITE}/{name}/v{version}.py; echo {version} >{SITE}/{name}/__init__.py; "
        f"printf '%s,,\\n' {' '.join(files)} >{info}/RECORD; "
    )


def image(podman: Podman, name: str, number: int) -> None:
    lines = (installed("numpy", str(number)), installed("tool", "1"), f"echo {number} >/etc/settings; ")
    more = f"echo {number} >/etc/release; mkdir -p /srv/of{number}; echo {number} >/srv/of{number}/file"
    text = f"FROM {TINY}\nLABEL io.workbench-images.tag={name.partition(':')[2]}\nRUN {''.join(lines)}{more}\n"
    podman.engine("build", "--tag", name, "-", stdin=text.encode())


@pytest.fixture
def images(podman: Podman) -> Iterator[None]:
    image(podman, OLD, 1)
    image(podman, NEW, 2)
    yield
    podman.engine("rmi", "--force", OLD, NEW)


def sh(rs: ReplicaSets, line: str) -> str:
    done = rs.execute("foo", ExecuteRequest(["sh", "-c", line]))
    assert done.exit_code == 0, done.stdout
    return done.stdout


def tree(rs: ReplicaSets) -> str:
    """Every file of the disk, and what is in it."""
    return sh(rs, EVERYTHING + "sort -z | xargs -0 md5sum")


@pytest.mark.thorough
@pytest.mark.skipif(rootless(), reason="a normal user's podman: what its layers hold is read by the test of its disks")
@pytest.mark.usefixtures("images")
def test_what_was_changed_goes_along_and_rollback_is_exact(rs: ReplicaSets) -> None:
    rs.run(RunRequest(OLD, "foo", command=["sh"]))
    sh(
        rs,
        f"{installed('numpy', '3')}{installed('extra', '1')}echo mine >/etc/settings; rm -r /srv/of1; echo x >/home",
    )
    before = tree(rs)
    shown = rs.upgrade("foo", UpgradeRequest(dry_run=True))
    numpy = PackageOverlap(SITE.lstrip("/"), "numpy", "1", "3", "2")
    assert (shown.image, shown.version) == (NEW, None)
    assert shown.overlaps == Overlaps((PathOverlap("/etc/settings", "changed", "changed"),), (numpy,))
    with pytest.raises(Conflict, match="both changed 1 path and 1 package") as refused:
        rs.upgrade("foo", UpgradeRequest())
    assert refused.value.code is Code.OVERLAPS
    assert len(rs.history("foo")) == 1 and tree(rs) == before

    version = done(rs, "mine")
    assert (version.number, version.image, version.origin) == (2, NEW, 1)
    assert version.notes == (
        "numpy is 3, as the set has it; the image has 2",
        "1 path that both changed: the set's, the image's beside as .image",
    )
    assert sh(rs, "cat /etc/settings /etc/settings.image /etc/release /home") == "mine\n2\n2\nx\n"
    assert sh(rs, f"ls {SITE} {SITE}/numpy /srv").split("\n\n") == [
        f"{SITE}:\nextra\nextra-1.dist-info\nnumpy\nnumpy-3.dist-info\ntool\ntool-1.dist-info",
        f"{SITE}/numpy:\n__init__.py\nv3.py",
        "/srv:\nof2\n",
    ]
    # It goes on as any other: what is changed now is carried to the next version, and so is what was.
    sh(rs, "echo again >/etc/again")
    rs.patch("foo", PatchRequest(ports=("80",)))
    assert sh(rs, "cat /etc/settings /etc/again /etc/release") == "mine\nagain\n2\n"

    rs.rollback("foo", 1)
    assert rs.info("foo").version.image == OLD
    assert tree(rs) == before
    of_image = done(rs, "image")
    assert of_image.notes == ("numpy is the image's 2, no longer 3", "1 path that both changed: the image's")
    assert sh(rs, f"cat /etc/settings /home; ls {SITE}/numpy; ls /etc/settings*") == (
        "2\nx\n__init__.py\nv2.py\n/etc/settings\n"
    )


def done(rs: ReplicaSets, keep: str) -> Version:
    version = rs.upgrade("foo", UpgradeRequest(NEW, keep)).version
    assert version is not None
    return version


@pytest.fixture
def pretended(tmp_path: Path) -> tuple[FakeEngine, ReplicaSets]:
    engine = FakeEngine(Faults())
    rs = service(tmp_path, engine, MemoryStore(engine.faults))
    for name, text in (
        (OLD, "1"),
        (NEW, "2"),
        (f"{RECIPE}09", "9"),
        (f"{RECIPE}30-arm64", "a"),
        ("localhost/x:1", "x"),
    ):
        disk = {"/etc/release": text}
        engine.stored[name] = (f"id of {name}", disk, {"io.workbench-images.tag": name.partition(":")[2]}, 1)
    rs.run(RunRequest(OLD, "foo"), Caller("op"))
    return engine, rs


def test_the_newest_of_the_recipe_is_the_default(pretended: tuple[FakeEngine, ReplicaSets]) -> None:
    engine, rs = pretended
    assert rs.upgrade("foo", UpgradeRequest(dry_run=True), Caller("op")).image == NEW
    assert rs.newer_image("foo", Caller("op")) == NEW
    assert rs.history("foo")[0].number == 1
    upgraded = rs.upgrade("foo", UpgradeRequest(), Caller("op")).version
    assert upgraded is not None and (upgraded.image, upgraded.notes) == (NEW, ())
    assert engine.disk("foo-2") == {"/etc/release": "2"}
    assert rs.newer_image("foo", Caller("op")) == ""
    with pytest.raises(NotFound, match="there is no newer image than") as gone:
        rs.upgrade("foo", UpgradeRequest(), Caller("op"))
    assert gone.value.code is Code.UPGRADE


def test_what_cannot_be_upgraded(pretended: tuple[FakeEngine, ReplicaSets]) -> None:
    engine, rs = pretended
    engine.write("foo-1", "/etc/release", "mine")
    refusals: dict[type[ReplicaSetError], tuple[UpgradeRequest, str, str]] = {
        Forbidden: (UpgradeRequest(NEW), "other", "belongs to op"),
        Invalid: (UpgradeRequest(OLD), "op", "is on localhost/lab:.* already"),
        NotFound: (UpgradeRequest("localhost/none:1"), "op", "has no image"),
        Conflict: (UpgradeRequest(NEW), "op", "both changed 1 path$"),
    }
    for kind, (request, caller, message) in refusals.items():
        with pytest.raises(kind, match=message):
            rs.upgrade("foo", request, Caller(caller, sees_all=True))
    assert [each.number for each in rs.history("foo")] == [1]
    engine.carries = False
    rs.restart("foo", Caller("op"))
    engine.carries = True
    with pytest.raises(Unsupported, match="went through an image"):
        rs.upgrade("foo", UpgradeRequest(NEW), Caller("op"))


def test_a_change_that_comes_between_is_not_lost(pretended: tuple[FakeEngine, ReplicaSets]) -> None:
    """What a set writes as it ends overlaps, and nobody decided what stands: all is as before."""
    engine, rs = pretended
    engine.standing["foo-1"].parting = {"/etc/release": "late"}
    with pytest.raises(EngineError, match="both changed something meanwhile"):
        rs.upgrade("foo", UpgradeRequest(NEW), Caller("op"), grace=5)
    assert engine.disk("foo-1")["/etc/release"] == "late"
    assert (rs.info("foo").version.number, rs.info("foo").live) == (1, "running")
