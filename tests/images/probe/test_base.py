from __future__ import annotations

import pytest

from tests.dockerd import Dockerd
from tests.engine import TINY
from tests.images.trees import BOOKWORM, Files
from workbench.images.buildkit.llb.address import parse
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.failures import DaemonGoneError
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.state import image
from workbench.images.probe.base import BaseInfo, inspect_base, names_in

CUDA = {"config": {"Env": ["PATH=/bin", "CUDA_VERSION=13.0.2"]}}


def test_a_base_is_looked_at() -> None:
    base = inspect_base("localhost/b:1", BOOKWORM, CUDA)
    assert base == BaseInfo(
        image="localhost/b:1",
        system={"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm", "PRETTY_NAME": "Debian 12"},
        python="3.11",
        packages={"numpy": "2.4.6", "typing-extensions": "4.16.0"},
        os_packages={"jq": "1.6-2", "libjq1": "1.6-2"},
        chosen=frozenset({"jq"}),
        cuda="13.0.2",
        groups={"0": "0", "1001": "0"},
        has_groups=True,
        compares=True,
    )
    assert str(base) == "Debian 12, Python 3.11, 2 Python packages, 2 OS packages, CUDA 13.0.2"
    assert base.kind == "debian-12"


def test_an_image_without_labels_and_variables() -> None:
    base = inspect_base("localhost/b:1", Files({"/x": ""}), {})
    assert base == BaseInfo("localhost/b:1")
    assert (str(base), base.kind) == ("an unnamed system, no Python of ours, no CUDA", "other")


def test_the_newest_python_where_the_environment_names_none() -> None:
    lib = "/opt/app-root/lib"
    tree = Files(
        {f"{lib}/python3.9/x": "", f"{lib}/python3.12/site-packages/six-1.0.dist-info/x": "", f"{lib}/other/x": ""}
    )
    base = inspect_base("b", tree, {})
    assert (base.python, base.packages) == ("3.12", {"six": "1.0"})


def test_a_daemon_that_goes_away_is_no_empty_image() -> None:
    class Gone(Files):
        def read_file(self, path: str) -> bytes:
            raise DaemonGoneError("the BuildKit went away")

    with pytest.raises(DaemonGoneError):
        inspect_base("b", Gone({}), {})


def test_a_real_image_is_looked_at(dockerd: Dockerd) -> None:
    found: list[object] = []

    def looking(gateway: Gateway) -> BuildResult:
        tree = gateway.solve(marshal(image(TINY)))
        found.append(inspect_base(TINY, tree, gateway.image_config(TINY)[1]))
        found.append(("busybox" in names_in(tree, "/bin"), names_in(tree, "/nowhere"), names_in(tree, "/etc/passwd")))
        return BuildResult(tree)

    with connect(parse(dockerd.address)) as daemon:
        daemon.build(looking)
    assert found == [BaseInfo(TINY, groups={"0": "0"}, compares=True), (True, [], [])]
