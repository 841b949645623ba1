"""The language of today's Containerfiles: BuildKit's own frontend makes the same image of a text as ours."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.images.buildkit.frontend.both import Both
from tests.images.buildkit.texts import ARGUMENTS, ESCAPES, FILES, HEREDOCS, RUNS, TRIGGERS, WORDS, all_in_one
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
