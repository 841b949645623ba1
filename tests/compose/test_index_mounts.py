from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalogues import make_catalogue, selection
from workbench.catalog.reader import read_catalogue
from workbench.compose.checks import problems
from workbench.compose.index_mounts import variables_by_list, with_index_mounts
from workbench.compose.recipe import Recipe
from workbench.compose.resolve import resolve
from workbench.compose.stitch import compose
from workbench.containerfile.parser import instructions
from workbench.errors import WorkbenchError

LISTS = {"requirements.txt": ("ROCM_INDEX_URL", "TEAM_INDEX_URL")}


def test_the_run_that_installs_a_list_is_given_its_indexes_and_no_other() -> None:
    text = (
        "RUN echo before\n"
        "RUN --network=none \\\n    umask 0002 \\\n    && pip install -r /tmp/requirements.txt \\\n    && rm -r /tmp\n"
        "RUN pip install -r /tmp/requirements-jupyter.txt\n"
    )
    before, run, after = instructions(with_index_mounts(text, LISTS))
    assert before.args == ("echo before",)
    assert after.args == ("pip install -r /tmp/requirements-jupyter.txt",)
    assert run.flags == (
        "--network=none",
        "--mount=type=secret,id=ROCM_INDEX_URL,mode=0444",
        "--mount=type=secret,id=TEAM_INDEX_URL,mode=0444",
    )
    assert " ".join(run.args[0].split()) == (
        'ROCM_INDEX_URL="$(cat /run/secrets/ROCM_INDEX_URL)" && export ROCM_INDEX_URL '
        '&& TEAM_INDEX_URL="$(cat /run/secrets/TEAM_INDEX_URL)" && export TEAM_INDEX_URL '
        "&& umask 0002 && pip install -r /tmp/requirements.txt && rm -r /tmp"
    )


def test_a_heredoc_begins_with_the_indexes() -> None:
    text = "RUN --network=none \\\n  <<EOF\nset -e\npip install -r /tmp/requirements.txt\nEOF\nRUN true\n"
    run, after = instructions(with_index_mounts(text, {"requirements.txt": ("TEAM_INDEX_URL",)}))
    assert run.flags == ("--network=none", "--mount=type=secret,id=TEAM_INDEX_URL,mode=0444")
    assert (run.args, [doc.text for doc in run.heredocs]) == (
        ("<<EOF",),
        [
            'TEAM_INDEX_URL="$(cat /run/secrets/TEAM_INDEX_URL)" && export TEAM_INDEX_URL\n'
            "set -e\npip install -r /tmp/requirements.txt\n"
        ],
    )
    assert after.args == ("true",)
    with pytest.raises(WorkbenchError, match="RUN of a script cannot be given the index ROCM_INDEX_URL"):
        with_index_mounts("RUN <<E\n#!/bin/bash\npip install -r requirements.txt\nE\n", LISTS)


def test_without_a_further_index_nothing_changes() -> None:
    text = "RUN pip install -r requirements.txt\n"
    assert with_index_mounts(text, {}) == text
    assert with_index_mounts("RUN pip install -r other.txt\n", LISTS) == "RUN pip install -r other.txt\n"
    assert variables_by_list({"requirements.txt": "--extra-index-url https://a.example/simple\nsix==1.17.0\n"}) == {}


def test_a_run_without_a_shell_is_refused_with_its_line(tmp_path: Path) -> None:
    snippet = 'USER 1001\nCOPY requirements.txt ./\nRUN ["pip", "install", "-r", "requirements.txt"]\n'
    with pytest.raises(WorkbenchError, match="JSON form cannot be given the index ROCM_INDEX_URL") as refused:
        composed(tmp_path, snippet)
    assert refused.value.where == "bundles/python_packages.snippet:3"


def test_a_composed_recipe_has_them_and_can_be_built(tmp_path: Path) -> None:
    recipe = composed(tmp_path, "USER 1001\nCOPY requirements.txt ./\nRUN pip install -r requirements.txt\n")
    assert problems(recipe) == []
    assert "RUN --mount=type=secret,id=ROCM_INDEX_URL,mode=0444 \\\n" in recipe.containerfile
    assert "--extra-index-url ${ROCM_INDEX_URL}" in recipe.files["requirements.txt"].data.decode()


def composed(root: Path, snippet: str) -> Recipe:
    text = "attrs==25.1.0\n--extra-index-url ${ROCM_INDEX_URL}\ntorch==2.9.0+rocm6.4\n"
    files = {"bundles/1-plain/py311/requirements.txt": text, "bundles/python_packages.snippet": snippet}
    catalogue = read_catalogue(str(make_catalogue(root, files)))
    return compose(resolve(catalogue, selection(os="bookworm", python="3.11", bundle="plain", ide="editor")))
