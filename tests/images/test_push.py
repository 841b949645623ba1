from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import TINY, Engine, free_port
from tests.images.recipes import IMAGE, TAG, recipe
from tests.test_podman import fake_podman
from workbench.attest.signing.keys import new_key
from workbench.attest.signing.sign import sign_pushed
from workbench.errors import UsageError, WorkbenchError
from workbench.images.push import Pushed, check_repository, latest_tag, push

LATEST = "editor-plain-c9s-py311_2026a_latest"


def tags(host: str, name: str) -> list[str]:
    with urllib.request.urlopen(f"http://{host}/v2/{name}/tags/list", timeout=60) as answer:
        return sorted(json.load(answer)["tags"])


def digest(host: str, name: str, tag: str) -> str:
    kinds = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    request = urllib.request.Request(f"http://{host}/v2/{name}/manifests/{tag}", headers={"Accept": kinds})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.headers["Docker-Content-Digest"])


def test_build_and_push(engine: Engine, registry: str, tmp_path: Path) -> None:
    folder = recipe(tmp_path, engine)
    key = REPOSITORY / "tests/attest/signing/cosign.key"
    flags = ("--log-dir", tmp_path / "logs", "--sign-key", key)
    env = {"COSIGN_PASSWORD": "secret"}
    done = wizard("build", folder, "--push", f"{registry}/built/images", *flags, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"pushed {registry}/built/images:{TAG}",
        f"pushed {registry}/built/images:{LATEST}",
    ]
    # Beside the two, the list of what is attached to the image, and the signatures of both.
    attached = digest(registry, "built/images", TAG).replace(":", "-")
    listed = tags(registry, "built/images")
    signed = [tag for tag in listed if tag.endswith(".sig")]
    assert sorted(set(listed) - set(signed)) == sorted([TAG, LATEST, attached])
    assert len(signed) == 2 and f"{attached}.sig" in signed
    images = [f"{registry}/built/images:{tag}" for tag in (TAG, LATEST)]
    checked = wizard("verify", *images, "--key", key.with_suffix(".pub"), "--json")
    assert [each["records"] for each in json.loads(checked.stdout)] == [{"provenance.json": ""}] * 2, checked.stderr
    assert "provenance.json is attached\n" in done.stderr
    assert digest(registry, "built/images", TAG) == digest(registry, "built/images", LATEST)


def test_latest_moves_and_the_dated_tag_stays(engine: Engine, registry: str) -> None:
    digests = []
    for day, content in (("20261122", "one"), ("20261123", "two")):
        image = f"localhost/moving:jupyter-minimal_2026a_{day}"
        engine("build", "--tag", image, "-", stdin=f"FROM {TINY}\nRUN echo {content} >/what\n".encode())
        push(image, f"{registry}/moving/tags")
        digests.append(digest(registry, "moving/tags", f"jupyter-minimal_2026a_{day}"))
    assert digests[0] != digests[1]
    assert digest(registry, "moving/tags", "jupyter-minimal_2026a_20261122") == digests[0]
    assert digest(registry, "moving/tags", "jupyter-minimal_2026a_latest") == digests[1]


def test_a_registry_that_refuses(engine: Engine, private_registry: str) -> None:
    engine("tag", TINY, "localhost/refused:a_2026a_20261122")
    with pytest.raises(WorkbenchError) as error:
        push("localhost/refused:a_2026a_20261122", f"{private_registry}/team/images")
    assert error.value.message.startswith(f"pushing {private_registry}/team/images:a_2026a_20261122 failed: ")
    assert error.value.hint.startswith(
        f"nothing was pushed and no tag moved; `podman login {private_registry}` if it refuses you"
    )


def test_a_registry_that_is_down(engine: Engine) -> None:
    engine("tag", TINY, "localhost/down:a_2026a_20261122")
    with pytest.raises(WorkbenchError, match="connection refused"):
        push("localhost/down:a_2026a_20261122", f"127.0.0.1:{free_port()}/team/images")


def test_latest_waits_for_the_dated_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = fake_podman(tmp_path, monkeypatch, "echo 'Error: no space left' >&2; exit 125")
    with pytest.raises(WorkbenchError, match="failed: no space left"):
        push(IMAGE, "registry.example.com/team/images")
    assert record.read_text().splitlines() == [f"push {IMAGE} docker://registry.example.com/team/images:{TAG}"]


def test_a_push_that_breaks_in_the_middle_reports_what_arrived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_podman(tmp_path, monkeypatch, 'case "$*" in *_latest) echo "Error: broken pipe" >&2; exit 125;; esac')
    with pytest.raises(WorkbenchError) as error:
        push(IMAGE, "registry.example.com/team/images")
    assert error.value.message == f"pushing registry.example.com/team/images:{LATEST} failed: broken pipe"
    assert error.value.hint.startswith(f"registry.example.com/team/images:{TAG} arrived; ")


def test_an_image_dated_latest_is_pushed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = fake_podman(tmp_path, monkeypatch, "exit 0")
    pushed = push(f"localhost/workbench-images:{LATEST}", "registry.example.com/team/images")
    assert pushed == Pushed((f"registry.example.com/team/images:{LATEST}",))
    assert len(record.read_text().splitlines()) == 1


def test_latest_tag() -> None:
    assert (
        latest_tag("cuda-jupyter-my_bundle-c9s-py312_2026a_20261122") == "cuda-jupyter-my_bundle-c9s-py312_2026a_latest"
    )


@pytest.mark.parametrize(
    "repository",
    ["", "images", "team/images", "localhost/images", "quay.io/team/images:tag", "quay.io/Team/images", "-x", "a b"],
)
def test_what_is_no_repository(repository: str) -> None:
    with pytest.raises(UsageError):
        check_repository(repository)


@pytest.mark.parametrize("repository", ["quay.io/team/images", "localhost:5000/images", "127.0.0.1:5000/a/b/c"])
def test_what_is_one(repository: str) -> None:
    assert check_repository(repository) == repository


def test_a_bad_repository_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    done = wizard("build", tmp_path, "--push", "images")
    assert done.returncode == 2
    assert "does not name its registry" in done.stderr


def test_what_cannot_be_signed_has_no_latest(engine: Engine, registry: str) -> None:
    engine("tag", TINY, "localhost/unsigned:a_2026a_20261122")

    def arrived(tags: tuple[str, ...]) -> None:
        assert tags == ("a_2026a_20261122", "a_2026a_latest")
        sign_pushed(f"{registry}/unsigned/images", tags, "sha256:other", new_key("key"))

    with pytest.raises(WorkbenchError, match=":a_2026a_20261122 is pushed and not signed: ") as error:
        push("localhost/unsigned:a_2026a_20261122", f"{registry}/unsigned/images", arrived=arrived)
    assert "no `latest` moved" in error.value.hint
    assert tags(registry, "unsigned/images") == ["a_2026a_20261122"]


def test_a_key_without_a_push_is_refused(tmp_path: Path) -> None:
    done = wizard("build", tmp_path, "--sign-key", "cosign.key")
    assert (done.returncode, "nothing is pushed" in done.stderr) == (2, True)
    done = wizard("push", "quay.io/team/images", "--release=2026a", "--date=20261122", "--sign-password-file", "word")
    assert (done.returncode, "there is a password, and no key" in done.stderr) == (2, True)
