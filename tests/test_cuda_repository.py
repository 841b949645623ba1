"""NVIDIA's RPM repository as the base layer sets it up: the step itself is run, with a curl that has no network."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from workbench.containerfile.parser import instructions

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n{version}\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"
# NVIDIA's images leave the line with the version out before they take the checksum: it varies.
DIGEST = hashlib.sha256(KEY.replace("{version}\n", "").encode()).hexdigest()
CURL = '#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = -o ] && cp "$KEY" "$2"; shift; done\necho "$1" >>"$REQUESTED"\n'


def set_up(root: Path, machine: str, key: str, digest: str) -> tuple[int, str]:
    """Run the step below `root` on such a machine; return its exit code, and the address that was requested."""
    (step,) = (
        item.args[0]
        for item in instructions((REPOSITORY / "cuda-layer/base/Containerfile.rhel").read_text())
        if item.word == "RUN" and "curl" in item.args[0]
    )
    for folder in ("bin", "etc/dnf/vars", "etc/pki/rpm-gpg", "tmp"):
        (root / folder).mkdir(parents=True)
    for name, text in (("curl", CURL), ("uname", f"#!/bin/sh\necho {machine}\n")):
        (root / "bin" / name).write_text(text)
        (root / "bin" / name).chmod(0o755)
    (root / "key").write_text(key)
    environment = {
        **{"PATH": f"{root}/bin:{os.environ['PATH']}", "KEY": f"{root}/key", "REQUESTED": f"{root}/requested"},
        "KEY_SHA256": digest,
    }
    here = step.replace("/tmp/", f"{root}/tmp/").replace("/etc/", f"{root}/etc/")
    done = subprocess.run(["sh", "-c", here], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, (root / "requested").read_text().strip()


@pytest.mark.parametrize(("machine", "named"), [("x86_64", "x86_64"), ("aarch64", "sbsa")])
def test_each_architecture_uses_its_own_repository(tmp_path: Path, machine: str, named: str) -> None:
    code, requested = set_up(tmp_path, machine, KEY.format(version="Version: GnuPG v2"), DIGEST)
    assert code == 0
    assert requested.endswith(f"/compute/cuda/repos/rhel9/{named}/D42D0685.pub")
    assert (tmp_path / "etc/dnf/vars/cuda_arch").read_text() == f"{named}\n"
    assert (tmp_path / "etc/pki/rpm-gpg/RPM-GPG-KEY-NVIDIA").exists()
    repository = (REPOSITORY / "cuda-layer/base/cuda-rhel9.repo").read_text()
    assert "/rhel9/$cuda_arch\n" in repository
    assert "gpgcheck=1\n" in repository


def test_another_key_ends_the_build(tmp_path: Path) -> None:
    code, _ = set_up(tmp_path, "x86_64", KEY.format(version="Version: 1").replace("abc", "abd"), DIGEST)
    assert code != 0
