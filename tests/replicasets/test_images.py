"""Images and whose they are, on real podman: what a hostile tenant gives as the name of an image."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.engine import TINY, Engine
from tests.replicasets.conftest import Podman
from workbench.replicasets.errors import Conflict, Invalid, NotFound
from workbench.replicasets.requests import ExecuteRequest, PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller, Role

ANNA, BOB, ROOT = Caller("anna"), Caller("Bob.B"), Caller("root", Role.ADMIN)
SLEEP = ("sleep", "1000")
SECRET = "hunter2 $HOME \"quoted\" 'too'\nand a second line"


def run_of(image: str, name: str = "taken") -> RunRequest:
    return RunRequest(image, name, command=SLEEP)


@pytest.fixture
def annas(rs: ReplicaSets) -> ReplicaSets:
    """A set of anna's with secrets in its disk and in its variables."""
    rs.run(RunRequest(TINY, "foo", env=[f"TOKEN={SECRET}", "EMPTY="], command=SLEEP), ANNA)
    rs.execute("foo", ExecuteRequest(["sh", "-c", "echo key > /key"]), ANNA)
    return rs


def ids(engine: Engine) -> set[str]:
    """The ids of all images that there are, those without a name too."""
    return {each.removeprefix("sha256:") for each in engine("images", "--all", "--no-trunc", "--quiet").split()}


@pytest.mark.thorough
@pytest.mark.parametrize("carry", ["auto", pytest.param("commit", marks=pytest.mark.slow)])
def test_no_part_of_an_id_is_a_name_and_no_whole_id_opens_anothers_disk(
    carry: str, room: Callable[..., ReplicaSets], podman: Podman
) -> None:
    """podman runs any image of which it is given the first digit of the id: another owner's recorded disk."""
    rs = room(carry=carry)
    public = ids(podman.engine)
    rs.run(RunRequest(TINY, "foo", env=[f"TOKEN={SECRET}"], command=SLEEP), ANNA)
    rs.execute("foo", ExecuteRequest(["sh", "-c", "echo key > /key"]), ANNA)
    rs.commit("foo", "mine:1", ANNA)
    rs.stop("foo", ANNA)
    rs.patch("foo", PatchRequest(ports=("80",)), ANNA)
    hers = ids(podman.engine) - public
    assert hers
    tried = {"latest", "<none>", "", "*", "localhost", "mine", "mine:1", "localhost/mine:1", "workbench"}
    tried |= {each[:length] for each in hers for length in (1, 12, 63, 64)}
    tried |= {f"sha256:{each[:length]}" for each in hers for length in (12, 63)}
    tried |= {f"{prefix}{each[:12]}" for each in hers for prefix in ("localhost/", "docker.io/library/", "@sha256:")}
    for text in sorted(tried):
        with pytest.raises((NotFound, Invalid)):
            rs.run(run_of(text), BOB)
    exact = {f"sha256:{each}" for each in hers}
    exact |= {name for name in podman.engine.names() if "/workbench/" in name}
    for text in sorted(exact):
        with pytest.raises(NotFound, match="has no image"):
            rs.run(run_of(text), BOB)
    assert [each.name for each in rs.sets()] == ["foo"]
    # What anna may use she may name whole, and so may whoever may change what is hers.
    for caller, text in ((ANNA, min(exact)), (ROOT, max(exact)), (ANNA, "mine:1"), (ANNA, "localhost/mine:1")):
        rs.run(run_of(text), caller)
        assert rs.execute("taken", ExecuteRequest(["cat", "/key"]), caller).stdout == "key\n"
        rs.delete("taken", caller)
    rs.run(run_of(f"sha256:{min(public)}"), BOB)


def token(rs: ReplicaSets) -> str:
    """The value of the variable TOKEN that a program in the set has."""
    return rs.execute("foo", ExecuteRequest(["sh", "-c", 'echo "$TOKEN"']), ANNA).stdout


