"""A disk as it is carried where the service is a normal user's: in the user namespace of podman."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.engine import TINY, rootless
from tests.replicasets.conftest import Podman
from tests.replicasets.disks import CHANGES
from tests.replicasets.engines.test_folders import USER, listening
from workbench.replicasets.engines.podman import trees
from workbench.replicasets.engines.podman.disks import PodmanDisks
from workbench.replicasets.errors import Exhausted
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets

# As a normal user it is among the tests that run on Debian 13.
pytestmark = [] if rootless() else [pytest.mark.thorough]

LIST = r"find work tmp .dot .hidden -printf '%p %y %m %U %G %s %T@ %l %n %b\n' | sort; "
LIST += "find work -type f -exec sha256sum {} + | sort; ls -d etc/passwd bin/vi 2>&1 || true"


def test_it_is_carried_whole(room: Callable[..., ReplicaSets], podman: Podman) -> None:
    rs, engine = room(), podman.engine
    rs.run(RunRequest(TINY, "foo"))
    made = CHANGES if not rootless() else CHANGES.replace("mknod /work/null c 1 3;", "")
    assert rs.execute("foo", ExecuteRequest(["sh", "-c", made])).exit_code == 0
    bind = "import socket; socket.socket(socket.AF_UNIX).bind('work/socket')"
    engine.on_disk("foo-1", f'{sys.executable} -c "{bind}"; touch -d @1234567890.123456789 work/nanoseconds')
    rs.patch("foo", PatchRequest(gpus=1))
    before, after = (engine.on_disk(name, LIST) for name in ("foo-1", "foo-2"))
    assert after == before
    for line in ("work/socket s 755", "work/nanoseconds f", "1234567890.1234567890", "work/suid f 4755", " 1001 42 "):
        assert line in after
    assert after.count("No such file") == 2, "deletions"
    assert rs.info("foo").version.notes == () and rs.history("foo")[1].disk == ""
    rs.rollback("foo", 1)
    assert engine.on_disk("foo-3", LIST) == before
    rs.execute("foo", ExecuteRequest(["sh", "-c", "truncate -s 3G /holes; head -c 20000000 /dev/urandom >/much"]))
    rs.stop("foo")
    with pytest.raises(Exhausted, match=r"foo-3 holds 2\d(\.\d)? MB, and 10 MB are allowed"):
        room(disk=10 << 20).restart("foo")
    rs.restart("foo")
    assert engine.on_disk("foo-4", "stat -c %s.%b holes") == f"{3 << 30}.0"


def test_a_namespace_without_other_users_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of other users could not be given to them there: such a disk is recorded as an image."""
    monkeypatch.setattr(trees, "may_copy_anything", lambda: False)
    with listening() as (address, _):
        assert not PodmanDisks(address).can_copy("/tmp")
    with listening(*USER) as (address, _):
        disks = PodmanDisks(address)
        assert not disks.can_copy("/tmp") and not disks.can_copy("") and not disks.can_copy("/nowhere")
