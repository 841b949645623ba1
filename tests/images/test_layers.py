"""Layers that follow change, with both builders: one small pin moves, and the layers of the large packages stay."""

from __future__ import annotations

import io
import json
import tarfile
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.catalogues import RELEASE, REPOSITORY, make_catalogue
from tests.command import wizard
from tests.dockerd import Dockerd
from tests.engine import TINY, Engine
from tests.images.recipes import BASE

pytestmark = pytest.mark.thorough

TAG = "runtime-plain-c9s-py311_2026a_20261122"
# Bytes of what each package is downloaded as.
WHEELS = {"giant": 3_000_000, "large": 1_500_000, "small": 100_000, "tiny": 100_000}
# In uv's place, for an image of a few megabytes: what a list names and is not there, with bytes that no two runs have
# in common. With the real one, tests/e2e/test_layers.py does the same, and every image with Jupyter is built.
UV = r"""#!/bin/sh
set -eu
while [ "$1" != -r ]; do shift; done
sed 's/ .*//; s/==/ /' "$2" | while read -r name version; do
    [ "$(cat "/opt/lib/$name/version" 2>/dev/null)" = "$version" ] && continue
    mkdir -p "/opt/lib/$name" && echo "$version" >"/opt/lib/$name/version"
    case $name in giant) size=3000 ;; large) size=1500 ;; *) size=100 ;; esac
    head -c "${size}000" /dev/urandom >"/opt/lib/$name/data"
done
"""


def compose(folder: Path, pins: Mapping[str, str], hashes: Mapping[str, str], flags: Sequence[str], tag: str) -> Path:
    """Compose a recipe whose list pins these packages, with sizes as `make lock` records them; return its folder."""
    shared = ("python_packages", "python_packages_layer")
    catalogue = make_catalogue(
        folder,
        {
            **{f"bundles/{name}.snippet": (REPOSITORY / f"bundles/{name}.snippet").read_text() for name in shared},
            "releases/2026a.toml": RELEASE + '\n[layers]\nfrom = ["2MB", "1MB"]\n',
            "bundles/1-plain/py311/requirements.txt": "".join(
                f"{name}=={version} --hash=sha256:{hashes[name]}\n" for name, version in pins.items()
            ),
            "bundles/1-plain/py311/sizes.txt": "".join(
                f"{name}=={version} {WHEELS[name]}\n" for name, version in pins.items()
            ),
        },
    )
    flags = [*flags, "--base=standard", "--bundle=plain", "--ide=runtime", "--offline", "--no-lint"]
    done = wizard("new", *flags, "--out", folder / "recipes", "--catalog", catalogue)
    assert done.returncode == 0, done.stderr
    return folder / "recipes" / tag


def pushed(recipe: Path, repository: str, *builder: str, env: Mapping[str, str] | None = None) -> dict[str, int]:
    """Build and push a recipe; return the compressed bytes of its image's layers by digest, the lowest first."""
    flags = ("--log-dir", recipe.parent.parent / "logs", "--push", repository)
    done = wizard("build", recipe, *builder, *flags, env=env)
    assert done.returncode == 0, done.stderr
    kinds = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    manifest: dict[str, Any] = json.loads(fetched(repository, f"manifests/{recipe.name}", kinds))
    return {layer["digest"]: layer["size"] for layer in manifest["layers"]}


def fetched(repository: str, path: str, kinds: str = "*/*") -> bytes:
    host, _, name = repository.partition("/")
    request = urllib.request.Request(f"http://{host}/v2/{name}/{path}", headers={"Accept": kinds})
    with urllib.request.urlopen(request, timeout=10) as response:
        return bytes(response.read())


def new_paths(repository: str, first: Mapping[str, int], second: Mapping[str, int]) -> list[str]:
    """Return the paths in the layers that the second push added, after holding the layers of both against each other.

    The largest package is at the bottom, then the next, each in a layer of its own, and those are the same in both:
    what the registry had not got is the small packages and what a step writes, no byte of the large ones.
    """
    sizes = list(second.values())
    giant = next(number for number, size in enumerate(sizes) if WHEELS["giant"] <= size < 1.1 * WHEELS["giant"])
    large = next(number for number, size in enumerate(sizes) if WHEELS["large"] <= size < 1.1 * WHEELS["large"])
    assert giant < large
    assert list(first)[: large + 1] == list(second)[: large + 1]
    new = {digest: size for digest, size in second.items() if digest not in first}
    assert WHEELS["small"] + WHEELS["tiny"] < sum(new.values()) < 1.5 * (WHEELS["small"] + WHEELS["tiny"]), new
    found = []
    for digest in new:
        with tarfile.open(fileobj=io.BytesIO(fetched(repository, f"blobs/{digest}"))) as tar:
            found += tar.getnames()
    return found


@pytest.fixture
def base(engine: Engine, tmp_path: Path) -> str:
    """A base of a few megabytes with the installer."""
    (tmp_path / "uv").write_text(UV)
    text = f"FROM {TINY}\nCOPY --chmod=755 uv /bin/uv\nRUN mkdir -p -m 777 /opt/lib /opt/app-root/src\n"
    (tmp_path / "Containerfile").write_text(text)
    engine("build", "--quiet", "--tag", BASE, str(tmp_path))
    return BASE


def moves(folder: Path, repository: str, *builder: str) -> None:
    """Build and push, move the small pin, build and push again."""
    both = []
    for version in ("1.0.0", "1.0.1"):
        pins = {**dict.fromkeys(WHEELS, "1.0.0"), "small": version}
        flags = ["--release=2026a", "--date=20261122", "--os=c9s", "--python=3.11"]
        recipe = compose(folder / version, pins, dict.fromkeys(WHEELS, "0" * 64), flags, TAG)
        both.append(pushed(recipe, repository, *builder))
    paths = new_paths(repository, *both)
    assert {"opt/lib/small/data", "opt/lib/tiny/data"} <= {*paths}
    assert not [path for path in paths if "/giant" in path or "/large" in path]


def test_podman(engine: Engine, base: str, registry: str, tmp_path: Path) -> None:
    moves(tmp_path, f"{registry}/layers/podman", "--backend=podman")


def test_buildkit(engine: Engine, base: str, dockerd_online: Dockerd, registry: str, tmp_path: Path) -> None:
    moves(tmp_path, f"{registry}/layers/buildkit", "--backend=buildkit", f"--buildkit={dockerd_online.address}")
    for name in dockerd_online.names() - {TINY}:
        dockerd_online("DELETE", f"/images/{name}", force="1")
