"""Both stores answer alike, about one and the same image."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.dockerd import Dockerd
from tests.engine import TINY, Engine
from tests.images.buildkit.dockers import store_of
from workbench.errors import WorkbenchError
from workbench.images.podman.store import PODMAN
from workbench.images.store import COMPRESSIONS, ImageStore, own_name, required
from workbench.registry.repository import Repository

IMAGE = "localhost/in-both-stores:1"


@pytest.fixture(scope="module")
def both(store: Engine, dockerd_online: Dockerd) -> Iterator[Dockerd]:
    """IMAGE in podman's store and in dockerd's."""
    text = f"FROM {TINY}\nLABEL of=both\nRUN echo one >/etc/one\nUSER 7\n"
    store("build", "--tag", IMAGE, "--network=none", "-", stdin=text.encode())
    dockerd_online.carry(store, IMAGE)
    yield dockerd_online
    store.try_("rmi", "--force", IMAGE)
    dockerd_online.request("DELETE", f"/images/{IMAGE}", force="1")


@pytest.fixture(params=["podman", "dockerd"])
def found(request: pytest.FixtureRequest, engine: Engine, both: Dockerd) -> ImageStore:
    """A store that has IMAGE."""
    return PODMAN if request.param == "podman" else store_of(both)


def test_what_is_known_of_an_image(found: ImageStore, engine: Engine) -> None:
    info = required(found, IMAGE)
    assert info.id.startswith("sha256:") and len(info.id) == 71
    assert list(info.layers) == json.loads(engine("image", "inspect", "--format", "{{json .RootFS.Layers}}", IMAGE))
    assert (info.labels["of"], info.config["User"], info.config["Env"]) == ("both", "7", ["PATH=/bin"])
    assert info.size > 1_000_000


def test_an_image_that_is_not_there(found: ImageStore) -> None:
    assert found.inspect("localhost/none:1") is None
    # No search by pattern, and no part of a name.
    assert found.inspect("localhost/in-both-stores") is None
    with pytest.raises(WorkbenchError, match=f"the image localhost/none:1 is not in {found.name}'s store"):
        required(found, "localhost/none:1")


def test_images_that_have_a_label(found: ImageStore) -> None:
    assert found.labelled("of") == {IMAGE: "both"}
    assert found.labelled("of=another") == {}


def test_a_command_in_a_container(found: ImageStore, engine: Engine, dockerd_online: Dockerd) -> None:
    script = 'id -u; echo "$A $1"; echo bad >&2; ls /sys/class/net; exit 3'
    answer = found.run(IMAGE, ["sh", "-c", script, "sh", "b c"], user="12345:0", environment={"A": "a"}, seconds=60)
    assert (answer.code, answer.out.splitlines(), answer.err) == (3, ["12345", "a b c", "lo"], "bad\n")
    assert engine.containers() == ""
    assert json.loads(dockerd_online("GET", "/containers/json", all="1")) == []


def test_a_command_that_is_not_there(found: ImageStore, engine: Engine, dockerd_online: Dockerd) -> None:
    answer = found.run(IMAGE, ["nothing-like-it"], user="0", environment={}, seconds=60)
    assert answer.code != 0
    assert "nothing-like-it" in answer.reason
    assert engine.containers() == ""
    assert json.loads(dockerd_online("GET", "/containers/json", all="1")) == []


@pytest.mark.thorough
def test_a_command_that_does_not_end(found: ImageStore, engine: Engine, dockerd_online: Dockerd) -> None:
    with pytest.raises(WorkbenchError, match=r"did not (end|respond) within"):
        found.run(IMAGE, ["sleep", "1000"], user="0", environment={}, seconds=3)
    assert engine.containers() == ""
    assert json.loads(dockerd_online("GET", "/containers/json", all="1")) == []


def test_pushing_it(found: ImageStore, registry: str) -> None:
    repository = f"{registry}/team/{'podman' if found is PODMAN else 'docker'}"
    answer = found.push(IMAGE, f"{repository}:1")
    assert (answer.code, answer.err if answer.code else "") == (0, "")
    with Repository(repository) as remote:
        manifest = remote.manifest("1")
    assert manifest is not None
    assert manifest.config == required(found, IMAGE).id
    # The name in the registry is not left behind here.
    assert found.inspect(f"{repository}:1") is None


def test_a_registry_that_refuses(found: ImageStore, private_registry: str) -> None:
    answer = found.push(IMAGE, f"{private_registry}/team/none:1")
    assert answer.code != 0
    assert "auth" in answer.reason


def test_its_versions(found: ImageStore) -> None:
    (version,) = found.versions().values()
    assert version[0].isdigit()


def test_an_engine_has_the_layers_of_its_own_images(dockerd_online: Dockerd) -> None:
    store = store_of(dockerd_online)
    assert store.keeps_layers(TINY)
    assert not store.keeps_layers("localhost/none:1")


def test_the_name_that_this_machine_gave_goes_before_a_registrys() -> None:
    names = ["docker.io/team/images:1", "localhost/workbench-images:2", "localhost/workbench-images:1"]
    assert own_name(names) == "localhost/workbench-images:1"
    assert own_name(names[:1]) == names[0]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_layers_that_the_registry_lacks_are_compressed_so(engine: Engine, registry: str, compression: str) -> None:
    image, kind = "localhost/compressed:1", compression.replace(":", "-")
    # Of the other layers the registry may have copies, in other repositories.
    engine("build", f"--tag={image}", "-", stdin=f"FROM {TINY}\nRUN echo {kind} >/kind\n".encode())
    answer = PODMAN.push(image, f"{registry}/compressed/{kind}:1", compression)
    assert (answer.code, answer.err if answer.code else "") == (0, "")
    with Repository(f"{registry}/compressed/{kind}") as remote:
        manifest = remote.manifest("1")
    assert manifest is not None
    # The image is the same, whatever its layers were compressed with.
    assert manifest.config == required(PODMAN, image).id
    layer = json.loads(manifest.data)["layers"][-1]
    assert layer["mediaType"].rpartition("+")[2] == compression.partition(":")[0]
    chunks = [name for name in layer.get("annotations", {}) if "zstd-chunked.manifest" in name]
    assert bool(chunks) == (compression == "zstd:chunked")


def test_a_docker_engine_has_gzip_alone(dockerd_online: Dockerd) -> None:
    answer = store_of(dockerd_online).push(IMAGE, "localhost/x:1", "zstd")
    assert answer.reason == "a Docker Engine compresses layers with gzip"


def test_an_image_of_dockers_kind_stays_one(engine: Engine, registry: str) -> None:
    text = f"FROM {TINY}\nHEALTHCHECK CMD true\n"
    engine("build", "--format=docker", "--tag=localhost/checked:1", "-", stdin=text.encode())
    answer = PODMAN.push("localhost/checked:1", f"{registry}/checked/one:1", "zstd")
    assert (answer.code, answer.reason) == (
        125,
        "localhost/checked:1 is an image of Docker's kind, whose layers are gzip",
    )
