"""Steps shared through a registry: what one machine has built, another takes as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import wizard
from tests.dockerd import Dockerd
from tests.engine import TINY, Engine
from tests.images.buildkit.dockers import store_of
from tests.images.recipes import IMAGE, TAG, recipe
from tests.release.registries import LocalRegistry
from workbench.errors import UsageError
from workbench.images.shared_cache import INLINE, SharedCache

REPOSITORY = "registry.example.com/team/cache"
# What it leaves is another each time that it is run.
RANDOM = "USER 0\nRUN umask 22; head -c 9 /dev/urandom | od -An -tx1 > /random\n"


@pytest.fixture
def registry(engine: Engine, tmp_path: Path) -> Iterator[LocalRegistry]:
    """A registry that runs."""
    (tmp_path / "registry").mkdir()
    made = LocalRegistry(engine, tmp_path / "registry")
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize(
    "shared",
    [
        SharedCache(("none",)),
        SharedCache((f"{REPOSITORY} x",)),
        SharedCache(("localhost/mine",)),
        SharedCache((INLINE,)),
        SharedCache(target="none"),
        SharedCache(target="-x"),
    ],
)
def test_what_is_no_place_in_a_registry(shared: SharedCache) -> None:
    with pytest.raises(UsageError, match="is no repository of a registry"):
        shared.check()


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        (SharedCache((f"{REPOSITORY}:1",)), f"and {REPOSITORY}:1 has one already"),
        (SharedCache(target=f"{REPOSITORY}@sha256:{'a' * 64}"), "has one already"),
        (SharedCache(target=INLINE), "podman keeps no cache in an image"),
    ],
)
def test_what_podman_cannot_do(shared: SharedCache, message: str) -> None:
    shared.check()
    with pytest.raises(UsageError, match=message) as error:
        shared.podman_options()
    assert REPOSITORY not in error.value.hint or error.value.hint == f"write {REPOSITORY}"


def test_buildkit_keeps_a_cache_for_each_recipe_whatever_the_day() -> None:
    shared = SharedCache((REPOSITORY, f"{REPOSITORY}:other"), REPOSITORY)
    stem = "editor-plain-c9s-py311_2026a"
    assert shared.sources_of(TAG) == [f"{REPOSITORY}:{stem}", f"{REPOSITORY}:other"]
    assert shared.target_of(TAG) == f"{REPOSITORY}:{stem}"
    assert shared.target_of("plain") == f"{REPOSITORY}:plain"
    assert (SharedCache().target_of(TAG), SharedCache(target=INLINE).target_of(TAG)) == ("", INLINE)


def test_flags_that_contradict_each_other(tmp_path: Path) -> None:
    done = wizard("build", tmp_path, "--no-cache", f"--cache-from={REPOSITORY}")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "error: --no-cache builds every step again, and takes none from --cache-from",
    )


def built(folder: Path, tmp_path: Path, *flags: str, env: dict[str, str] | None = None) -> str:
    """Build a recipe and return the log."""
    done = wizard("build", folder, "--log-dir", tmp_path / "logs", *flags, env=env)
    assert done.returncode == 0, done.stderr
    (log,) = (tmp_path / "logs").iterdir()
    text = log.read_text()
    log.unlink()
    return text


@pytest.mark.thorough
def test_podman_takes_steps_from_a_registry(engine: Engine, registry: LocalRegistry, tmp_path: Path) -> None:
    folder = recipe(tmp_path, engine, RANDOM)
    place = f"{registry.host}/team/steps"
    built(folder, tmp_path, f"--cache-to={place}")
    assert registry.tags("team/steps")
    first = engine("run", "--rm", "--network=none", IMAGE, "cat", "/random")
    engine("rmi", "--force", IMAGE)
    built(folder, tmp_path)
    own = engine("run", "--rm", "--network=none", IMAGE, "cat", "/random")
    assert own != first, "podman had the steps itself, and this test shows nothing"
    engine("rmi", "--force", IMAGE)
    built(folder, tmp_path, f"--cache-from={place}")
    assert engine("run", "--rm", "--network=none", IMAGE, "cat", "/random") == first
    engine("rmi", "--force", IMAGE)


@pytest.mark.thorough
def test_a_docker_engine_takes_steps_from_an_image_that_was_pushed(
    engine: Engine, dockerd_online: Dockerd, registry: LocalRegistry, tmp_path: Path
) -> None:
    folder = recipe(tmp_path, engine, RANDOM)
    store, image = store_of(dockerd_online), f"{registry.host}/team/images:{TAG}"
    # Nobody has pushed yet: a cache that is not there is none.
    place = f"--cache-from={registry.host}/team/images:{TAG}"
    built(folder, tmp_path, place, "--cache-to=inline", env=dockerd_online.env)
    first = random_of(dockerd_online)
    assert store.push(IMAGE, image).code == 0
    forget(dockerd_online)
    built(folder, tmp_path, env=dockerd_online.env)
    assert random_of(dockerd_online) != first, "the daemon had the steps itself, and this test shows nothing"
    forget(dockerd_online)
    log = built(folder, tmp_path, place, env=dockerd_online.env)
    assert "--> cached" in log
    assert random_of(dockerd_online) == first
    forget(dockerd_online)


def test_a_docker_engine_without_containerds_store_keeps_no_cache_elsewhere(
    engine: Engine, dockerd_online: Dockerd, registry: LocalRegistry, tmp_path: Path
) -> None:
    folder = recipe(tmp_path, engine, RANDOM)
    done = wizard("build", folder, f"--cache-to={registry.host}/team/steps", env=dockerd_online.env)
    assert done.returncode == 1
    assert "has no cache exporter 'registry'" in done.stderr
    assert "`inline` alone, which goes with the image when that is pushed" in " ".join(done.stderr.split())
    assert IMAGE not in dockerd_online.names()


@pytest.mark.thorough
def test_a_docker_engine_takes_layers_from_its_images_of_the_same_bundle(
    engine: Engine, dockerd: Dockerd, tmp_path: Path
) -> None:
    """Also when it has cleared its builds away, and for another IDE; what is not the same is built."""
    (tmp_path / "editor").mkdir()
    (tmp_path / "runtime").mkdir()
    other = IMAGE.replace("editor", "runtime")
    built(recipe(tmp_path / "editor", engine, RANDOM), tmp_path, env=dockerd.env)
    first = random_of(dockerd)
    dockerd("POST", "/build/prune", all="1")
    folder = recipe(tmp_path / "runtime", engine, RANDOM, "runtime")
    log = built(folder, tmp_path, env=dockerd.env)
    assert f"layers that are the same are taken over from {IMAGE}" in log
    assert random_of(dockerd, other) == first
    # Asked for anew, nothing is taken over.
    assert "taken over" not in built(folder, tmp_path, "--no-cache", env=dockerd.env)
    assert random_of(dockerd, other) != first
    dockerd("DELETE", f"/images/{other}", force="1")
    forget(dockerd)


def random_of(dockerd: Dockerd, image: str = IMAGE) -> str:
    answer = store_of(dockerd).run(image, ["cat", "/random"], user="0", environment={}, seconds=60)
    assert answer.code == 0 and answer.out, answer
    return answer.out


def forget(dockerd: Dockerd) -> None:
    """Have the daemon forget the image and all of its own cache."""
    dockerd("DELETE", f"/images/{IMAGE}", force="1")
    dockerd("POST", "/build/prune", all="1")
    assert TINY in dockerd.names()
