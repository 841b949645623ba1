from __future__ import annotations

import socket
from pathlib import Path

import pytest

from workbench.errors import UsageError, WorkbenchError
from workbench.images.given import agents_of, secrets_of


def test_secrets_are_files_by_id(tmp_path: Path) -> None:
    (tmp_path / "a=b").write_text("x")
    assert secrets_of([f"key={tmp_path}/a=b"]) == {"key": f"{tmp_path}/a=b"}


@pytest.mark.parametrize("word", ["key", "key=", "=x", "a b=x", "-k=x", "key=x,y"])
def test_what_is_no_secret(word: str) -> None:
    with pytest.raises(UsageError):
        secrets_of([word])


def test_a_secret_stands_once_and_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(UsageError, match="key twice"):
        secrets_of([f"key={tmp_path}/a"] * 2)
    with pytest.raises(WorkbenchError, match="this is no file"):
        secrets_of([f"key={tmp_path}"])


def test_agents_are_sockets_by_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("agent")
        assert agents_of(["default", "ci=agent"], {"SSH_AUTH_SOCK": "agent"}) == {"default": "agent", "ci": "agent"}
    (tmp_path / "file").write_text("")
    cases: list[tuple[list[str], dict[str, str], str]] = [
        (["default"], {}, "SSH_AUTH_SOCK names no agent"),
        (["default=file"], {}, "this is no socket"),
        (["default=gone"], {}, "this is no socket"),
    ]
    for words, environment, message in cases:
        with pytest.raises(WorkbenchError, match=message):
            agents_of(words, environment)
