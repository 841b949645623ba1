from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import RELEASE, make_catalogue, selection
from tests.command import wizard
from tests.dockerd import Dockerd
from tests.engine import TINY, Engine, free_port
from tests.test_podman import fake_podman
from workbench.catalog.questions import Selection
from workbench.catalog.reader import read_catalogue
from workbench.catalog.values import Catalogue
from workbench.commands import here
from workbench.compose.resolve import resolve
from workbench.errors import FaultsError, WorkbenchError
from workbench.images.backend import select
from workbench.images.base_chain import command_to_make, own_base
from workbench.images.base_lookup import look_up, look_up_or_local

DATED = "base-c9s-py311_2026a_20261122"
LATEST = "base-c9s-py311_2026a_latest"


def catalogue(folder: Path, repository: str = "localhost/workbench-images") -> Catalogue:
    release = f'repository = "{repository}"\n{RELEASE}'
    return read_catalogue(str(make_catalogue(folder, {"releases/2026a.toml": release})))


def located(catalogue: Catalogue, chosen: Selection) -> tuple[Selection, str]:
    """Return the selection and the note that the look-up of its base image comes to."""
    resolved, note = look_up(resolve(catalogue, chosen))
    return resolved.selection, note


@pytest.fixture
def named(engine: Engine) -> Engine:
    """The engine without any image of ours."""
    for name in engine.names():
        if name != TINY:
            engine("untag", name, name)
    return engine


def test_its_own_name_changes_nothing(named: Engine, tmp_path: Path) -> None:
    named("tag", TINY, f"localhost/workbench-images:{DATED}")
    assert located(catalogue(tmp_path), selection()) == (selection(), "")


def test_local_name_when_the_release_names_a_registry(named: Engine, tmp_path: Path) -> None:
    named("tag", TINY, f"localhost/workbench-images:{DATED}")
    host = f"127.0.0.1:{free_port()}"
    found, note = located(catalogue(tmp_path, f"{host}/team/images"), selection())
    assert found == selection(image=f"localhost/workbench-images:{DATED}")
    assert note == f"{host}/team/images:{DATED} does not exist; FROM names localhost/workbench-images:{DATED}"


def test_the_registry_comes_before_latest(named: Engine, registry: str, tmp_path: Path) -> None:
    repository = f"{registry}/dated/images"
    named("push", TINY, f"docker://{repository}:{DATED}")
    named("tag", TINY, f"{repository}:{LATEST}")
    assert located(catalogue(tmp_path, repository), selection()) == (selection(), "")


def test_latest_here(named: Engine, tmp_path: Path) -> None:
    named("tag", TINY, f"localhost/workbench-images:{LATEST}")
    found, note = located(catalogue(tmp_path), selection())
    assert found.image == f"localhost/workbench-images:{LATEST}"
    assert "FROM names" in note


def test_latest_in_the_registry(named: Engine, registry: str, tmp_path: Path) -> None:
    repository = f"{registry}/moving/images"
    named("push", TINY, f"docker://{repository}:{LATEST}")
    assert located(catalogue(tmp_path, repository), selection())[0].image == f"{repository}:{LATEST}"


def test_another_tag_that_holds_the_name_is_not_it(named: Engine, tmp_path: Path) -> None:
    named("tag", TINY, f"localhost/workbench-images:cuda-{DATED}")
    assert "does not exist yet" in located(catalogue(tmp_path), selection())[1]


def test_a_base_of_the_release_that_is_nowhere_is_a_note(named: Engine, registry: str, tmp_path: Path) -> None:
    """Composing never needs the base: it can be made afterwards, and the note names the whole chain."""
    repository = f"{registry}/empty/images"
    found, note = located(catalogue(tmp_path, repository), selection())
    assert found == selection()
    assert note == (
        f"{repository}:{DATED} does not exist yet: `{here('up')}` makes it, and all that it stands on; "
        f"by hand: `{here('base --os c9s --python 3.11 --release 2026a --date 20261122')}`"
    )


