"""A small standard set on the tiny image: a base, two CUDA layers, three recipes, built in seconds."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.catalogues import make_catalogue
from tests.command import wizard
from tests.engine import TINY, Engine

SET = ("--release=2026a", "--date=20261122")
END = "2026a_20261122"
BASE = f"base-mini-py311_{END}"
LAYER = f"cuda-mini-py311-base_{END}"
EDITOR = f"editor-plain-mini-py311_{END}"
RUNTIME = f"runtime-plain-mini-py311_{END}"
CUDA = f"cuda-runtime-plain-mini-py311_{END}"
TAGS = (BASE, LAYER, EDITOR, RUNTIME, CUDA)

RECIPE = '[[recipes]]\nbase = "{}"\nos = "mini"\npython = "3.11"\nbundle = "plain"\nide = "{}"\n'
RELEASE = (
    '[defaults]\nos = "mini"\npython = "3.11"\n\n[cuda]\nversion = "13.0.2"\n\n'
    f'[os.mini]\nimage = "{TINY}"\npythons = ["3.11"]\n\n'
)
FILES = {
    "releases/2026a.toml": RELEASE
    + RECIPE.format("standard", "editor")
    + RECIPE.format("standard", "runtime")
    + RECIPE.format("cuda-thin", "runtime"),
    "base/mini/Containerfile": "ARG ROOT_IMAGE\nFROM ${ROOT_IMAGE}\nRUN echo base >/what\n",
    "base/mini/py311/requirements.txt": "pip==26.3\n",
    "cuda-layer/base/Containerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo cuda >>/what\n",
    "bundles/python_packages.snippet": "USER 1001\nCOPY requirements.txt /tmp/r.txt\nRUN echo $PYTHON_FOLDER >/tmp/x\n",
}


def make_set(folder: Path, files: Mapping[str, str | None] | None = None) -> Path:
    """Write the small catalogue with its standard set below `folder`, compose the set, and return the catalogue."""
    catalogue = make_catalogue(folder, {**FILES, **(files or {})})
    done = wizard("recipes", "--catalog", catalogue, *SET, "--out", folder / "recipes", "--force")
    assert done.returncode == 0, done.stderr
    return catalogue


# A root image that is made on the spot, as a real system's is: a folder with busybox.
ROOT_SCRIPT = """#!/bin/sh
set -eu
mkdir -p "$1/bin" "$1/etc" "$1/tmp"
chmod 1777 "$1/tmp"
cp "$(command -v busybox)" "$1/bin/busybox"
for applet in sh cat echo cp ls id true sleep; do ln -s busybox "$1/bin/$applet"; done
echo root:x:0:0:root:/:/bin/sh >"$1/etc/passwd"
"""


def build_set(folder: Path, *flags: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `images` for the set below `folder`."""
    where = ("--catalog", folder / "catalogue", "--recipes", folder / "recipes", "--log-dir", folder / "logs")
    return wizard("images", *SET, *where, *flags, env=env)


def push_set(folder: Path, repository: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run `push` for the set below `folder`."""
    where = ("--catalog", folder / "catalogue", "--recipes", folder / "recipes")
    return wizard("push", repository, *SET, *where, *flags)


def forget(engine: Engine) -> None:
    """Take the names of the set's images away."""
    for name in engine.names():
        if "-mini-" in name:
            engine("untag", name, name)
