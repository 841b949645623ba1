from __future__ import annotations

import re

import pytest
from pip._internal.req.req_file import ignore_comments, join_lines

from tests.catalogues import REPOSITORY
from workbench.packages import normalized_name, pins, requirement_lines

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


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("idna==3.10\nsix==1.17.0 \\", [(1, "idna==3.10"), (2, "six==1.17.0")]),
        ("idna==3.10\nsix==1.17.0 \\\n", [(1, "idna==3.10"), (2, "six==1.17.0")]),
        ("idna==3.10\nsix==1.17.0 \\\n\n", [(1, "idna==3.10"), (2, "six==1.17.0")]),
        ("idna \\\n  ==3.10  # why\n# a \\\nsix", [(1, "idna   ==3.10"), (4, "six")]),
        ("idna==3.10 \\\n# no more\nsix", [(1, "idna==3.10"), (3, "six")]),
        ("a @ https://x/y#egg=a\n", [(1, "a @ https://x/y#egg=a")]),
        ("", []),
    ],
)
def test_the_lines_of_a_list_are_those_of_pip(text: str, lines: list[tuple[int, str]]) -> None:
    assert list(requirement_lines(text)) == lines
    # pip's own reading of the same text.
    joined = list(join_lines(enumerate(text.splitlines(), 1)))
    assert [(number, line.strip()) for number, line in ignore_comments(iter(joined))] == lines
