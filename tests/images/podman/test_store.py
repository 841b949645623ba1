from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import TINY, Engine, free_port
from tests.test_podman import fake_podman
from workbench.images.podman.store import Presence, in_registry


def test_a_registry_has_it_or_not(engine: Engine, registry: str) -> None:
    engine("push", TINY, f"docker://{registry}/team/present:1")
    assert in_registry(f"{registry}/team/present:1") == Presence(True)
    # What this machine has says nothing about the registry.
    engine("tag", TINY, f"{registry}/team/present:2")
    for absent in ("team/present:2", "team/absent:1"):
        assert in_registry(f"{registry}/{absent}") == Presence(False, "is not in the registry")


def test_a_registry_that_refuses(engine: Engine, private_registry: str) -> None:
    presence = in_registry(f"{private_registry}/team/present:1")
    assert presence == Presence(
        False,
        f"the registry {private_registry} refuses: no such image, or it needs `podman login {private_registry}`",
        responded=False,
    )


def test_a_registry_that_is_down(engine: Engine) -> None:
    host = f"127.0.0.1:{free_port()}"
    presence = in_registry(f"{host}/team/present:1")
    assert presence == Presence(False, f"the registry {host} does not respond: connection refused", responded=False)


def test_a_registry_that_never_responds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_podman(tmp_path, monkeypatch, "exec sleep 60")
    presence = in_registry("registry.example.com/team/present:1", seconds=0.2)
    assert presence.reason == "the registry registry.example.com did not respond within 0.2 s"
    assert not presence.responded
