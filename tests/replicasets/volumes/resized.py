"""What every driver that resizes a volume in use owes, on a real file system with a real container."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import TINY
from workbench.replicasets.codes import Code
from workbench.replicasets.errors import Invalid
from workbench.replicasets.requests import ExecuteRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Bind


def resized_while_used(rs: ReplicaSets, folder: Path, *, driver: str, full: str) -> None:
    """Fill, enlarge, shrink and remove a volume below `folder`; `full` is what the kernel says of one that is."""
    assert rs.create_volume("data", "16MB").driver == driver
    rs.run(RunRequest(TINY, "foo", binds=[Bind("data", "/data")]))
    write = ["sh", "-c", "dd if=/dev/urandom of=/data/big bs=1M count=30; sync; ls -s /data"]
    assert full in rs.execute("foo", ExecuteRequest(write)).stdout.lower()
    assert rs.resize_volume("data", "64MB").version == 2
    assert full not in rs.execute("foo", ExecuteRequest(write)).stdout.lower()
    with pytest.raises(Invalid) as error:
        rs.resize_volume("data", "16MB")
    assert error.value.code == Code.VOLUME_USED
    assert rs.execute("foo", ExecuteRequest(["rm", "/data/big"])).exit_code == 0
    rs.resize_volume("data", "16MB")
    rs.delete("foo")
    rs.delete_volume("data")
    assert list(folder.iterdir()) == []
