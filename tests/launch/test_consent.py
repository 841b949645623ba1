"""The one question of `up`, in a terminal: what is no answer is asked again, and nothing is done without a yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import Engine
from tests.launch.small import small_catalogue
from tests.wizard.terminal import CTRL_C, CTRL_D, ENTER, UP, Terminal

QUESTION = "Do it? [Y/n]"


@pytest.mark.thorough
@pytest.mark.parametrize("columns", [60, 200])
def test_only_a_yes_is_a_yes(engine: Engine, tmp_path: Path, columns: int) -> None:
    small_catalogue(tmp_path)
    before = engine.names()
    arguments = ("up", "--catalog", tmp_path / "catalogue", "--no-lint", "--date=20261121", "--no-browser")
    with Terminal(tmp_path, *arguments, columns=columns, rows=50, env=engine.env) as terminal:
        # Typed while it still looks at what is there: no answer to a question that nobody has seen.
        terminal.press(ENTER).see(QUESTION)
        terminal.press(UP, ENTER).see("type y or n, and Enter")
        terminal.press("ja", ENTER)
        terminal.press(CTRL_D)
        assert terminal.end() == 130
        assert terminal.flat.count(QUESTION) == 3 and terminal.flat.endswith("nothing was done")
        assert max(map(len, terminal.text.splitlines())) <= columns
    for keys, code in (((CTRL_C,), 130), (("N", ENTER), 0)):
        with Terminal(tmp_path, *arguments, columns=columns, env=engine.env) as terminal:
            terminal.see(QUESTION).press(*keys)
            assert terminal.end() == code
    assert not (tmp_path / "recipes").exists()
    assert engine.names() == before
