"""Signing and verifying at a real registry: what counts, and each way in which it does not."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine import Engine
from tests.release.registries import LocalRegistry
from workbench.attest.signing import payload
from workbench.attest.signing.keys import PrivateKey, PublicKey, new_key
from workbench.attest.signing.sign import sign_digest, sign_image, sign_pushed
from workbench.attest.signing.signatures import SIGNATURE, add_signatures, signature_tag
from workbench.attest.signing.verify import Verified, verify_image
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.registry.referrers import attach
from workbench.registry.repository import OCI_INDEX, OCI_MANIFEST, Manifest, Repository, digest_of

KEY, OTHER = new_key("own.pub"), new_key("other.pub")
_CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass
class Images:
    """Images of a few bytes in a repository of a registry."""

    registry: LocalRegistry
    remote: Repository
    repository: str

    def put(self, tag: str, text: str) -> Manifest:
        config = self.remote.put_blob(json.dumps({"text": text}).encode(), _CONFIG)
        data = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}).encode()
        self.remote.put_manifest(tag, data, OCI_MANIFEST)
        return Manifest(data, OCI_MANIFEST, digest_of(data))

    def layers(self, manifest: Manifest) -> list[dict[str, Any]]:
        found = self.registry.manifest(self.remote.name, signature_tag(manifest.digest))["layers"]
        return list(found)

    def verify(self, tag: str, *keys: PublicKey, signed_as: str = "") -> Verified:
        image = f"{self.repository}:{tag}"
        return verify_image(image, self.repository, tag, keys or (KEY.public,), signed_as or self.repository)


@pytest.fixture(scope="module")
def served(store: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    if shutil.which("docker-registry", path=store.env["PATH"]) is None:
        pytest.skip("docker-registry not installed")
    registry = LocalRegistry(store, tmp_path_factory.mktemp("registry"))
    registry.start()
    yield registry
    registry.stop()


@pytest.fixture
def images(served: LocalRegistry, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Images]:
    """A repository of the test's own."""
    # Without a process of podman's for each repository that is opened.
    monkeypatch.setattr("workbench.registry.repository.is_insecure", lambda host: host == served.host)
    repository = f"{served.host}/{request.node.name.partition('[')[0].replace('_', '-')}"
    with Repository(repository) as remote:
        yield Images(served, remote, repository)


def test_each_tag_is_signed_once(images: Images) -> None:
    manifest = images.put("one", "one")
    assert sign_image(images.remote, manifest, ["one", "latest"], KEY)
    assert not sign_image(images.remote, manifest, ["one", "latest"], KEY)
    found = images.verify("one")
    assert (found.fault, found.digest, len(found.valid)) == ("", manifest.digest, 2)
    claims = [each.claim for each in found.valid if each.claim]
    assert [claim.reference for claim in claims] == [f"{images.repository}:{tag}" for tag in ("one", "latest")]
    assert {claim.creator.partition(" ")[0] for claim in claims} == {"workbench-images"}
    # Another key adds its own, and takes nothing away; one of several keys suffices.
    assert sign_image(images.remote, manifest, ["one"], OTHER)
    assert len(images.layers(manifest)) == 3
    assert [each.key for each in images.verify("one", OTHER.public).valid] == ["other.pub"]
    assert len(images.verify("one", new_key("third.pub").public, KEY.public).valid) == 2


def test_what_is_not_signed_or_by_another_key(images: Images) -> None:
    manifest = images.put("one", "one")
    assert images.verify("one").fault == f"is not signed: there is no tag {signature_tag(manifest.digest)}"
    sign_image(images.remote, manifest, ["one"], OTHER)
    assert images.verify("one").fault == "its signature is by another key, or of a claim that was changed since"
    assert images.verify("none").fault == "is not in the registry"


def test_a_signature_of_another_image_that_was_copied(images: Images) -> None:
    good, bad = images.put("good", "good"), images.put("bad", "bad")
    sign_image(images.remote, good, ["good"], KEY)
    signatures = images.remote.manifest(signature_tag(good.digest))
    assert signatures is not None
    images.remote.put_manifest(signature_tag(bad.digest), signatures.data, signatures.kind)
    assert images.verify("bad").fault == f"its signature is of another image, {good.digest}, and was copied"
    # The image is signed all the same when it is pushed.
    assert sign_image(images.remote, bad, ["bad"], KEY)
    assert images.verify("bad").fault == ""


