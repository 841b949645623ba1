"""podman on other machines than this one: Debian 13 (podman 5) and 12 (podman 4.3), with crun, for root and a user."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.copied import copy_repository
from tests.debian import USER, Machine, debian_mirror, root_of, running

PACKAGES = (
    *("podman", "crun", "netavark", "aardvark-dns", "uidmap", "iptables", "nftables", "iproute2", "procps"),
    *("busybox-static", "catatonit", "etcd-server", "nginx-light", "ca-certificates", "git", "make", "e2fsprogs"),
    *("python3", "python3-venv", "debootstrap", "debian-archive-keyring"),
)
# What connects a normal user's containers: podman 5's program, and podman 4's.
NETWORK = {"trixie": "passt", "bookworm": "slirp4netns"}
# What podman has no part in is run by tests/test_pythons.py.
TESTS = ("tests/images", "tests/replicasets", "tests/containerfile", "tests/compose", "tests/test_podman.py")


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A Debian, by its suite, with the repository as a clone in the home of a normal user."""
    with root_of(*PACKAGES, NETWORK[request.param], suite=request.param) as root, running(root) as machine:
        # For fake GPUs, which podman looks for there alone.
        (root / "etc/cdi").mkdir(exist_ok=True)
        (root / "etc/cdi").chmod(0o1777)
        copy_repository(root / "home" / USER / "repository")
        subprocess.run(["chown", "--recursive", f"--reference={root}/home/{USER}", f"{root}/home/{USER}"], check=True)
        yield machine


# The user first: what root makes in the repository is root's.
@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("machine", ["trixie"], indirect=True)
@pytest.mark.parametrize("user", [USER, "root"])
def test_the_tests_with_podman_pass(machine: Machine, user: str) -> None:
    made = machine.run(f"cd /home/{USER}/repository && make setup-dev", user=USER, seconds=1800)
    assert made.returncode == 0, made.stdout[-4000:]
    command = "python -m pytest -q -rsfE --tb=short -p no:cacheprovider -m 'not slow and not thorough'"
    done = machine.run(f"cd /home/{USER}/repository && .venv/bin/{command} {' '.join(TESTS)}", user=user, seconds=7000)
    lines = done.stdout.splitlines()
    print("\n".join(line for line in lines if line.startswith("SKIPPED")))
    assert done.returncode == 0, "\n".join(line for line in lines if not line.startswith("SKIPPED"))[-12000:]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("machine", ["trixie", "bookworm"], indirect=True)
def test_owners_are_kept_apart_for_a_normal_user(machine: Machine) -> None:
    """Whose networks are in a namespace that goes with the last container (netavark with nftables, and iptables)."""
    made = machine.run(f"cd /home/{USER}/repository && make setup-dev", user=USER, seconds=1800)
    assert made.returncode == 0, made.stdout[-4000:]
    command = ".venv/bin/python -m pytest -q --tb=short -p no:cacheprovider tests/replicasets/test_networks.py"
    done = machine.run(f"cd /home/{USER}/repository && {command}", user=USER, seconds=1200)
    assert done.returncode == 0, done.stdout[-8000:]
    assert " 1 skipped" in done.stdout, "root alone can remove rules as a script for a firewall does"


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("machine", ["trixie", "bookworm"], indirect=True)
def test_a_normal_user_goes_from_a_clone_to_an_open_workbench(machine: Machine) -> None:
    """Rootless: the root image in podman's user namespace, and what is missing named before anything is done."""
    repository = f"cd /home/{USER}/repository"
    machine.run("mv /usr/bin/newuidmap /usr/bin/newuidmap.away")
    lacking = machine.run(f"{repository} && make workbench YES=1", user=USER)
    machine.run("mv /usr/bin/newuidmap.away /usr/bin/newuidmap")
    assert "newuidmap is not installed: `sudo apt-get install uidmap`" in lacking.stdout

    mirror = f"DEBIAN_MIRROR={' '.join(debian_mirror())}" if debian_mirror() else ""
    bundle = "WORKBENCH_CA_BUNDLE=$SSL_CERT_FILE" if os.environ.get("SSL_CERT_FILE") else ""
    done = machine.run(f"{repository} && {mirror} {bundle} make workbench YES=1", user=USER, seconds=4500)
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-9000:]
    (address,) = re.findall(r"The workbench is open: (\S+)", done.stdout)
    fetch = f"import urllib.request as r; print(r.urlopen('{address}').status)"
    assert machine.run(f'python3 -c "{fetch}"', user=USER).stdout == "200\n"
    stopped = machine.run(f"{repository} && .venv/bin/python wizard.py stop --all --delete-files", user=USER)
    assert stopped.returncode == 0, stopped.stdout
