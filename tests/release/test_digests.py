from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.engine import Engine
from workbench.catalog.reader import read_catalogue
from workbench.errors import WorkbenchError
from workbench.images import base
from workbench.registry.repository import Repository
from workbench.release.check import check
from workbench.release.freeze import freeze, registry_digest


def catalogue_with_root(root: Path, image: str) -> Path:
    folder = make_catalogue(root)
    file = folder / "releases/2026a.toml"
    file.write_text(file.read_text().replace("docker.io/library/debian:bookworm", image))
    return folder


def podman(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(["podman", *words], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_freezing_finds_the_digest_and_bases_stand_on_it(
    tmp_path: Path, engine: Engine, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = f"{registry}/roots/debian:bookworm"
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY Containerfile /\n")
    podman("build", "--tag", image, ".", cwd=tmp_path)
    podman("push", image)
    with Repository(f"{registry}/roots/debian") as repository:
        manifest = repository.manifest("bookworm")
    assert manifest is not None
    folder = catalogue_with_root(tmp_path, image)

    def resolve(wanted: str) -> str:
        if wanted != image:
            raise WorkbenchError("nobody answers")
        return registry_digest(wanted)

    done = freeze(read_catalogue(str(folder)), "2026a", resolve)
    assert dict(done.digests) == {image: manifest.digest}
    # The other system's root image stays pinned by its tag, with a note.
    assert done.notes == (
        "quay.io/sclorg/python-311-c9s:c9s is pinned by its tag only, its digest is not known: nobody answers",
    )
    assert f'digest = "{manifest.digest}"' in (folder / "releases/2026a/release.toml").read_text()
    assert "digest" not in (folder / "releases/2026a.toml").read_text()
    catalogue = read_catalogue(str(folder))
    assert check(catalogue, "2026a", "2026-11-22").faults == ()
    monkeypatch.setattr(base, "root_name", lambda os_name: f"localhost/nothing:{os_name}")
    root = base.root_image(catalogue, "2026a", "bookworm")
    assert root == f"{image}@{manifest.digest}"
    assert base.root_image(catalogue, "2026a", "c9s") == "quay.io/sclorg/python-311-c9s:c9s"
    # An image with its tag and its digest is one that podman builds on, whatever the tag is by then.
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY Containerfile /another\n")
    podman("build", "--tag", image, ".", cwd=tmp_path)
    podman("push", image)
    podman("rmi", image)
    (tmp_path / "Containerfile").write_text(f"FROM {root}\nCOPY Containerfile /second\n")
    podman("build", "--tag", "localhost/stands-on-it", ".", cwd=tmp_path)
    layers = json.loads(podman("image", "inspect", "--format", "{{json .RootFS.Layers}}", "localhost/stands-on-it"))
    below = json.loads(
        podman("image", "inspect", "--format", "{{json .RootFS.Layers}}", f"{registry}/roots/debian@{manifest.digest}")
    )
    assert layers[:-1] == below
    podman("rmi", "localhost/stands-on-it")


def test_a_registry_that_is_down_or_has_no_such_tag_is_a_note(tmp_path: Path, engine: Engine, registry: str) -> None:
    folder = catalogue_with_root(tmp_path, f"{registry}/roots/debian:gone")
    file = folder / "releases/2026a.toml"
    file.write_text(file.read_text().replace("quay.io/sclorg", "127.0.0.1:9/sclorg"))
    done = freeze(read_catalogue(str(folder)), "2026a", registry_digest)
    assert dict(done.digests) == {}
    assert len(done.notes) == 2
    assert "its registry has no tag gone" in done.notes[1]
    assert check(read_catalogue(str(folder)), "2026a", "2026-11-22").faults == ()


def test_a_digest_that_the_release_names_is_taken(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    file, digest = folder / "releases/2026a.toml", f"sha256:{'1' * 64}"
    file.write_text(file.read_text().replace("pythons", f'digest = "{digest}"\npythons', 1))
    resolved: list[str] = []

    def resolve(image: str) -> str:
        resolved.append(image)
        return f"sha256:{'2' * 64}"

    freeze(read_catalogue(str(folder)), "2026a", resolve)
    assert resolved == ["docker.io/library/debian:bookworm"]
    systems = read_catalogue(str(folder)).releases["2026a"].systems
    assert systems["c9s"].digest == digest
    file.write_text(file.read_text().replace("1" * 64, "3" * 64))
    ((where, message),) = check(read_catalogue(str(folder)), "2026a", "2026-11-22").faults
    assert where == "releases/2026a.toml:14"
    assert message == f"os.c9s.digest was '{digest}' when it was frozen, and is 'sha256:{'3' * 64}'"
