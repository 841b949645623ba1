"""serve, rs and volume as far as they go without a service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import wizard
from workbench.replicasets.api.tokens import Tokens
from workbench.replicasets.values import Quota, Role
from workbench.verbs.rs import _bind, _image

TAG = "jupyter-minimal-bookworm-py311_2026a_20261122"


def test_a_token_is_made_and_shown_once(tmp_path: Path) -> None:
    state = tmp_path / "state"
    words = ("serve", "--state", state, "--add-token", "anna", "--role", "read", "--quota", "sets=2,gpus=1,memory=16GB")
    done = wizard(*words)
    assert done.returncode == 0, done.stderr
    found = Tokens(str(state)).find(done.stdout.strip())
    assert found is not None
    assert (found.name, found.role, found.quota) == ("anna", Role.READ, Quota(2, 1, 16 << 30))
    assert state.stat().st_mode & 0o777 == 0o700
    again = wizard(*words)
    assert (again.returncode, again.stdout) == (1, "")
    assert "there is a token anna already" in again.stderr


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
        (["--quota", "sets=1"], 2, "--quota is for --add-token"),
        (["--store", "redis://x"], 1, "is not a store"),
        (["--host", "192.0.2.1"], 1, "cannot listen on 192.0.2.1"),
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
