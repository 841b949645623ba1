from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import wizard
from tests.engine import TINY, Engine
from tests.images.recipes import BASE, IMAGE, recipe
from workbench.errors import UsageError
from workbench.images.labels import catalogue_labels, created, on_base
from workbench.images.podman.store import manifest_digest


def test_the_day_is_the_tags_and_latest_has_none() -> None:
    assert created("20261122") == {"org.opencontainers.image.created": "2026-11-22T00:00:00Z"}
    assert created("latest") == {}


def test_source_and_revision_as_they_are_given() -> None:
    assert catalogue_labels("", "") == {}
    assert catalogue_labels("https://example.com/team/images", "abc123") == {
        "org.opencontainers.image.source": "https://example.com/team/images",
        "org.opencontainers.image.revision": "abc123",
    }


@pytest.mark.parametrize(
    ("source", "revision"), [("example.com", ""), ("https://a b", ""), ("https://a\n", ""), ("", "a b"), ("", "a\x07")]
)
def test_what_is_no_source_and_no_revision(source: str, revision: str) -> None:
    with pytest.raises(UsageError):
        catalogue_labels(source, revision)


def test_the_base_is_named_with_its_digest_as_far_as_it_is_known(engine: Engine) -> None:
    digest = engine("image", "inspect", "--format", "{{.Digest}}", TINY)
    named, hashed = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
    assert on_base(TINY, manifest_digest(TINY)) == {named: TINY, hashed: digest}
    assert manifest_digest("quay.io/team/none:1") == ""
    pinned = f"quay.io/team/none:1@sha256:{'a' * 64}"
    assert manifest_digest(pinned) == ""
    assert on_base(pinned, "") == {named: pinned, hashed: f"sha256:{'a' * 64}"}


def test_a_built_image_has_them(engine: Engine, tmp_path: Path) -> None:
    given_flags = ["--source=https://example.com/team/images", "--revision=abc123"]
    done = wizard("build", recipe(tmp_path, engine), "--log-dir", tmp_path / "logs", *given_flags)
    assert done.returncode == 0, done.stderr
    labels = json.loads(engine("image", "inspect", "--format", "{{json .Config.Labels}}", IMAGE))
    assert {name.rpartition("image.")[2]: value for name, value in labels.items() if "opencontainers" in name} == {
        "created": "2026-11-22T00:00:00Z",
        "source": "https://example.com/team/images",
        "revision": "abc123",
        "base.name": BASE,
        "base.digest": engine("image", "inspect", "--format", "{{.Digest}}", BASE),
    }
    engine("untag", IMAGE, IMAGE)