def test_a_signature_for_another_repository(images: Images) -> None:
    manifest = images.put("one", "one")
    sign_digest(images.remote, manifest.digest, ["quay.io/team/images:one"], KEY)
    assert images.verify("one").fault == (
        f"its signature is for quay.io/team/images:one, and not for {images.repository}"
    )
    assert images.verify("one", signed_as="quay.io/team/images").fault == ""
    assert images.verify("one", signed_as="quay.io/team/image").fault


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("index.docker.io/library/debian", "docker.io/library/debian"),
        ("localhost:5000/a/b@sha256:0", "localhost:5000/a/b"),
        ("localhost:5000/a:1@sha256:0", "localhost:5000/a"),
    ],
)
def test_the_repository_of_a_claim(reference: str, repository: str) -> None:
    assert payload.Claim("", reference).repository == repository


def test_a_payload_whose_bytes_were_changed(images: Images) -> None:
    manifest = images.put("one", "one")
    sign_image(images.remote, manifest, ["one"], KEY)
    (layer,) = images.layers(manifest)
    digest = layer["digest"].removeprefix("sha256:")
    data = images.registry.folder / "blobs/docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"
    data.write_bytes(data.read_bytes().replace(b"workbench", b"somebody!"))
    assert images.verify("one").fault.startswith("its signature was tampered with: ")
    assert f"the registry has other bytes for sha256:{digest}" in images.verify("one").fault


def resigned(data: bytes, key: PrivateKey = KEY) -> tuple[bytes, bytes]:
    return data, key.sign(data)


def test_claims_that_are_none(images: Images) -> None:
    manifest = images.put("one", "one")
    claim = json.loads(payload.encode(manifest.digest, f"{images.repository}:one"))
    claim["critical"]["type"] = "atomic container signature"
    add_signatures(images.remote, manifest.digest, [resigned(json.dumps(claim).encode()), resigned(b"[]")])
    assert images.verify("one").fault == "has 2 signatures, and each what was signed is no claim about an image"
    # One that was exchanged for another claim, with the signature of the first.
    data = payload.encode(manifest.digest, f"{images.repository}:one")
    add_signatures(images.remote, manifest.digest, [(data, KEY.sign(data + b" "))])
    assert "; one is by another key, or of a claim that was changed since" in images.verify("one").fault
    sign_image(images.remote, manifest, ["one"], KEY)
    found = images.verify("one")
    assert (found.fault, len(found.checks), len(found.valid)) == ("", 4, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mediaType": "application/vnd.dsse.envelope.v1+json"}, "is of a kind that is not known here"),
        ({"annotations": {"dev.sigstore.cosign/certificate": "x"}}, "is by a certificate"),
        ({"annotations": {SIGNATURE: "no base64"}}, "has no readable annotation"),
        ({"annotations": {}}, "has no readable annotation"),
    ],
)
def test_what_is_stored_in_other_ways(images: Images, change: dict[str, Any], message: str) -> None:
    manifest = images.put("one", f"one {message}{change}")
    sign_image(images.remote, manifest, ["one"], KEY)
    tag = signature_tag(manifest.digest)
    document = images.registry.manifest(images.remote.name, tag)
    document["layers"][0] |= change
    images.remote.put_manifest(tag, json.dumps(document).encode(), OCI_MANIFEST)
    assert images.verify("one").fault.startswith(f"its signature {message}")


def test_something_else_under_the_tag_of_signatures(images: Images) -> None:
    manifest = images.put("one", "one")
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
    images.remote.put_manifest(signature_tag(manifest.digest), index, OCI_INDEX)
    with pytest.raises(WorkbenchError, match="holds something else than signatures"):
        images.verify("one")
    with pytest.raises(WorkbenchError, match="holds something else than signatures"):
        sign_image(images.remote, manifest, ["one"], KEY)


