from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import make_catalogue, selection
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import compose_checked
from workbench.compose.resolve import resolve
from workbench.compose.stitch import compose
from workbench.errors import WorkbenchError

TEMPLATE = """\
USER 0
COPY more.txt /more.txt
{{ install_os_packages("more.txt") }}
{% if os.family == "c9s" and not cuda %}
ENV WHERE="{{ os.name }} {{ python }} {{ release.name }} {{ ide.name }} {{ bundle.name }} $RELEASE"
{% endif %}
{{ fix_permissions("/data") }}
COPY start.sh ./
USER 1001
WORKDIR /opt/app-root/src
"""


def with_template(tmp_path: Path, text: str) -> Path:
    return make_catalogue(
        tmp_path,
        {
            "ides/1-editor/editor.snippet": None,
            "ides/1-editor/editor.snippet.j2": text,
            "ides/1-editor/files/more.txt": "vim\n",
            "snippets/macros/fix_permissions.snippet": "RUN fix /opt/app-root\n",
            "snippets/shared.j2": "{% macro hello(name) %}# hello {{ name }}{% endmacro %}\n",
        },
    )


def test_a_template_is_rendered_and_then_its_placeholders(tmp_path: Path) -> None:
    recipe = compose_checked(read_catalogue(str(with_template(tmp_path, TEMPLATE))), selection())
    assert recipe.sections[-1].text == (
        "USER 0\n"
        "COPY more.txt /more.txt\n"
        "USER 0\nCOPY more.txt ./\nRUN install more.txt\n"
        'ENV WHERE="c9s 3.11 2026a editor plain 2026a"\n'
        "RUN fix /data\n"
        "COPY start.sh ./\n"
        "USER 1001\n"
        "WORKDIR /opt/app-root/src\n"
    )
    assert {"bundles/os_packages.snippet", "snippets/macros/fix_permissions.snippet"} < set(recipe.inputs)


def test_templates_share_what_is_below_snippets(tmp_path: Path) -> None:
    text = '{% from "shared.j2" import hello %}\n{{ hello("there") }}\n'
    recipe = compose(resolve(read_catalogue(str(with_template(tmp_path, text))), selection()))
    assert recipe.sections[-1].text == "# hello there\n"
    assert "snippets/shared.j2" in recipe.inputs


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("USER 1001\n{{ cuda.version }}\n{{ nonsense }}\n", "has no attribute 'version'", 2),
        ("{{ os.flavour }}\n", "has no attribute 'flavour'", 1),
        ("{% if %}\n", "cannot be read", 1),
        ("\n\n{{ 1 / 0 }}\n", "division by zero", 3),
        ('{% include "gone.j2" %}\n', "gone.j2", 1),
        ("{{ ''.__class__.__mro__ }}\n", "unsafe", 1),
    ],
)
def test_a_template_that_fails_names_its_line(tmp_path: Path, text: str, message: str, line: int) -> None:
    with pytest.raises(WorkbenchError, match=r"template|read") as caught:
        compose(resolve(read_catalogue(str(with_template(tmp_path, text))), selection()))
    assert message in caught.value.message or message in caught.value.where
    assert caught.value.where in (f"ides/1-editor/editor.snippet.j2:{line}", "snippets/gone.j2")


@pytest.mark.parametrize(
    ("base", "cuda"),
    [
        ("standard", ""),
        ("cuda", "13.0.2"),
        ("quay.io/acme/cuda-13:1", "13.0.2"),
        ("cudart.example.com/plain:1", ""),
    ],
)
def test_cuda_is_known_on_every_base_whose_tag_has_it(tmp_path: Path, base: str, cuda: str) -> None:
    text = "# {{ cuda.version if cuda else '' }}\n"
    recipe = compose(resolve(read_catalogue(str(with_template(tmp_path, text))), selection(base=base)))
    assert recipe.sections[-1].text == f"# {cuda}\n"
    assert recipe.tag.prefix == ("cuda" if cuda else "")
