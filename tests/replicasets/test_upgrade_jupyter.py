"""A set of a real JupyterLab image goes on with a newer one: what a user installed with pip survives, and it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.test_from_nothing import build_minimal
from tests.engine import BaseChoice, need_root, wait_for
from tests.monobase.wheels import Index
from tests.replicasets.conftest import Podman
from workbench.replicasets.requests import ExecuteRequest, RunRequest, UpgradeRequest
from workbench.replicasets.service import ReplicaSets

pytestmark = pytest.mark.slow

PIP = "pip install --no-cache-dir --no-index --find-links=/wheels"


def sh(rs: ReplicaSets, line: str) -> str:
    done = rs.execute("foo", ExecuteRequest(["sh", "-c", line], seconds=120))
    assert done.exit_code == 0, done.stdout
    return done.stdout


def test_what_was_installed_by_hand_survives(rs: ReplicaSets, podman: Podman, base: BaseChoice, tmp_path: Path) -> None:
    need_root("the disks of a normal user's podman are read in its namespace")
    index = Index(tmp_path / "context/wheels")
    for number in "123":
        index.add("tool", number)
        index.add("other", number)
    index.add("extra")
    jupyter = build_minimal(podman.engine, base, "jupyter", tmp_path)
    images = {}
    for number in "12":
        images[number] = f"{jupyter.rpartition('_')[0]}_2026120{number}"
        text = (
            f"FROM {jupyter}\nCOPY wheels /wheels\nRUN {PIP} tool=={number} other=={number}\n"
            f"USER 0\nRUN echo {number} >/etc/release-of-ours && groupadd lab{number}\nUSER 1001\n"
            f"LABEL io.workbench-images.tag=of-{number}\n"
        )
        (tmp_path / "Containerfile").write_text(text)
        podman.engine(
            "build", "--tag", images[number], "--file", str(tmp_path / "Containerfile"), str(tmp_path / "context")
        )
    rs.run(RunRequest(images["1"], "foo", ports=["8888"]))
    sh(rs, f"{PIP} tool==3 extra && echo mine >~/notes.txt")
    shown = rs.upgrade("foo", UpgradeRequest(dry_run=True))
    assert shown.image == images["2"]
    assert [(each.name, each.was, each.mine, each.now) for each in shown.overlaps.packages] == [("tool", "1", "3", "2")]
    # What podman writes into the disk as it starts is no change of anybody's.
    assert shown.overlaps.paths == ()
    for keep, tool in (("mine", "3"), ("image", "2")):
        done = rs.upgrade("foo", UpgradeRequest(keep=keep)).version
        assert done is not None
        python = "import tool, other, extra; print(tool.VERSION, other.VERSION, extra.VERSION)"
        assert sh(rs, f"python -c '{python}'; cat /etc/release-of-ours ~/notes.txt") == f"{tool} 2 1.0\n2\nmine\n"
        assert "No broken requirements found" in sh(rs, "pip check")
        listed = sh(rs, "pip list --format=freeze").split()
        assert {f"tool=={tool}", "other==2", "extra==1.0"} <= set(listed)
        assert sum(each.startswith("tool==") for each in listed) == 1
        assert b"version" in wait_for(f"http://127.0.0.1:{done.ports[0].host}/api", 60)
        rs.rollback("foo", 1)
        assert sh(rs, "cat /etc/release-of-ours; python -c 'import tool; print(tool.VERSION)'") == "1\n3\n"
