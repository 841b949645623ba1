"""cosign and skopeo of Debian 13, on whatever Debian: the image library of podman and CRI-O is skopeo's too.

Debian 12 builds its podman and skopeo without signatures of this kind ("sigstore disabled").
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.debian import debian_mirror

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The programs, and what skopeo needs of the newer system to run on an older one.
_PACKAGES = ("cosign", "skopeo", "libc6", "libgpgme11t64", "libassuan9", "libgpg-error0", "libsqlite3-0")


@dataclass(frozen=True)
class Peers:
    """Where the packages are unpacked."""

    root: Path

    def cosign(self, *words: object, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return self._run("cosign", words, env)

    def skopeo(self, *words: object, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return self._run("skopeo", words, env)

    def _run(self, name: str, words: tuple[object, ...], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        (loader,) = (self.root / "usr/lib").glob("*/ld-linux-*")
        command = [loader, "--library-path", loader.parent, self.root / "usr/bin" / name, *words]
        environment = {**os.environ, **env}
        return subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment, check=False)


def peers(folder: Path) -> Peers:
    """Unpack Debian 13's packages below the empty `folder`; skips the test where apt cannot get them."""
    if shutil.which("apt-get") is None or not Path(_KEYRING).exists():
        pytest.skip("no apt, or not Debian's keys, to get cosign and skopeo with")
    mirrors = debian_mirror()
    if not mirrors:
        pytest.skip("apt has no mirror of Debian to get cosign and skopeo from")
    (folder / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {mirrors[0]} trixie main\n")
    for name in ("state/lists/partial", "cache/archives/partial", "debs"):
        (folder / name).mkdir(parents=True)
    (folder / "state/status").touch()
    (folder / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{folder}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
        f'Dir::State "{folder}/state";\nDir::State::status "{folder}/state/status";\nDir::Cache "{folder}/cache";\n'
        'APT::Sandbox::User "";\nAcquire::Languages "none";\n'
    )
    for command in (["apt-get", "--quiet", "update"], ["apt-get", "--quiet", "download", *_PACKAGES]):
        env = {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}
        done = subprocess.run(command, cwd=folder / "debs", env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"{' '.join(command[:3])}: {done.stderr[-200:]}")
    for package in (folder / "debs").iterdir():
        subprocess.run(["dpkg-deb", "--extract", package, folder / "root"], check=True)
    return Peers(folder / "root")
