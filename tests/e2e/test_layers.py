"""Layers that follow change, with both builders: one small pin moves, and the layers of the large wheels stay."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.catalogues import RELEASE, REPOSITORY, make_catalogue
from tests.command import wizard
from tests.dockerd import Dockerd
from tests.engine import BaseChoice, Engine
from tests.release.index import Index, served

pytestmark = pytest.mark.thorough

TAG = "runtime-plain-bookworm-py311_2026a_20261122"
# Megabytes of each wheel.
WHEELS = {"giant": 3.0, "large": 1.5, "small": 0.1, "tiny": 0.1}


def wheel(name: str, version: str) -> bytes:
    """A wheel with a module, and with data that nothing makes smaller."""
    info, data = f"{name}-{version}.dist-info", io.BytesIO()
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n".encode(),
        f"{name}/data.bin": random.Random(name + version).randbytes(int(WHEELS[name] * 1_000_000)),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items())
    with zipfile.ZipFile(data, "w") as archive:
        for path, content in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return data.getvalue()


def _digest(data: bytes) -> str:
    return f"sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()}"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with served() as found:
        for name in WHEELS:
            found.wheels[name] = {version: wheel(name, version) for version in ("1.0.0", "1.0.1")}
        yield found


def recipe(folder: Path, base: BaseChoice, index: Index, small: str) -> Path:
    """Compose a recipe with these wheels, `small` being the version of one, with sizes as `make lock` records them."""
    pins = {**dict.fromkeys(WHEELS, "1.0.0"), "small": small}
    digests = {name: hashlib.sha256(index.wheels[name][version]).hexdigest() for name, version in pins.items()}
    lists = "".join(f"{name}=={pins[name]} --hash=sha256:{digests[name]}\n" for name in pins)
    sizes = "".join(f"{name}=={pins[name]} {len(index.wheels[name][pins[name]])}\n" for name in pins)
    shared = ("python_packages", "python_packages_layer")
    catalogue = make_catalogue(
        folder,
        {
            **{f"bundles/{name}.snippet": (REPOSITORY / f"bundles/{name}.snippet").read_text() for name in shared},
            "releases/2026a.toml": RELEASE + '\n[layers]\nfrom = ["2MB", "1MB"]\n',
            "bundles/1-plain/py311/requirements.txt": lists,
            "bundles/1-plain/py311/sizes.txt": sizes,
        },
    )
    flags = [*base.flags(), "--base=standard", "--bundle=plain", "--ide=runtime", "--out", folder / "recipes"]
    done = wizard("new", *flags, "--catalog", catalogue, "--offline", "--no-lint")
    assert done.returncode == 0, done.stderr
    return folder / "recipes" / TAG


def moved_and_pushed(
    folder: Path, base: BaseChoice, index: Index, engine: Engine, repository: str, *builder: str
) -> None:
    """Build and push, move the small pin, build and push again; hold the layers of both against each other."""
    manifests = []
    for version in ("1.0.0", "1.0.1"):
        made = recipe(folder / version, base, index, version)
        flags = ("--log-dir", folder / "logs", "--push", repository, "--json")
        done = wizard("build", made, *builder, *flags, env={"PIP_INDEX_URL": index.url})
        assert done.returncode == 0, done.stderr
        manifests.append(layers(repository))
        engine("pull", "--quiet", f"{repository}:{TAG}")
        command = (
            "--entrypoint=python",
            f"{repository}:{TAG}",
            "-c",
            "import giant, large, tiny, small as s; print(s.VERSION)",
        )
        assert engine("run", "--rm", "--network=none", *command) == version
    first, second = ({layer["digest"]: layer["size"] for layer in each} for each in manifests)
    # The largest at the bottom, then the next: each in a layer of its own, the same in both.
    sizes = list(second.values())
    giant = next(number for number, size in enumerate(sizes) if 3_000_000 <= size < 3_300_000)
    large = next(number for number, size in enumerate(sizes) if 1_500_000 <= size < 1_800_000)
    assert giant < large
    assert list(first)[: large + 1] == list(second)[: large + 1]
    # What the registry had not got: the two small wheels and what a step writes, no byte of the large ones.
    new = {digest: size for digest, size in second.items() if digest not in first}
    assert 200_000 < sum(new.values()) < 300_000, new
    # Bytecode of what lies below is not written again either.
    paths = [path for digest in new for path in paths_in(repository, digest)]
    assert any("/small/__pycache__/" in path for path in paths)
    assert not [path for path in paths if "/giant/" in path or "/large/" in path]


def layers(repository: str) -> list[dict[str, Any]]:
    kinds = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    return list(json.loads(fetched(repository, f"manifests/{TAG}", kinds))["layers"])


def paths_in(repository: str, digest: str) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(fetched(repository, f"blobs/{digest}"))) as tar:
        return tar.getnames()


def fetched(repository: str, path: str, kinds: str = "*/*") -> bytes:
    host, _, name = repository.partition("/")
    request = urllib.request.Request(f"http://{host}/v2/{name}/{path}", headers={"Accept": kinds})
    with urllib.request.urlopen(request, timeout=10) as response:
        return bytes(response.read())


def test_podman(engine: Engine, base: BaseChoice, registry: str, index: Index, tmp_path: Path) -> None:
    moved_and_pushed(
        tmp_path, base, index, engine, f"{registry}/layers/podman", "--backend=podman", "--engine-option=--network=host"
    )


def test_buildkit(
    engine: Engine, base: BaseChoice, dockerd_online: Dockerd, registry: str, index: Index, tmp_path: Path
) -> None:
    builder = ("--backend=buildkit", f"--buildkit={dockerd_online.address}")
    moved_and_pushed(tmp_path, base, index, engine, f"{registry}/layers/buildkit", *builder)
