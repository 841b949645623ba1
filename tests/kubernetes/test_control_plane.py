"""Control planes of two test processes at once, one of which is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.test_supervisor import until

# The first test that needs the control plane waits until it is built.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]

_OTHERS = """
import time
from tests.kubernetes.control_plane import started
with started() as cluster:
    cluster.make_namespace("theirs")
    print(cluster.folder, flush=True)
    time.sleep(600)
"""


def of_folder(folder: Path) -> list[str]:
    """The command lines that name the folder, or anything in it."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words.replace("\0", " "))
    return found


def test_two_do_not_meet_and_a_killed_one_leaves_nothing(cluster: Cluster) -> None:
    cluster.make_namespace("ours")
    others = subprocess.Popen([sys.executable, "-c", _OTHERS], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert others.stdout is not None
    folder = Path(others.stdout.readline().strip())
    # The supervisor, etcd, the API server and the controllers.
    assert len(of_folder(folder)) == 4
    assert cluster.request("GET", "/api/v1/namespaces/theirs").status == 404
    others.kill()
    others.wait()
    others.stdout.close()
    until(lambda: not folder.exists() and of_folder(folder) == [])
    assert cluster.request("GET", "/api/v1/namespaces/ours").taken
