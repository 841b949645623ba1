"""A registry over TLS whose certificate podman trusts by its own folder, with a login and a client certificate."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.engine import Engine
from tests.release.registries import LOGIN, USERS, LocalRegistry
from workbench.errors import WorkbenchError
from workbench.registry.repository import Repository
from workbench.registry.trust import trust_of


def test_a_registry_with_a_certificate_of_its_own(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    registry = LocalRegistry(engine, tmp_path, USERS, authority=authority)
    registry.start()
    try:
        home = tmp_path / "home"
        trusted = home / ".config/containers/certs.d" / registry.host
        trusted.mkdir(parents=True)
        (tmp_path / "auth.json").write_text(f'{{"auths": {{"{registry.host}": {{"auth": "{LOGIN}"}}}}}}')
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
        with (
            Repository(f"{registry.host}/team/images") as remote,
            pytest.raises(WorkbenchError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            remote.manifest("one")
        monkeypatch.setenv("HOME", str(home))
        authority.cert_pem.write_to_path(trusted / "ca.crt")
        with Repository(f"{registry.host}/team/images") as remote:
            assert remote.manifest("one") is None
            assert remote.put_blob(b"{}", "text/json")["size"] == 2
    finally:
        registry.stop()


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "registry.example.com"
    folder.mkdir()
    assert trust_of("registry.example.com:5000", [str(tmp_path)]) is True
    (folder / "ca.crt").write_text("no certificate\n")
    with pytest.raises(WorkbenchError, match="this certificate cannot be used") as caught:
        trust_of("registry.example.com", [str(tmp_path / "none"), str(tmp_path)])
    assert caught.value.where == str(folder / "ca.crt")
    (folder / "ca.crt").unlink()
    issued = trustme.CA().issue_cert("client@example.com")
    issued.cert_chain_pems[0].write_to_path(folder / "client.cert")
    with pytest.raises(WorkbenchError, match="No such file"):
        trust_of("registry.example.com", [str(tmp_path)])
    issued.private_key_pem.write_to_path(folder / "client.key")
    assert trust_of("registry.example.com", [str(tmp_path)]) is not True
