from __future__ import annotations

import re

import pytest

from tests.catalogues import REPOSITORY
from workbench.packages import normalized_name, pins

LIST = """\
# attrs==1.0 is no pin here
-i https://index.example.com/simple
Typing_Extensions==4.15.0 ; python_version >= "3.9" \\
    --hash=sha256:aa==
uvicorn[standard]==0.54.0
loose>=1.0
Ruamel.YAML==0.18.6
torch == 2.14.1+cu130
"""


def test_every_pin_and_nothing_else() -> None:
    assert dict(pins(LIST)) == {
        "typing-extensions": "4.15.0",
        "uvicorn": "0.54.0",
        "ruamel-yaml": "0.18.6",
        "torch": "2.14.1+cu130",
    }


@pytest.mark.parametrize("name", ["ruamel-yaml", "ruamel.yaml", "Ruamel_YAML", "ruamel.-_yaml"])
def test_one_name_for_all_spellings(name: str) -> None:
    assert normalized_name(name) == "ruamel-yaml"


def test_nothing_else_normalises_names() -> None:
    modules = {str(path.relative_to(REPOSITORY)): path.read_text() for path in REPOSITORY.glob("workbench/**/*.py")}
    assert [path for path, text in modules.items() if re.search(r"canonicalize_name|\[-_\.\]\+", text)] == [
        "workbench/packages.py"
    ]
