"""Small catalogues for tests, made in a folder of the test's own; and the recipes of ours."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Mapping
from pathlib import Path

from workbench.catalog.questions import Selection
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import attempt, combinations
from workbench.compose.recipe import Recipe

REPOSITORY = Path(__file__).parent.parent

# The day of the recipes that are compared with what was reviewed.
DATE = "20261122"


@functools.cache
def our_recipes() -> tuple[Recipe, ...]:
    """Every recipe of our own catalogue: composing them takes seconds, so the tests of one process share them."""
    catalogue = read_catalogue(str(REPOSITORY))
    return tuple(recipe for chosen in combinations(catalogue, DATE) if (recipe := attempt(catalogue, chosen)[0]))


RELEASE = """\
[defaults]
os = "c9s"
python = "3.11"
bundle = "plain"
ide = "editor"

[cuda]
version = "13.0.2"

[os.c9s]
image = "quay.io/sclorg/python-311-c9s:c9s"
pythons = ["3.11"]

[os.bookworm]
image = "docker.io/library/debian:bookworm"
pythons = ["3.11", "3.12"]
"""

FILES: Mapping[str, str] = {
    "releases/2026a.toml": RELEASE,
    "snippets/base/base.snippet": 'FROM ${BASE_IMAGE}\nLABEL release="$RELEASE"\n',
    "bundles/os_packages.snippet": "USER 0\nCOPY os-packages.txt ./\nRUN install os-packages.txt\n",
    "bundles/python_packages.snippet": "USER 1001\nCOPY requirements.txt ./\nRUN pip install ${PYTHON_FOLDER}\n",
    "ides/os_packages_ide.snippet": "USER 0\nCOPY os-ide/os-packages.txt ./\nRUN install os-packages.txt\n",
    "bundles/1-plain/display.txt": "Plain\n",
    "bundles/1-plain/py311/requirements.txt": "attrs==25.1.0\n",
    "bundles/1-plain/py311/requirements-editor.txt": "click==8.1.8\n",
    "bundles/1-plain/py312/requirements.txt": "attrs==25.1.0\n",
    "ides/1-editor/display.txt": "Editor\n",
    "ides/1-editor/editor.snippet": (
        "USER 1001\nCOPY start.sh /opt/app-root/bin/\nWORKDIR /opt/app-root/src\nCMD /opt/app-root/bin/start.sh\n"
    ),
    "ides/1-editor/files/start.sh": "#!/bin/sh\nexec editor\n",
    "ides/2-runtime/display.txt": "Runtime only\n",
    "ides/2-runtime/runtime.snippet": "USER 1001\nWORKDIR /opt/app-root/src\n",
}


# A bundle whose wheels bring CUDA, and what the base cuda-thin saves it on one of the systems.
OWN_CUDA: Mapping[str, str] = {
    "releases/2026a.toml": RELEASE
    + """
[cuda.sizes.c9s]
base = 1_000_000
runtime = 2_000_000_000
runtime-cudnn = 650_000_001
source = "s"
checked = "2026-11-22"
""",
    "releases/compat.toml": '[wheels]\ncuda = ["nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12"]\ncudnn = []\n',
    "bundles/2-torch/display.txt": "Torch\n",
    "bundles/2-torch/py311/requirements.txt": "torch==2.14.1 --hash=x\nnvidia-cuda-runtime==13.0.96; m --hash=y\n",
}

# Answers that fit the small catalogue.
ANSWERS: Mapping[str, str] = {
    "release": "2026a",
    "date": "20261122",
    "base": "standard",
    "os": "c9s",
    "python": "3.11",
    "bundle": "plain",
    "ide": "editor",
}


def make_catalogue(root: Path, files: Mapping[str, str | None] | None = None) -> Path:
    """Write a small catalogue below `root` and return its folder.

    `files` are added to, or take the place of, those in FILES; None leaves one out. Scripts are
    executable.
    """
    folder = root / "catalogue"
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in {**FILES, **(files or {})}.items():
        if text is None:
            continue
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if path.endswith(".sh"):
            file.chmod(0o755)
    return folder


def selection(**answers: str) -> Selection:
    """Return a selection that fits the small catalogue, with `answers` in place of its own."""
    return Selection(**{**ANSWERS, **answers})
