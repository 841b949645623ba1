"""Recipes that build in a second: on the tiny image, through the same composition as any other."""

from __future__ import annotations

from pathlib import Path

from tests.catalogues import make_catalogue
from tests.command import wizard
from tests.engine import TINY, Engine

TAG = "editor-plain-c9s-py311_2026a_20261122"
IMAGE = f"localhost/workbench-images:{TAG}"
BASE = "localhost/workbench-images:base-c9s-py311_2026a_20261122"
OK = "RUN cat /tmp/requirements.txt\n"


def recipe(folder: Path, engine: Engine, run: str = OK, ide: str = "editor", base: str = "standard") -> Path:
    """Compose a small recipe whose Python section runs `run`, on a base that is there; return its folder."""
    engine("tag", TINY, BASE)
    section = f"USER 1001\nCOPY requirements.txt /tmp/requirements.txt\n{run}"
    packages = {
        f"bundles/1-plain/py311/{name}.txt": "attrs==25.1.0\n" for name in ("requirements", "requirements-editor")
    }
    catalogue = make_catalogue(folder, {"bundles/python_packages.snippet": section, **packages})
    flags = ["--release=2026a", "--date=20261122", f"--base={base}", "--os=c9s", "--python=3.11"]
    flags += ["--bundle=plain", f"--ide={ide}", "--offline", "--no-lint"]
    done = wizard("new", "--catalog", catalogue, "--out", folder / "recipes", *flags)
    assert done.returncode == 0, done.stderr
    return folder / "recipes" / TAG.replace("editor", ide)
