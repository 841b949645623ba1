from __future__ import annotations

from workbench.compose.diff import MOVED, RecipeChange, diff

LIST = "bundle/requirements.txt"


def test_a_package_is_one_package_however_its_name_is_spelled() -> None:
    old = {LIST: b"Ruamel.YAML==0.18.6 --hash=sha256:aa\nTyping_Extensions==4.15.0\n"}
    new = {LIST: b"ruamel-yaml==0.18.6 --hash=sha256:aa\ntyping-extensions==4.16.0\n"}
    assert diff(old, new).packages == {LIST: [RecipeChange("typing-extensions", MOVED, "4.15.0", "4.16.0")]}
