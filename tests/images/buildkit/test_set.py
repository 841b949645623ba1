"""A whole standard set, from the root image to the recipes, by a buildkitd over TLS: nothing builds on the client."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests import buildkitd
from tests.catalogues import REPOSITORY
from tests.command import ENTRY, wizard
from tests.engine import Engine
from tests.images.podman.test_builder import wait_for_line
from tests.release.sets import BASE, CUDA, EDITOR, LAYER, ROOT_SCRIPT, RUNTIME, SET, TAGS, build_set, make_set
from workbench.images.push import latest_tag
from workbench.registry.repository import Repository

pytestmark = pytest.mark.thorough
KEY = REPOSITORY / "tests/attest/signing/cosign.key"


@dataclass(frozen=True)
class Remote:
    """A daemon over mutual TLS, the flags that name it, and an empty PATH: no podman and no docker is found."""

    flags: tuple[object, ...]
    env: dict[str, str]


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    authority = trustme.CA()
    folder = tmp_path / "certificates"
    folder.mkdir()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server, client = authority.issue_cert("127.0.0.1"), authority.issue_cert("client@example.com")
    server.private_key_pem.write_to_path(folder / "server.key")
    server.cert_chain_pems[0].write_to_path(folder / "server.pem")
    client.private_key_pem.write_to_path(folder / "key.pem")
    client.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    return folder


@pytest.fixture
def remote(registry: str, certificates: Path, tmp_path: Path) -> Iterator[Remote]:
    if why := buildkitd.missing():
        pytest.skip(why)
    (tmp_path / "empty").mkdir()
    with buildkitd.started(plain=[registry], certificates=certificates) as address:
        flags = ("--buildkit", address, "--buildkit-certs", certificates, "--log-dir", tmp_path / "logs")
        yield Remote(flags, {"PATH": str(tmp_path / "empty")})


def test_from_the_root_image_to_pushed_recipes(remote: Remote, registry: str, engine: Engine, tmp_path: Path) -> None:
    repository = f"{registry}/team/set"
    catalogue = make_set(tmp_path, {"base/mini/os-image.sh": ROOT_SCRIPT})
    root = wizard(
        *("os-image", "--catalog", catalogue, "--os=mini", "--push", repository, *remote.flags, "--sign-key", KEY),
        env={**remote.env, "COSIGN_PASSWORD": "secret"},
    )
    assert (root.returncode, root.stdout) == (0, f"{repository}:os-mini\n"), root.stderr
    composed = wizard(
        "recipes", "--catalog", catalogue, *SET, "--repo", repository, "--out", tmp_path / "recipes", "--force"
    )
    assert composed.returncode == 0, composed.stderr
    assert f"FROM {repository}:{BASE}\n" in (tmp_path / "recipes" / EDITOR / "Containerfile").read_text()

    def built(*flags: object) -> list[dict[str, str]]:
        words = ("--repo", repository, "--push", *remote.flags, "--json", "--sign-key", KEY, *flags)
        done = build_set(tmp_path, *map(str, words), env={**remote.env, "COSIGN_PASSWORD": "secret"})
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    assert {each["tag"]: each["status"] for each in built()} == dict.fromkeys(TAGS, "built")
    with Repository(repository) as registered:
        digests = {}
        for tag in TAGS:
            dated, latest = registered.manifest(tag), registered.manifest(latest_tag(tag))
            assert dated is not None and latest is not None and dated.digest == latest.digest
            digests[tag] = dated.digest
    images = [f"{repository}:{name}" for tag in TAGS for name in (tag, latest_tag(tag))]
    checked = wizard("verify", *images, f"{repository}:os-mini", "--key", KEY.with_suffix(".pub"))
    assert checked.returncode == 0, checked.stderr
    for tag, lines in {BASE: "base", LAYER: "base\ncuda", CUDA: "base\ncuda", EDITOR: "base", RUNTIME: "base"}.items():
        engine("pull", f"{repository}:{tag}")
        assert engine("run", "--rm", "--entrypoint=cat", f"{repository}:{tag}", "/what") == lines
        engine("rmi", f"{repository}:{tag}")
    provenance = json.loads((tmp_path / "recipes" / EDITOR / "provenance.json").read_text())
    assert digests[BASE].removeprefix("sha256:") in json.dumps(provenance)

    # Again, nothing is built, and what one of them is made from builds it and what stands on it.
    assert {each["status"] for each in built()} == {"up to date"}
    (catalogue / "cuda-layer/base/Containerfile").write_text(
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo more >>/what\n"
    )
    again = {each["tag"]: each["status"] for each in built("--replace")}
    assert again == dict.fromkeys(TAGS, "up to date") | {LAYER: "built", CUDA: "built"}


def test_a_set_for_no_registry_and_recipes_on_another(remote: Remote, registry: str, tmp_path: Path) -> None:
    make_set(tmp_path)
    flags = [*map(str, remote.flags)]
    refused = build_set(tmp_path, "--push", *flags, env=remote.env)
    assert (refused.returncode, refused.stderr.count("does not name its registry")) == (2, 1)
    # Composed on this machine's images, and built by a daemon that has none of them.
    elsewhere = build_set(tmp_path, "--push", "--repo", f"{registry}/team/none", *flags, env=remote.env)
    assert elsewhere.returncode == 1
    assert "3 recipes of the standard set stand on images elsewhere" in elsewhere.stderr
    assert f"recipes --release 2026a --date 20261122 --repo {registry}/team/none --force" in elsewhere.stderr
    assert not (tmp_path / "logs").exists()


@pytest.mark.slow
def test_a_daemon_that_is_killed_and_one_that_forgets(
    registry: str, certificates: Path, tmp_path: Path, engine: Engine
) -> None:
    """The set is complete after the same command to another daemon, whose cache is empty; `latest` waits for it."""
    if why := buildkitd.missing():
        pytest.skip(why)
    (tmp_path / "empty").mkdir()
    repository, env = f"{registry}/team/killed", {"PATH": str(tmp_path / "empty")}
    slow = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo begun; sleep 20; echo cuda >>/what\n"
    catalogue = make_set(tmp_path, {"base/mini/os-image.sh": ROOT_SCRIPT, "cuda-layer/base/Containerfile": slow})
    set_flags = ("--catalog", catalogue, *SET, "--repo", repository)
    assert wizard("recipes", *set_flags, "--out", tmp_path / "recipes", "--force").returncode == 0
    where = ("--recipes", tmp_path / "recipes", "--log-dir", tmp_path / "logs", "--push", "--json")

    def flags(address: str) -> list[object]:
        return ["--buildkit", address, "--buildkit-certs", certificates]

    with buildkitd.started(plain=[registry], certificates=certificates) as address:
        root = ("os-image", "--catalog", catalogue, "--os=mini", "--push", repository, *flags(address))
        done = wizard(*root, "--log-dir", tmp_path / "logs", env=env)
        assert done.returncode == 0, done.stderr
        command = [*ENTRY, "images", *set_flags, *where, *flags(address)]
        running = subprocess.Popen(
            [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}
        )
        wait_for_line(tmp_path / "logs", "begun")
    out, errors = running.communicate(timeout=120)
    assert running.returncode == 1, errors
    statuses = {each["tag"]: each["status"] for each in json.loads(out)}
    assert (statuses[BASE], statuses[LAYER], statuses[CUDA]) == ("built", "failed", "not begun"), errors
    with Repository(repository) as registered:
        assert registered.manifest(BASE) is not None
        assert [tag for tag in TAGS if registered.manifest(latest_tag(tag)) is not None] == []
    with buildkitd.started(plain=[registry], certificates=certificates) as address:
        done = wizard("images", *set_flags, *where, *flags(address), env=env)
        assert done.returncode == 0, done.stderr
    statuses = {each["tag"]: each["status"] for each in json.loads(done.stdout)}
    assert (statuses[BASE], statuses[LAYER], statuses[CUDA]) == ("up to date", "built", "built")
    with Repository(repository) as registered:
        assert [tag for tag in TAGS if registered.manifest(latest_tag(tag)) is None] == []