def test_values_of_variables_are_in_no_image(room: Callable[..., ReplicaSets], podman: Podman) -> None:
    rs, engine = room(carry="commit"), podman.engine
    rs.run(RunRequest(TINY, "foo", env=[f"TOKEN={SECRET}", "EMPTY="], command=SLEEP), ANNA)
    rs.commit("foo", "mine:1", ANNA)
    version = rs.patch("foo", PatchRequest(ports=("80",)), ANNA)
    assert version.env == (f"TOKEN={SECRET}", "EMPTY=")
    assert token(rs) == f"{SECRET}\n"
    main = rs.execute("foo", ExecuteRequest(["sh", "-c", "tr '\\0' '\\n' </proc/1/environ"]), ANNA).stdout
    assert f"\nTOKEN={SECRET}\n" in f"\n{main}"
    images = [name for name in engine.names() if "/workbench/" in name]
    assert len(images) == 2
    for image in images:
        inspected = engine("image", "inspect", image)
        assert "hunter2" not in inspected, image
        assert "TOKEN" not in json.dumps(json.loads(inspected)[0]["Config"]), image
    rs.delete("foo", ANNA)
    assert engine("secret", "ls", "--quiet") == ""


@pytest.mark.thorough
def test_the_service_finds_variables_again_when_its_store_is_gone(room: Callable[..., ReplicaSets]) -> None:
    rs = room(carry="commit")
    rs.run(RunRequest(TINY, "foo", env=[f"TOKEN={SECRET}"], command=SLEEP), ANNA)
    rs.patch("foo", PatchRequest(ports=("80",)), ANNA)
    assert rs.history("foo")[1].disk
    again = room(carry="commit", store=f"{rs.settings.store}.new")
    assert [each.env for each in again.history("foo")] == [(f"TOKEN={SECRET}",)] * 2
    assert again.rollback("foo", 1, ANNA).number == 3
    assert token(again) == f"{SECRET}\n"


@pytest.mark.thorough
def test_a_commit_takes_no_name_that_others_use(annas: ReplicaSets, podman: Podman) -> None:
    assert annas.commit("foo", "debian:12", ANNA) == "localhost/workbench/anna/debian:12"
    assert annas.commit("foo", "localhost/workbench-images:base", ANNA) == (
        "localhost/workbench/anna/workbench-images:base"
    )
    for name in ("docker.io/library/debian:12", "registry.example.com/lab/mine:1", "a:5000/x"):
        with pytest.raises(Invalid, match="names a registry"):
            annas.commit("foo", name, ANNA)
    with pytest.raises(Conflict, match="already"):
        annas.commit("foo", "localhost/workbench/anna/debian:12", ANNA)
    owner = annas.info("foo").set
    for name in (f"localhost/workbench/{owner.id}:7", "localhost/workbench/x/mine:1"):
        with pytest.raises(Invalid, match="versions' disks"):
            annas.commit("foo", name, ROOT)
        assert annas.commit("foo", name, ANNA).startswith("localhost/workbench/anna/workbench/")
    # An administrator names it as he likes; it is still its owner's.
    assert annas.commit("foo", "docker.io/lab/mine:1", ROOT) == "docker.io/lab/mine:1"
    with pytest.raises(NotFound, match="has no image"):
        annas.run(run_of("lab/mine:1"), BOB)
    # So is what is built from it.
    podman.engine("build", "--tag", "localhost/child:1", "-", stdin=b"FROM docker.io/lab/mine:1\nLABEL a=b\n")
    with pytest.raises(NotFound, match="has no image"):
        annas.run(run_of("localhost/child:1"), BOB)
    annas.run(run_of("localhost/child:1"), ANNA)
    annas.delete("taken", ANNA)
    podman.engine("build", "--tag", "localhost/all:1", "-", stdin=b"FROM localhost/child:1\nLABEL workbench.owner=*\n")
    annas.run(run_of("localhost/all:1"), BOB)


def test_a_release_keeps_its_names(room: Callable[..., ReplicaSets]) -> None:
    rs = room(reserved=("localhost/workbench-images",))
    rs.run(run_of(TINY, "foo"), ANNA)
    with pytest.raises(Invalid, match="a name of a release"):
        rs.commit("foo", "workbench-images:base", ROOT)


def test_a_volume_whose_name_begins_like_anothers_is_not_removed_for_it(rs: ReplicaSets, podman: Podman) -> None:
    """podman removes the only volume whose name begins like that, where there is none of that name."""
    rs.create_volume("data", caller=ANNA)
    rs.create_volume("data2", caller=BOB)
    podman.engine("volume", "rm", "workbench-data")
    rs.delete_volume("data", ANNA)
    assert podman.engine("volume", "ls", "--quiet") == "workbench-data2"