def test_an_index_is_signed_with_its_images(images: Images, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    entries = [
        {"mediaType": each.kind, "digest": each.digest, "size": len(each.data)}
        for each in (images.put("a", "a"), images.put("b", "b"))
    ]
    data = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    images.remote.put_manifest("all", data, OCI_INDEX)
    index = Manifest(data, OCI_INDEX, digest_of(data))
    # As cosign signs it without --recursive: podman would refuse both images.
    sign_digest(images.remote, index.digest, [f"{images.repository}:all"], KEY)
    (tmp_path / "own.pub").write_text(KEY.public.pem())
    assert main(["verify", f"{images.repository}:all", "--key", str(tmp_path / "own.pub")]) == 0
    shown = capsys.readouterr()
    assert f"digest     {index.digest}\n" in shown.out and KEY.public.fingerprint in shown.out
    assert shown.err.count("podman and CRI-O check the images of an index, and sha256:") == 2
    identity = json.loads(images.put("a", "a").data)["config"]["digest"]
    sign_pushed(images.repository, ["all"], identity, KEY)
    assert list(images.verify("all").images.values()) == ["", ""]
    assert images.verify("a").fault == ""
    with pytest.raises(WorkbenchError, match=r":all is pushed and not signed: the registry has another image there"):
        sign_pushed(images.repository, ["all"], digest_of(b"other"), KEY)


def test_records_that_are_attached(images: Images) -> None:
    manifest = images.put("one", "one")
    sign_image(images.remote, manifest, ["one"], KEY)
    first = attach(images.remote, manifest, "text/one", "one.txt", b"one")
    attach(images.remote, manifest, "text/two", "two.txt", b"two")
    sign_digest(images.remote, first, [images.repository], KEY)
    records = images.verify("one").records
    assert records["one.txt"] == "" and records["two.txt"].startswith("is not signed")


def test_the_report_and_the_exit_codes(images: Images, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signed, bare = images.put("signed", "signed"), images.put("bare", "bare")
    sign_image(images.remote, signed, ["signed"], KEY)
    sign_image(images.remote, signed, ["signed"], OTHER)
    public = tmp_path / "own.pub"
    public.write_text(KEY.public.pem())
    good, bad = f"{images.repository}@{signed.digest}", f"{images.repository}:bare"
    assert main(["verify", good, "--key", str(public)]) == 0
    shown = capsys.readouterr()
    assert f"  signed by  {public}, {KEY.public.fingerprint}\n" in shown.out
    assert "note: another signature is by another key" in shown.err.replace("\n", " ")
    assert main(["verify", good, bad, "--key", str(public), "--json"]) == 1
    shown = capsys.readouterr()
    reports = json.loads(shown.out)
    assert [each["verified"] for each in reports] == [True, False]
    assert [each["valid"] for each in reports[0]["signatures"]] == [True, False]
    assert reports[1]["digest"] == bare.digest
    assert json.loads(shown.err)["faults"] == [{"where": bad, "error": reports[1]["fault"]}]
    for words in (["images:one", "--key", str(public)], [bad]):
        assert main(["verify", *words]) == 2
    capsys.readouterr()


def test_a_signature_is_what_cosign_reads(images: Images) -> None:
    """The layout of cosign's specification: the other tests of this file would hold with any other as well."""
    manifest = images.put("one", "one")
    sign_image(images.remote, manifest, ["one"], KEY)
    assert signature_tag(manifest.digest) == f"sha256-{manifest.digest[7:]}.sig"
    document = images.registry.manifest(images.remote.name, signature_tag(manifest.digest))
    (layer,) = document["layers"]
    data = images.registry.blob(images.remote.name, layer["digest"])
    assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
    assert KEY.public.made(base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"]), data)
    assert json.loads(data)["critical"] == {
        "identity": {"docker-reference": f"{images.repository}:one"},
        "image": {"docker-manifest-digest": manifest.digest},
        "type": "cosign container image signature",
    }
    config = json.loads(images.registry.blob(images.remote.name, document["config"]["digest"]))
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
