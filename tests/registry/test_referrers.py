from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import TINY, Engine
from tests.release.registries import LocalRegistry
from workbench.errors import WorkbenchError
from workbench.registry.referrers import attach, fallback_tag
from workbench.registry.repository import Manifest, Repository, digest_of

NAME = "team/images"


@pytest.fixture
def local(engine: Engine, tmp_path: Path) -> Iterator[LocalRegistry]:
    """A registry of the test's own, with one image in it."""
    if shutil.which("docker-registry", path=engine.env["PATH"]) is None:
        pytest.skip("docker-registry not installed")
    registry = LocalRegistry(engine, tmp_path)
    registry.start()
    engine("push", TINY, f"docker://{registry.host}/{NAME}:one")
    yield registry
    registry.stop()


def subject_of(repository: Repository) -> Manifest:
    found = repository.manifest("one")
    assert found is not None
    return found


def test_documents_are_listed_under_the_tag_of_the_image(local: LocalRegistry) -> None:
    with Repository(f"{local.host}/{NAME}") as repository:
        subject = subject_of(repository)
        first = attach(repository, subject, "text/one", "one.txt", b"one")
        assert attach(repository, subject, "text/one", "one.txt", b"one") == first
        second = attach(repository, subject, "text/two", "two.txt", b"two")
        # A new document of the same kind and title takes the place of the old one.
        third = attach(repository, subject, "text/one", "one.txt", b"more")
    index = local.manifest(NAME, fallback_tag(subject.digest))
    assert [(each["digest"], each["artifactType"]) for each in index["manifests"]] == [
        (second, "text/two"),
        (third, "text/one"),
    ]
    artifact = local.manifest(NAME, third)
    assert artifact["subject"] == {"mediaType": subject.kind, "digest": subject.digest, "size": len(subject.data)}
    (layer,) = artifact["layers"]
    assert local.blob(NAME, layer["digest"]) == b"more"
    assert layer["annotations"] == {"org.opencontainers.image.title": "one.txt"}


def test_a_tag_that_is_no_list_is_left_as_it_is(local: LocalRegistry, engine: Engine) -> None:
    with Repository(f"{local.host}/{NAME}") as repository:
        subject = subject_of(repository)
        engine("push", TINY, f"docker://{local.host}/{NAME}:{fallback_tag(subject.digest)}")
        with pytest.raises(WorkbenchError, match="is no list of attachments"):
            attach(repository, subject, "text/one", "one.txt", b"one")


def test_a_missing_manifest_and_an_existing_one(local: LocalRegistry) -> None:
    with Repository(f"{local.host}/{NAME}") as repository:
        assert repository.manifest("none") is None
        subject = subject_of(repository)
        assert repository.manifest(subject.digest) == subject
        assert subject.digest == digest_of(subject.data)
        assert subject.config == json.loads(subject.data)["config"]["digest"]
        manifest = json.loads(subject.data)
        manifest["config"]["digest"] = digest_of(b"nowhere")
        with pytest.raises(WorkbenchError, match=r"answers 40[04] to PUT .*/manifests/bad: MANIFEST_BLOB_UNKNOWN: "):
            repository.put_manifest("bad", json.dumps(manifest).encode(), subject.kind)
