from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.command import ENTRY
from workbench.attest.signing.key_files import PASSWORD, new_pair, private_key, public_key
from workbench.cli import main
from workbench.errors import WorkbenchError

# Made by `cosign generate-key-pair` of cosign 2.5.0, for these tests.
COSIGN = Path(__file__).parent / "cosign.key"
WORD = {PASSWORD: "secret"}
_PLAIN, _PEM = serialization.NoEncryption(), serialization.Encoding.PEM


def written(path: Path, key: object, form: object = serialization.PrivateFormat.PKCS8, cipher: object = _PLAIN) -> str:
    """Write a private key of the library's, and return its path."""
    path.write_bytes(key.private_bytes(_PEM, form, cipher))  # type: ignore[attr-defined]
    return str(path)


def test_a_key_that_cosign_made() -> None:
    key, public = private_key(str(COSIGN), environment=WORD), public_key(str(COSIGN.with_suffix(".pub")))
    assert key.public.fingerprint == public.fingerprint
    assert public.made(key.sign(b"data"), b"data") and not public.made(key.sign(b"data"), b"other")
    with pytest.raises(WorkbenchError, match="the password is wrong"):
        private_key(str(COSIGN), environment={PASSWORD: "Secret"})


def test_a_new_pair_is_for_its_owner_and_never_overwritten(tmp_path: Path) -> None:
    private, public = new_pair(str(tmp_path / "team"), environment=WORD)
    assert (Path(private).stat().st_mode & 0o777, Path(public).stat().st_mode & 0o777) == (0o600, 0o644)
    assert Path(private).read_text().startswith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    key = private_key(private, environment=WORD)
    assert key.public.pem() == Path(public).read_text()
    assert repr(key) == f"PrivateKey({private})"
    before = Path(private).read_bytes()
    Path(public).unlink()
    with pytest.raises(WorkbenchError, match="never overwritten") as caught:
        new_pair(str(tmp_path / "team"), environment=WORD)
    assert caught.value.where == private and Path(private).read_bytes() == before and not Path(public).exists()
    with pytest.raises(WorkbenchError, match="cannot be written: No such file or directory"):
        new_pair(str(tmp_path / "nowhere" / "team"), environment=WORD)


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL], ids=str
)
@pytest.mark.parametrize("word", ["", "secret"])
def test_keys_of_openssl(tmp_path: Path, form: serialization.PrivateFormat, word: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    cipher = serialization.BestAvailableEncryption(word.encode()) if word else _PLAIN
    path = written(tmp_path / "key.pem", key, form, cipher)
    environment = {PASSWORD: word} if word else {}
    assert private_key(path, environment=environment).public.key == key.public_key()
    if word:
        with pytest.raises(WorkbenchError, match="the password is wrong"):
            private_key(path, environment={PASSWORD: "other"})


def test_a_key_as_openssl_ecparam_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    done = subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", path], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "BEGIN EC PARAMETERS" in path.read_text()
    public = subprocess.run(["openssl", "ec", "-in", path, "-pubout"], capture_output=True, text=True, check=True)
    assert private_key(str(path)).public.pem() == public.stdout


def test_the_password_and_the_key_may_be_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("secret\n")
    key = private_key("env://KEY", str(tmp_path / "word"), {"KEY": COSIGN.read_text(), PASSWORD: "wrong"})
    assert key.public.fingerprint == public_key(str(COSIGN.with_suffix(".pub"))).fingerprint
    with pytest.raises(WorkbenchError, match="the variable KEY of the environment holds no key"):
        private_key("env://KEY", environment={})


def test_what_is_no_key_for_this(tmp_path: Path) -> None:
    def refused(path: object, word: str = "secret") -> str:
        with pytest.raises(WorkbenchError) as caught:
            private_key(str(path), environment={PASSWORD: word})
        return caught.value.message

    text = COSIGN.read_text()
    (tmp_path / "half").write_text(text[: len(text) // 2])
    (tmp_path / "text").write_text("hello\n")
    assert refused(COSIGN.with_suffix(".pub")) == "is a public key, which signs nothing"
    assert refused(tmp_path / "half") == "is no private key that cosign encrypted, or is damaged"
    assert "no PEM" in refused(tmp_path / "text")
    assert refused(written(tmp_path / "ed", ed25519.Ed25519PrivateKey.generate())).startswith(
        "is a key of another kind"
    )
    assert refused(written(tmp_path / "p384", ec.generate_private_key(ec.SECP384R1()))).startswith(
        "is a key of another"
    )
    assert "cannot be read: No such file" in refused(tmp_path / "none")
    assert "key in a service" in refused("awskms:///alias/key")
    with pytest.raises(WorkbenchError, match="is a private key") as caught:
        public_key(str(COSIGN))
    assert f"keys public {COSIGN}" in caught.value.hint


def test_costs_that_would_take_all_memory_are_refused(tmp_path: Path) -> None:
    body = "".join(COSIGN.read_text().splitlines()[1:-1])
    document = json.loads(base64.b64decode(body))
    document["kdf"]["params"]["N"] = 2**24
    kind = "ENCRYPTED COSIGN PRIVATE KEY"
    made = base64.b64encode(json.dumps(document).encode()).decode()
    (tmp_path / "key").write_text(f"-----BEGIN {kind}-----\n{made}\n-----END {kind}-----\n")
    with pytest.raises(WorkbenchError, match="or is damaged"):
        private_key(str(tmp_path / "key"), environment=WORD)


def test_without_a_terminal_the_password_has_to_be_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(PASSWORD, raising=False)
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["keys", "public", str(COSIGN)]) == 1
    assert f"{COSIGN}: this key is encrypted, and there is no password" in capsys.readouterr().err
    assert main(["keys", "new", str(tmp_path / "team")]) == 1
    assert "there is no password" in capsys.readouterr().err and not list(tmp_path.iterdir())
    monkeypatch.setenv(PASSWORD, "")
    assert main(["keys", "new", str(tmp_path / "team"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["private"] == str(tmp_path / "team.key")


def test_at_a_terminal_it_is_typed_and_never_shown(tmp_path: Path) -> None:
    environment = {"PATH": "/bin", "TERM": "xterm"}
    words = [*ENTRY[1:], "keys", "new", str(tmp_path / "team")]
    terminal = pexpect.spawn(ENTRY[0], words, env=environment, encoding="utf-8", timeout=30)
    terminal.expect("password of .*team.key: ")
    terminal.sendline("typed")
    terminal.expect("once more: ")
    terminal.sendline("mistyped")
    terminal.expect("the two passwords are not the same; no key was made")
    shown = terminal.before + terminal.read()
    terminal.close()
    assert terminal.exitstatus == 1 and "typed\r" not in shown and not list(tmp_path.iterdir())
    terminal = pexpect.spawn(ENTRY[0], words, env=environment, encoding="utf-8", timeout=30)
    terminal.expect("password of .*team.key: ")
    terminal.sendeof()
    terminal.expect("team.key: no password was typed")
    terminal.close()