@pytest.mark.parametrize(
    ("base", "layer"), [("cuda", "runtime-cudnn"), ("cuda-devel", "devel-cudnn"), ("cuda-thin", "base")]
)
def test_a_cuda_base_that_is_nowhere(named: Engine, tmp_path: Path, base: str, layer: str) -> None:
    found, note = located(catalogue(tmp_path), selection(base=base))
    assert found == selection(base=base)
    what = "--os c9s --python 3.11 --release 2026a --date 20261122"
    assert f"by hand: `{here(f'base {what}')}`, then `{here(f'cuda {what} --layers {layer}')}`" in note


def test_a_registry_that_is_down_is_reported_once(named: Engine, tmp_path: Path) -> None:
    host = f"127.0.0.1:{free_port()}"
    _, note = located(catalogue(tmp_path, f"{host}/team/images"), selection())
    assert note.count(f"the registry {host} does not respond: connection refused") == 1


def test_whoever_makes_the_base_gets_the_name_that_it_has_here(named: Engine, registry: str, tmp_path: Path) -> None:
    repository = f"{registry}/unmade/images"
    resolved, note = look_up_or_local(resolve(catalogue(tmp_path, repository), selection()))
    assert (resolved.image, note) == (f"localhost/workbench-images:{DATED}", "")
    named("push", TINY, f"docker://{repository}:{DATED}")
    resolved, note = look_up_or_local(resolve(catalogue(tmp_path, repository), selection()))
    assert (resolved.image, resolved.selection, note) == (f"{repository}:{DATED}", selection(), "")


@pytest.mark.parametrize(
    "image",
    [
        f"localhost/workbench-images:{DATED}",
        "localhost/workbench-images:cuda-c9s-py311-runtime-cudnn_2026a_latest",
        "quay.io/team/images:base-my-os-py39_2026a_latest",
    ],
)
def test_the_name_of_a_base_says_what_it_is(image: str) -> None:
    own = own_base(image)
    assert own is not None
    stem = f"cuda-{own.os}-py311-{own.layer}" if own.layer else f"base-{own.os}-py{own.python.replace('.', '')}"
    assert image.endswith(f":{stem}_{own.release}_{own.date}")


@pytest.mark.parametrize("image", ["localhost/mine:3", "localhost/workbench-images:os-bookworm", "a/b:base-x-py_1_2"])
def test_another_name_is_none_of_ours(image: str) -> None:
    assert own_base(image) is None
    assert command_to_make(image) == ""


FOREIGN: list[tuple[str, str, str]] = [
    # the base that is named, the name that the image has here, what FROM names
    ("localhost/mine:3", "localhost/mine:3", ""),
    ("registry.example.com/team/cuda-thing:3", "registry.example.com/team/cuda-thing:3", ""),
    ("mine:3", "localhost/mine:3", "localhost/mine:3"),
    ("team/mine:3", "localhost/team/mine:3", "localhost/team/mine:3"),
]


@pytest.mark.parametrize(("base", "here", "image"), FOREIGN, ids=[row[0] for row in FOREIGN])
def test_a_foreign_image(named: Engine, tmp_path: Path, base: str, here: str, image: str) -> None:
    named("tag", TINY, here)
    assert located(catalogue(tmp_path), selection(base=base)) == (selection(base=base, image=image), "")


def test_a_foreign_image_that_is_nowhere(named: Engine, tmp_path: Path) -> None:
    with pytest.raises(FaultsError) as error:
        located(catalogue(tmp_path), selection(base="mine:3"))
    assert error.value.faults == [("localhost/mine:3", "is not on this machine")]


def test_without_podman_nothing_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    found, note = located(catalogue(tmp_path), selection())
    assert (found, note) == (
        selection(),
        "the base image was not looked up: there is neither podman nor a BuildKit here",
    )


