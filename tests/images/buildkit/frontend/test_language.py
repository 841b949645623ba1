"""The language of today's Containerfiles: BuildKit's own frontend makes the same image of a text as ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.buildkit.frontend.both import Both
from tests.images.buildkit.texts import HEREDOCS, all_in_one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("context")
    for name, mode in {"a.txt": 0o600, "b.txt": 0o644, "d/a": 0o640, "d/sub/b": 0o751}.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
        (made / name).chmod(mode)
    return made


@pytest.mark.thorough
def test_all_heredocs_at_once(both: Both, folder: Path) -> None:
    assert both.differences(all_in_one("{base}", HEREDOCS), folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("text", HEREDOCS.values(), ids=HEREDOCS)
def test_heredocs(both: Both, folder: Path, text: str) -> None:
    stage = "FROM {base} AS zero\n" if "--from" in text else ""
    assert both.differences(f"{stage}FROM {{base}}\n{text}", folder) == []
