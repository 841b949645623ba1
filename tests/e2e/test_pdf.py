"""The option `pdf` of Jupyter, on a real image: a notebook becomes a PDF without network, as any user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import wizard
from tests.copied import copy_repository
from tests.e2e.test_from_nothing import ANY_USER, NOTEBOOK
from tests.engine import BaseChoice, Engine, ca_bundle

pytestmark = pytest.mark.slow

TEXT = {"cell_type": "markdown", "id": "text", "metadata": {}, "source": ["# Maß\n", "$\\sum_i x_i^2$, **bold**"]}


def test_a_notebook_is_exported_as_pdf(engine: Engine, base: BaseChoice, tmp_path: Path) -> None:
    catalogue = copy_repository(tmp_path / "catalogue")
    options = catalogue / "ides/1-jupyter/ide.toml"
    options.write_text(options.read_text().replace("pdf = false", "pdf = true"))
    flags = [*base.flags(), "--base=standard", "--bundle=minimal", "--ide=jupyter", "--catalog", catalogue]
    composed = wizard("new", *flags, "--out", tmp_path / "recipes")
    assert composed.returncode == 0, composed.stderr
    (recipe,) = (tmp_path / "recipes").iterdir()
    built = wizard("build", recipe, *ca_bundle(), "--log-dir", tmp_path, "--catalog", catalogue)
    assert built.returncode == 0, built.stderr
    work = tmp_path / "work"
    work.mkdir()
    (work / "one.ipynb").write_text(json.dumps({**NOTEBOOK, "cells": [TEXT, *NOTEBOOK["cells"]]}))  # type: ignore[misc]
    for path in (work, work / "one.ipynb"):
        path.chmod(0o777)
    command = ["--entrypoint=jupyter", built.stdout.strip(), "nbconvert", "--to=pdf", "/notes/one.ipynb"]
    engine("run", "--rm", "--network=none", "--user", ANY_USER, f"--volume={work}:/notes", *command)
    assert (work / "one.pdf").read_bytes().startswith(b"%PDF-")