def test_a_base_that_is_here_costs_one_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record = fake_podman(tmp_path, monkeypatch, "exit 0")
    located(catalogue(tmp_path), selection())
    assert record.read_text() == f"image exists -- localhost/workbench-images:{DATED}\n"


def test_offline_queries_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record = fake_podman(tmp_path, monkeypatch, "exit 1")
    answers = [word for name, value in _answers(selection()).items() for word in (f"--{name}", value)]
    done = wizard(
        "new", "--catalog", make_catalogue(tmp_path), "--offline", "--no-lint", "--out", tmp_path / "out", *answers
    )
    assert done.returncode == 0, done.stderr
    assert not record.exists()


def test_new_names_the_base_it_took(named: Engine, tmp_path: Path) -> None:
    named("tag", TINY, f"localhost/workbench-images:{LATEST}")
    answers = [word for name, value in _answers(selection()).items() for word in (f"--{name}", value)]
    folder = make_catalogue(tmp_path)
    done = wizard("new", "--catalog", folder, "--no-lint", "--out", tmp_path / "out", *answers)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("note: ")
    (recipe,) = (tmp_path / "out").iterdir()
    assert (recipe / "Containerfile").read_text().count(f"\nFROM localhost/workbench-images:{LATEST}\n") == 1


def _answers(chosen: Selection) -> dict[str, str]:
    return {name: getattr(chosen, name) for name in ("release", "date", "base", "os", "python", "bundle", "ide")}


def test_new_writes_a_foreign_image_with_the_registry_it_was_found_in(engine: Engine, tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path)
    flags = ("--catalog", folder, "--defaults", "--out", tmp_path / "out", "--base", TINY.removeprefix("localhost/"))
    done = wizard("new", *flags)
    assert done.returncode == 0, done.stderr
    (containerfile,) = (tmp_path / "out").glob("*/Containerfile")
    assert f"FROM {TINY}\n" in containerfile.read_text()
    assert "does not name its registry" in wizard("new", *flags, "--offline").stderr


def test_a_base_that_the_docker_engine_has(
    named: Engine, dockerd: Dockerd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = f"localhost/workbench-images:{DATED}"
    dockerd("POST", f"/images/{TINY}/tag", repo="localhost/workbench-images", tag=DATED)
    try:
        assert "does not exist yet" in located(catalogue(tmp_path / "podman"), selection())[1]
        for name, value in dockerd.env.items():
            monkeypatch.setenv(name, value)
        assert located(catalogue(tmp_path / "both"), selection()) == (selection(), "")
        monkeypatch.setenv("PATH", "/nowhere")
        assert located(catalogue(tmp_path / "engine"), selection()) == (selection(), "")
    finally:
        dockerd("DELETE", f"/images/{image}")
    _, note = located(catalogue(tmp_path / "none"), selection())
    assert note == f"{image} is not in the Docker Engine's store, and without podman no registry is queried"


@pytest.mark.parametrize("variable", ["DOCKER_HOST", "BUILDKIT_HOST"])
def test_without_podman_new_looks_where_build_builds(
    named: Engine, dockerd: Dockerd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("WORKBENCH_BUILDER", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv(variable, dockerd.address)
    image = f"localhost/workbench-images:{LATEST}"
    dockerd("POST", f"/images/{TINY}/tag", repo="localhost/workbench-images", tag=LATEST)
    try:
        found, _ = located(catalogue(tmp_path), selection())
        assert found.image == image
        backend = select()
        assert backend.choice.address == dockerd.address
        assert backend.store.inspect(image) is not None
    finally:
        dockerd("DELETE", f"/images/{image}")


def test_an_engine_that_does_not_respond_stops_new_only_where_it_was_requested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.delenv("WORKBENCH_BUILDER", raising=False)
    found, note = located(catalogue(tmp_path), selection())
    assert found == selection()
    assert note.startswith("the base image was not looked up: ")
    monkeypatch.setenv("WORKBENCH_BUILDER", "buildkit")
    with pytest.raises(WorkbenchError):
        located(catalogue(tmp_path / "again"), selection())
