"""What is signed here, cosign and skopeo accept, and the other way round: at a registry over TLS, with a login."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.attest.signing.peers import Peers, peers
from tests.command import wizard
from tests.engine import TINY, Engine
from tests.release.registries import LOGIN, USERS, LocalRegistry
from workbench.attest.signing.key_files import PASSWORD, new_pair, private_key
from workbench.attest.signing.sign import sign_pushed
from workbench.images.podman.store import PODMAN
from workbench.images.push import push

pytestmark = pytest.mark.thorough
DATED, LATEST = "editor_2026a_20261122", "editor_2026a_latest"


@dataclass(frozen=True)
class Place:
    """Where the test works: the programs, the registry's repository, a folder with keys, and what programs trust."""

    peers: Peers
    repository: str
    folder: Path
    env: dict[str, str]

    def policy(self, key: str) -> list[object]:
        """Write a policy that demands this key's signature, and return skopeo's flags for it."""
        host = self.repository.partition("/")[0]
        rules = [{"type": "sigstoreSigned", "keyPath": str(self.folder / key)}]
        document = {"default": [{"type": "reject"}], "transports": {"docker": {host: rules}}}
        (self.folder / "policy.json").write_text(json.dumps(document))
        return ["--policy", self.folder / "policy.json", *self.attachments()]

    def attachments(self) -> list[object]:
        """Return skopeo's flags for signatures that are attached to images."""
        (self.folder / "registries.d").mkdir(exist_ok=True)
        text = f"docker:\n  {self.repository.partition('/')[0]}:\n    use-sigstore-attachments: true\n"
        (self.folder / "registries.d/own.yaml").write_text(text)
        return ["--registries.d", self.folder / "registries.d"]

    def pulled(self, tag: str, key: str) -> tuple[bool, str]:
        """Return whether an image is taken by a policy that demands the key, and what skopeo writes."""
        target = self.folder / f"pulled-{tag}"
        done = self.peers.skopeo(
            *self.policy(key), "copy", f"docker://{self.repository}:{tag}", f"dir:{target}", env=self.env
        )
        return done.returncode == 0, done.stderr

    def verified(self, tag: str, key: str) -> tuple[bool, str]:
        """Return whether cosign verifies an image with the key, and what it writes."""
        words = ("verify", "--key", self.folder / key, "--insecure-ignore-tlog", f"{self.repository}:{tag}")
        done = self.peers.cosign(*words, env=self.env)
        return done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Peers:
    return peers(tmp_path_factory.mktemp("peers"))


@pytest.fixture
def place(programs: Peers, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    authority = trustme.CA()
    registry = LocalRegistry(engine, tmp_path, USERS, authority=authority)
    registry.start()  # which reads variables that begin as that of podman's logins does
    try:
        trusted = tmp_path / "home/.config/containers/certs.d" / registry.host
        trusted.mkdir(parents=True)
        authority.cert_pem.write_to_path(trusted / "ca.crt")
        login = json.dumps({"auths": {registry.host: {"auth": LOGIN}}})
        (tmp_path / "home/.docker").mkdir()
        (tmp_path / "home/.docker/config.json").write_text(login)
        env = {"HOME": str(tmp_path / "home"), "REGISTRY_AUTH_FILE": str(tmp_path / "home/.docker/config.json")}
        env[PASSWORD] = "secret"
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        for name in ("own", "other"):
            new_pair(str(tmp_path / name))
        yield Place(
            programs, f"{registry.host}/team/images", tmp_path, env | {"SSL_CERT_FILE": str(trusted / "ca.crt")}
        )
    finally:
        registry.stop()


def test_cosign_and_skopeo_accept_what_is_signed_here(place: Place, engine: Engine) -> None:
    image = f"localhost/signed:{DATED}"
    engine("tag", TINY, image)
    key = private_key(str(place.folder / "own.key"))
    inspected = PODMAN.inspect(image)
    assert inspected is not None
    identity = inspected.id
    push(image, place.repository, arrived=lambda tags: sign_pushed(place.repository, tags, identity, key))
    for tag in (DATED, LATEST):
        for accepted, text in (place.pulled(tag, "own.pub"), place.verified(tag, "own.pub")):
            assert accepted, text
        for accepted, text in (place.pulled(tag, "other.pub"), place.verified(tag, "other.pub")):
            assert not accepted and "invalid signature" in text
    engine("push", TINY, f"{place.repository}:bare")
    # The same image under a name that nobody signed, and one that nobody signed at all.
    accepted, text = place.pulled("bare", "own.pub")
    assert not accepted and "Source image rejected" in text
    other = engine("build", "--quiet", "-", stdin=f"FROM {TINY}\nENV a=b\n".encode())
    engine("push", other, f"{place.repository}:other")
    for accepted, text in (place.pulled("other", "own.pub"), place.verified("other", "own.pub")):
        assert not accepted, text
    done = wizard("verify", f"{place.repository}:other", "--key", place.folder / "own.pub", env=place.env)
    assert (done.returncode, "is not signed: there is no tag sha256-" in done.stderr) == (1, True)


def test_what_cosign_and_skopeo_sign_is_verified_here(place: Place, engine: Engine) -> None:
    engine("push", TINY, f"{place.repository}:bare")
    (place.folder / "word").write_text("secret")
    copied = place.peers.skopeo(
        *(*place.attachments(), "--insecure-policy", "copy"),
        *("--sign-by-sigstore-private-key", place.folder / "own.key", "--sign-passphrase-file", place.folder / "word"),
        *(f"docker://{place.repository}:bare", f"docker://{place.repository}-skopeo:one"),
        env=place.env,
    )
    assert copied.returncode == 0, copied.stderr
    signed = place.peers.cosign(
        *("sign", "--yes", "--tlog-upload=false", "--key", place.folder / "own.key", f"{place.repository}:bare"),
        env=place.env,
    )
    assert signed.returncode == 0, signed.stderr
    made = place.peers.cosign(
        "generate-key-pair", "--output-key-prefix", place.folder / "made", env=place.env | {PASSWORD: "its own"}
    )
    assert made.returncode == 0, made.stderr
    assert private_key(str(place.folder / "made.key"), environment={PASSWORD: "its own"})
    images = (f"{place.repository}:bare", f"{place.repository}-skopeo:one")
    done = wizard("verify", *images, "--key", place.folder / "own.pub", "--json", env=place.env)
    assert done.returncode == 0, done.stderr
    by = [[each["creator"].partition(" ")[0] for each in image["signatures"]] for image in json.loads(done.stdout)]
    assert by == [[""], ["containers/image"]]
    done = wizard("verify", *images, "--key", place.folder / "other.pub", env=place.env)
    assert (done.returncode, done.stderr.count("its signature is by another key")) == (1, 2)
