"""The language of today's Containerfiles: BuildKit's own frontend makes the same image of a text as ours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.agents import COMMENT, agent, put_program
from tests.images.buildkit.frontend.__main__ import main
from tests.images.buildkit.frontend.both import Both
from tests.images.buildkit.frontend.remotes import Remotes, served
from tests.images.buildkit.texts import (
    ARGUMENTS,
    ESCAPES,
    FILES,
    HEREDOCS,
    REMOTES,
    RUNS,
    TRIGGERS,
    WORDS,
    WRONG_REMOTES,
    all_in_one,
)
from workbench.errors import WorkbenchError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("context")
    for name, mode in {"a.txt": 0o600, "b.txt": 0o644, "d/a": 0o640, "d/sub/b": 0o751}.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
        (made / name).chmod(mode)
    return made


TEXTS = {"heredocs": HEREDOCS, "files": FILES, "words": WORDS, "runs": RUNS}
EACH = {f"{kind}, {name}": text for kind, texts in TEXTS.items() for name, text in texts.items()}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", TEXTS)
def test_all_at_once(both: Both, folder: Path, kind: str) -> None:
    assert both.differences(all_in_one("{base}", TEXTS[kind]), folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("text", EACH.values(), ids=EACH)
def test_one_by_one(both: Both, folder: Path, text: str) -> None:
    assert both.differences(f"FROM {{base}} AS zero\nFROM {{base}}\n{text}", folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("text", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_and_variables(both: Both, folder: Path, text: str | tuple[str, Mapping[str, str]]) -> None:
    text, arguments = (text, {}) if isinstance(text, str) else text
    stage = "" if "FROM" in text else "FROM {base}\n"
    assert both.differences(stage + text, folder, arguments) == []


@pytest.mark.slow
@pytest.mark.parametrize("text", [*ESCAPES.values(), *TRIGGERS.values()], ids=[*ESCAPES, *TRIGGERS])
def test_other_beginnings(both: Both, folder: Path, text: str) -> None:
    assert both.differences(text, folder) == []


@pytest.mark.thorough
def test_a_secret_is_a_variable_of_its_step_and_nothing_else(both: Both, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret")
    mount = "--mount=type=secret,id=s,env=S,required=true"
    text = f"FROM {{base}}\nRUN {mount} echo $S | md5sum >/made; ls /run/secrets >/x || true\n"
    made = both.ours(text, folder, secrets={"s": str(tmp_path / "secret")})
    (tmp_path / "expected").write_text(f"{hashlib.md5(b'a secret' + chr(10).encode()).hexdigest()}  -\n")
    assert made.paths["made"].content == hashlib.sha256((tmp_path / "expected").read_bytes()).hexdigest()
    assert made.paths["x"].content == hashlib.sha256(b"").hexdigest()
    assert "a secret" not in str(made.config)
    with pytest.raises(WorkbenchError):
        both.ours(text.replace("$S", "other$S"), folder)


@pytest.mark.thorough
def test_the_comparison_of_other_peoples_files(both: Both, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "Dockerfile").write_text("FROM scratch\nENV A=1\nARG A=2\nENV B=$A\n")
    (tmp_path / "Dockerfile.bad").write_text("FROM scratch\nUSER\n")
    (tmp_path / "web.Dockerfile").write_text("FROM scratch\nADD ssh://git@example.com/x /y\n")
    (tmp_path / "notes").write_text("FROM scratch\n")
    assert main([str(tmp_path), "--buildkit", both.daemon.address]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Dockerfile.bad: both refuse: line 2: USER is followed by one word",
        "a/Dockerfile: the same",
        "web.Dockerfile: only we refuse: line 2: ADD ssh://git@example.com/x: git over ssh is not supported",
        "3 files, 0 faults",
    ]
    (tmp_path / "notes").unlink()
    (tmp_path / "Dockerfile.bad").write_text("FROM nowhere.example/x\nCOPY gone /x\nCMD run\n")
    assert main([str(tmp_path), "--buildkit", both.daemon.address, "--without-images"]) == 0
    assert "Dockerfile.bad: the same" in capsys.readouterr().out.splitlines()


@pytest.fixture(scope="module")
def remotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remotes]:
    with served(tmp_path_factory.mktemp("remotes")) as found:
        yield found


def at(remotes: Remotes, text: str) -> str:
    names = {"http": remotes.http, "git": remotes.git, "digest": remotes.text_digest, "commit": remotes.commits[0]}
    for name, value in {**names, "other": "0" * 64}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@pytest.mark.thorough
def test_what_is_elsewhere(both: Both, folder: Path, remotes: Remotes) -> None:
    assert both.differences(at(remotes, all_in_one("{base}", REMOTES)), folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("text", REMOTES.values(), ids=REMOTES)
def test_what_is_elsewhere_one_by_one(both: Both, folder: Path, remotes: Remotes, text: str) -> None:
    assert both.differences(at(remotes, f"FROM {{base}} AS zero\nFROM {{base}}\n{text}"), folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("text", WRONG_REMOTES.values(), ids=WRONG_REMOTES)
def test_what_is_not_elsewhere(both: Both, folder: Path, remotes: Remotes, text: str) -> None:
    (line,) = both.differences(at(remotes, f"FROM {{base}}\n{text}"), folder)
    assert line.startswith("both refuse: ")


# What a step has of an agent, by whose socket it is.
AGENTS = """FROM {base}
COPY root /
RUN --mount=type=ssh /usr/bin/ssh-add -l >/made && echo $SSH_AUTH_SOCK >>/made
RUN --mount=type=ssh,id=other --mount=type=ssh,id=default,target=/dev/a,mode=0666,uid=5,gid=6,required ls -ln /dev/a \
  | cut -c1-30 >/b && echo $SSH_AUTH_SOCK >>/b
ENV SSH_AUTH_SOCK=/own
RUN --mount=type=ssh echo $SSH_AUTH_SOCK >/c
"""


@pytest.mark.thorough
def test_a_step_may_use_an_agent(both: Both, tmp_path: Path) -> None:
    with agent(tmp_path) as socket:
        put_program(tmp_path / "context" / "root")
        agents = {"default": socket, "other": socket}
        assert both.differences(AGENTS, tmp_path / "context", agents=agents) == []
        made = both.ours(
            "FROM {base}\nCOPY root /\nRUN --mount=type=ssh /usr/bin/ssh-add -l | cut -d' ' -f3- >/made\n",
            tmp_path / "context",
            agents=agents,
        )
    assert made.paths["made"].content == hashlib.sha256(f"{COMMENT} (ED25519)\n".encode()).hexdigest()
    text = "FROM {base}\nRUN --mount=type=ssh ls /run/buildkit >/made || echo none >/made\n"
    assert both.differences(text, tmp_path / "context") == []
    (line,) = both.differences(text.replace("=ssh", "=ssh,required"), tmp_path / "context")
    assert line.startswith("both refuse: ")
