from __future__ import annotations

from pathlib import Path

from workbench.models.inspection import folder_data


def test_a_folder_is_read_as_its_image_is(tmp_path: Path) -> None:
    (tmp_path / "cog.yaml").write_text("environment: [PYTHONPATH=/src/lib]\npredict: predict.py:predict\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "values.py").write_text("KINDS = ['a', 'b']\n")
    (tmp_path / "predict.py").write_text(
        "from cog import Input\nfrom values import KINDS\n\n\n"
        "def predict(kind: str = Input(choices=KINDS)) -> str:\n    return kind\n"
    )
    found = folder_data(str(tmp_path))
    assert found["schema"]["components"]["schemas"]["Input"]["properties"]["kind"]["enum"] == ["a", "b"]
