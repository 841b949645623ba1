"""A real buildkitd that pushes what it builds to a real registry, from a client without podman."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import buildkitd
from tests.command import wizard
from tests.engine import TINY, Engine
from tests.images.buildkit.dockers import Lines
from tests.images.recipes import recipe
from workbench import podman
from workbench.errors import WorkbenchError
from workbench.images.backend import BuilderChoice, open_backend
from workbench.images.push import push
from workbench.images.request import BuildRequest

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def address(registry: str, private_registry: str) -> Iterator[str]:
    if why := buildkitd.missing():
        pytest.skip(why)
    with buildkitd.started(plain=[registry, private_registry]) as found:
        yield found


def test_no_image_passes_through_the_client(
    address: str, registry: str, store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, repository = f"{registry}/bases/tiny:1", f"{registry}/team/made"
    store("tag", TINY, base)
    store("push", base)
    store("rmi", base)
    # Neither podman nor docker is on this machine from here on.
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not podman.is_installed()
    backend = open_backend(BuilderChoice("buildkit", "why", address), push=repository)
    text = f'FROM {base}\nENV WHO=me\nRUN echo made >/made\nUSER 1001\nCMD ["cat", "/made"]\n'
    request = BuildRequest(("localhost/workbench-images:own_2026a_20261130",), str(tmp_path), text, {"own": "yes"})
    built = backend.builder.build(request, Lines())
    assert built.image == f"{repository}:own_2026a_20261130"

    info = backend.store.inspect(built.image)
    assert info is not None and info.id == built.id and info.digest.startswith("sha256:") and info.size > 0
    assert (info.labels["own"], info.config["User"], info.config["Cmd"]) == ("yes", "1001", ["cat", "/made"])
    below = backend.store.inspect(base)
    assert below is not None and info.layers[0] == below.layers[0]
    assert info.labels["org.opencontainers.image.base.digest"] == below.digest
    assert backend.store.inspect(f"{repository}:other") is None

    for user, command in (("0", ("sh", "-c", "cat /made; echo $WHO $MORE >&2; exit 3")), ("1001", ("cat", "/made"))):
        done = backend.store.run(built.image, command, user=user, environment={"MORE": "x"}, seconds=60)
        assert done.out == "made\n"
        assert (done.code, done.err) == ((3, "me x\n") if user == "0" else (0, ""))
    failed = backend.store.run(f"{repository}:other", ("true",), user="0", environment={}, seconds=60)
    assert failed.code == 125 and "other" in failed.reason

    assert push(built.image, repository, backend.store).images == (
        f"{repository}:own_2026a_20261130",
        f"{repository}:own_2026a_latest",
    )
    latest = backend.store.inspect(f"{repository}:own_2026a_latest")
    assert latest == info
    assert list(backend.store.versions()) == ["buildkitd"]


def test_without_podman_and_a_repository_it_is_refused_before_the_first_step(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkbenchError, match="keeps no images, and podman, which would, is not installed") as caught:
        open_backend(BuilderChoice("buildkit", "why", address))
    assert "--push REPO" in caught.value.hint


def test_a_refused_push_is_named(
    address: str, private_registry: str, registry: str, engine: Engine, tmp_path: Path
) -> None:
    engine("tag", TINY, f"{registry}/bases/tiny:1")
    engine("push", f"{registry}/bases/tiny:1")
    engine("rmi", f"{registry}/bases/tiny:1")
    repository = f"{private_registry}/team/made"
    backend = open_backend(BuilderChoice("buildkit", "why", address), push=repository)
    request = BuildRequest(("localhost/workbench-images:own_1",), str(tmp_path), f"FROM {registry}/bases/tiny:1\n")
    with pytest.raises(WorkbenchError) as caught:
        backend.builder.build(request, Lines())
    assert private_registry in caught.value.message


def test_build_push_from_a_client_without_podman(address: str, registry: str, engine: Engine, tmp_path: Path) -> None:
    base, repository = f"{registry}/bases/own:1", f"{registry}/team/recipes"
    engine("tag", TINY, base)
    engine("push", base)
    engine("rmi", base)
    folder = recipe(tmp_path, engine, base=base)
    (tmp_path / "empty").mkdir()
    flags = ["--buildkit", address, "--push", repository, "--log-dir", tmp_path / "logs", "--json"]
    done = wizard("build", folder, *flags, env={"PATH": str(tmp_path / "empty")})
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert report["pushed"] == [f"{repository}:{folder.name}", f"{repository}:{folder.name.rpartition('_')[0]}_latest"]
    # The tiny image has no Python, which would list its packages.
    assert report["attached"] == ["provenance.json"] and "cannot list its packages" in report["note"]
    assert json.loads((folder / "provenance.json").read_text())["subject"]
    engine("pull", report["pushed"][1])
    assert engine("inspect", "--format", "{{.Id}}", report["pushed"][1]) == report["id"].removeprefix("sha256:")
    engine("rmi", report["pushed"][1])
