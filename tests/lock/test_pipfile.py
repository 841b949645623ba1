from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.lock.pipfile import categories, digest, merged

PARENT = """\
[[source]]
name = "index"
url = "${PIP_INDEX_URL}"
verify_ssl = true

# A comment.
[packages]
Some_Package = "~=1.0"
wheel = "*"

[runtime]
click = "*"
"""
CHILD = """\
[packages]
some-package = {version = "==2.0", extras = ["a", "b"], markers = "os_name == 'posix'"}
new = "*"

[jupyter]
jupyterlab = "~=4.6"
"""


def folder(root: Path, name: str, text: str) -> str:
    path = root / name
    path.mkdir()
    (path / "Pipfile").write_text(text)
    return str(path)


def test_a_single_one_is_taken_as_it_is(tmp_path: Path) -> None:
    assert merged([folder(tmp_path, "parent", PARENT)]) == PARENT


def test_a_line_of_its_own_wins_in_its_category(tmp_path: Path) -> None:
    parent, child = folder(tmp_path, "parent", PARENT), folder(tmp_path, "child", CHILD)
    text = merged([parent, child])
    assert tomllib.loads(text) == {
        "source": [{"name": "index", "url": "${PIP_INDEX_URL}", "verify_ssl": True}],
        "packages": {
            "some-package": {"version": "==2.0", "extras": ["a", "b"], "markers": "os_name == 'posix'"},
            "wheel": "*",
            "new": "*",
        },
        "runtime": {"click": "*"},
        "jupyter": {"jupyterlab": "~=4.6"},
    }
    assert categories(folder(tmp_path, "both", text)) == ["packages", "runtime", "jupyter"]


def test_a_source_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    other = '[[source]]\nname = "index"\nurl = "${OTHER}"\n\n[[source]]\nname = "more"\nurl = "${MORE}"\n'
    text = merged([folder(tmp_path, "parent", PARENT), folder(tmp_path, "child", other)])
    sources = [(source["name"], source["url"]) for source in tomllib.loads(text)["source"]]
    assert sources == [("index", "${OTHER}"), ("more", "${MORE}")]


@pytest.mark.parametrize("text", ["a = ]", None])
def test_one_that_cannot_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    parent = folder(tmp_path, "parent", PARENT)
    child = folder(tmp_path, "child", text) if text else str(tmp_path / "nowhere")
    with pytest.raises(WorkbenchError, match="cannot be read") as caught:
        merged([parent, child])
    assert caught.value.where == f"{child}/Pipfile"


def test_the_digest_is_pipenvs_whatever_the_spelling_of_the_names(tmp_path: Path) -> None:
    text = """\
[[source]]
name = "index"
url = "https://index.invalid/simple"
verify_ssl = true

[packages]
"Ruamel.YAML" = "~=0.18"
typing_extensions = {version = "*", extras = ["Some_Extra"]}

[jupyter]
Jupyter_Client = "*"

[dev-packages]
My-Tool = "*"

[scripts]
Run_It = "true"
"""
    other = text.replace("Ruamel.YAML", "ruamel-yaml").replace("My-Tool", "my_tool")
    assert digest(other) == digest(text)
    assert digest(text.replace("Some_Extra", "some-extra")) != digest(text)
    (tmp_path / "Pipfile").write_text(text)
    lock = {"_meta": {"hash": {"sha256": digest(text)}}, "default": {}, "develop": {}}
    (tmp_path / "Pipfile.lock").write_text(json.dumps(lock))
    environment = {**os.environ, "PIPENV_PIPFILE": str(tmp_path / "Pipfile"), "PIPENV_IGNORE_VIRTUALENVS": "1"}
    command = [sys.executable, "-m", "pipenv", "verify"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
