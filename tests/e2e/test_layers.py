"""Layers that follow change, on a real base with the real uv: tests/images/test_layers.py has the quick ones."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dockerd import Dockerd
from tests.engine import BaseChoice, Engine
from tests.images.test_layers import WHEELS, compose, new_paths, pushed
from tests.release.index import Index, served

# The base is pushed with it: half a gigabyte, twice.
pytestmark = pytest.mark.slow

TAG = "runtime-plain-bookworm-py311_2026a_20261122"


def wheel(name: str, version: str) -> bytes:
    """A wheel with a module, and with data that nothing makes smaller."""
    info, data = f"{name}-{version}.dist-info", io.BytesIO()
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n".encode(),
        f"{name}/data.bin": random.Random(name + version).randbytes(WHEELS[name]),
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
def index() -> Iterator[Index]:
    with served() as found:
        for name in WHEELS:
            found.wheels[name] = {version: wheel(name, version) for version in ("1.0.0", "1.0.1")}
        yield found


def moves(folder: Path, base: BaseChoice, index: Index, engine: Engine, repository: str, *builder: str) -> None:
    """Build and push, move the small pin, build and push again; the image has it, and nothing is compiled twice."""
    both = []
    for version in ("1.0.0", "1.0.1"):
        pins = {**dict.fromkeys(WHEELS, "1.0.0"), "small": version}
        digests = {name: hashlib.sha256(index.wheels[name][pin]).hexdigest() for name, pin in pins.items()}
        recipe = compose(folder / version, pins, digests, base.flags(), TAG)
        both.append(pushed(recipe, repository, *builder, env={"PIP_INDEX_URL": index.url}))
        engine("pull", "--quiet", f"{repository}:{TAG}")
        code = "import giant, large, tiny, small as s; print(s.VERSION)"
        command = ("--entrypoint=python", f"{repository}:{TAG}", "-c", code)
        assert engine("run", "--rm", "--network=none", *command) == version
    paths = new_paths(repository, *both)
    assert any("/small/__pycache__/" in path for path in paths)
    # Bytecode of what lies below is not written again either.
    assert not [path for path in paths if "/giant/" in path or "/large/" in path]


def test_podman(engine: Engine, base: BaseChoice, registry: str, index: Index, tmp_path: Path) -> None:
    builder = ("--backend=podman", "--engine-option=--network=host")
    moves(tmp_path, base, index, engine, f"{registry}/layers/podman", *builder)


def test_buildkit(
    engine: Engine, base: BaseChoice, dockerd_online: Dockerd, registry: str, index: Index, tmp_path: Path
) -> None:
    builder = ("--backend=buildkit", f"--buildkit={dockerd_online.address}")
    moves(tmp_path, base, index, engine, f"{registry}/layers/buildkit", *builder)
