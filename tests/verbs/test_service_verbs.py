"""serve, rs and volume as far as they go without a service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import wizard
from workbench.cli import verb_parser
from workbench.errors import UsageError
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.engines.opening import kubernetes_address
from workbench.replicasets.values import Quota, Role
from workbench.verbs._service import comes_up, ports_text
from workbench.verbs.rs import _bind, _image, _state
from workbench.verbs.serve import _address, _placing

TAG = "jupyter-minimal-bookworm-py311_2026a_20261122"


def test_tokens_are_made_listed_changed_rotated_and_revoked(tmp_path: Path) -> None:
    state = tmp_path / "state"

    def token(*words: object, code: int = 0) -> str:
        done = wizard("token", *words, "--state", state)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout.strip()

    add = ("add", "anna", "--role", "read", "--quota", "sets=2,gpus=1,memory=16GB", "--expires", "2099-01-31")
    plain = token(*add)
    found = Tokens(str(state)).find(plain)
    assert found is not None
    assert (found.name, found.role, found.quota) == ("anna", Role.READ, Quota(2, 1, 16 << 30))
    assert state.stat().st_mode & 0o777 == 0o700
    assert "there is a token anna already" in token(*add, code=1)
    token("change", "anna", "--quota", "sets=5", "--role", "operate")
    rotated = token("rotate", "anna", "--grace", "1h")
    assert Tokens(str(state)).find(plain) == Tokens(str(state)).find(rotated) != found
    token("add", "bert", "--expires", "1m")
    assert token("revoke", "bert") == "bert is revoked"
    listed = token("list")
    assert listed.split("\n")[0].split("  ")[0] == "NAME" and plain not in listed and rotated not in listed
    (anna, bert) = json.loads(token("list", "--json"))["tokens"]
    del anna["created"]
    expected = {"name": "anna", "role": "operate", "state": "valid", "expires": "2099-02-01T00:00:00+00:00"}
    assert anna == {**expected, "lastUsed": "", "quota": "sets=5"}
    assert (bert["name"], bert["state"]) == ("bert", "revoked")
    assert "`token rotate bert`" in token("add", "bert", code=1).replace("wizard.py ", "")
    assert token("revoke", "bert", "--forget") == "bert is forgotten"
    assert "there is no token bert" in token("rotate", "bert", code=1)
    assert "--role, --quota or --expires" in token("change", "anna", code=2)
    assert "is no time" in token("add", "carl", "--expires", "soon", code=1)
    (tmp_path / "file").write_text("")
    assert "name the service's folder" in wizard("token", "add", "x", "--state", tmp_path / "file").stderr


def test_every_token_can_be_the_value_of_a_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda size: "-" * size)
    plain = Tokens(str(tmp_path)).add("anna", Role.READ)
    done = wizard("rs", "list", "--token", plain, "--address", "http://127.0.0.1:1")
    assert done.returncode == 1 and "does not answer" in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--ports", "1"], 2, "--ports a range"),
        (["--ports", "9-8"], 1, "9-8 is not a range of ports"),
        (["--no-token"], 2, "--no-token is for --compat on loopback"),
        (["--cors", "https://x.example/path"], 2, "is no origin"),
        (["--store", "redis://x"], 1, "is not a store"),
        (["--host", "192.0.2.1"], 1, "cannot listen on 192.0.2.1"),
        (["--root", "/srv", "--root", "/"], 2, "is below a --root: sets could read the service's tokens"),
        (["--root", "/nowhere"], 1, "/nowhere is not a folder"),
        (["--publish", "192.0.2.1"], 1, "no port of 192.0.2.1 can be bound: Cannot assign requested address"),
        (["--disk-limit", "lots"], 1, "'lots' is not a size"),
    ],
)
def test_serve_reports_what_is_wrong_before_it_starts(
    flags: list[str], code: int, message: str, tmp_path: Path
) -> None:
    done = wizard("serve", "--port", "0", "--state", tmp_path / "state", "--engine", "unix:///nowhere", *flags)
    assert done.returncode == code
    assert message in done.stderr and "Traceback" not in done.stderr


def test_what_is_run(tmp_path: Path) -> None:
    made = wizard("new", "--defaults", "--offline", "--date", "20261122", "--out", tmp_path)
    assert made.returncode == 0, made.stderr
    expected = (f"localhost/workbench-images:{TAG}", "jupyter_minimal_bookworm_py311")
    assert _image(str(tmp_path / TAG)) == expected
    assert _image(TAG) == expected
    assert _image("localhost/mine:1") == ("localhost/mine:1", "")
    assert _bind("/srv/x:/x:ro") == {"src": "/srv/x", "dest": "/x", "readOnly": True}


def test_no_token_and_no_service(tmp_path: Path) -> None:
    none = wizard("rs", "list", "--token-file", tmp_path / "none", env={"WORKBENCH_TOKEN": ""})
    assert none.returncode == 1 and "no token" in none.stderr
    away = wizard("rs", "list", "--json", "--token", "x", "--address", "http://127.0.0.1:9")
    assert away.returncode == 1 and "does not answer" in json.loads(away.stderr)["error"]
    bad = wizard("volume", "list", "--token", "x", "--address", "nonsense")
    assert bad.returncode == 1 and "Traceback" not in bad.stderr
    assert wizard("rs", "patch", "foo", "--token", "x").returncode == 2


@pytest.mark.parametrize(
    ("line", "flags", "words"),
    [
        ("-it foo", (True, True), []),
        ("foo -it", (True, True), []),
        ("foo -i --ca x -- sh -c x --flag", (True, False), ["sh", "-c", "x", "--flag"]),
        ("-t foo bash", (False, True), ["bash"]),
        ("foo -- ls -a", (False, False), ["ls", "-a"]),
    ],
)
def test_the_words_of_exec(line: str, flags: tuple[bool, bool], words: list[str]) -> None:
    args = verb_parser("rs")[1].parse_args(["exec", *line.split()])
    assert (args.name, (args.interactive, args.tty), args.words) == ("foo", flags, words)


def test_what_is_pending_is_not_called_running() -> None:
    why = "Unschedulable: 0/1 nodes are available: " + "1 Insufficient memory, " * 4
    assert _state({"state": "pending", "ending": None, "problem": "short"}) == "pending (short)"
    shown = _state({"state": "pending", "ending": None, "problem": why})
    assert len(shown) < 90 and shown.startswith("pending (Unschedulable: 0/1 nodes") and shown.endswith("...)")
    assert comes_up("foo-1", {"waiting": "it waits"}) == "foo-1 is pending: it waits"
    assert comes_up("foo-1", {}) == "foo-1 runs"
    ports = [{"container": 80, "host": 0, "protocol": "tcp"}, {"container": 53, "host": 4000, "protocol": "udp"}]
    assert ports_text(ports) == "80 4000->53/udp"


def test_flags_of_a_cluster_go_with_that_engine() -> None:
    def address(*flags: str) -> str:
        return _address(verb_parser("serve")[1].parse_args([*flags]))

    with pytest.raises(UsageError, match="go with --engine kubernetes"):
        address("--namespace", "team")
    with pytest.raises(UsageError, match="--root is for folders of this machine"):
        address("--engine", "kubernetes", "--root", "/srv")
    assert address("--engine", "kubernetes", "--namespace", "team") == kubernetes_address("", "team")
    assert address("--engine", "unix:///x.sock") == "unix:///x.sock"
    with pytest.raises(UsageError, match="go with --engine kubernetes"):
        address("--site", "site.toml")


def test_what_the_service_makes_no_use_of_in_the_file_of_a_site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.toml"
    site.write_text('allow_from = ["ingress"]\npull_secrets = ["quay"]\n')
    assert _placing(str(site))["pod"] == {"imagePullSecrets": [{"name": "quay"}]}
    assert "the service makes no NetworkPolicies" in capsys.readouterr().err
