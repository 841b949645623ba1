"""`monobase image`: build the image of the daemon and of models on a base image."""

from __future__ import annotations

import argparse

from workbench.verbs import _tool_image

EXAMPLES = """\
  wizard.py monobase image --os bookworm --python 3.11 --release 2026a --date 20261122
  make monobase-image OS=bookworm PYTHON=3.11 RELEASE=2026a DATE=20261122    the same
"""
FOLDER = "monobase/image"
# What the image has of the repository, below /opt/monobase.
TOOL = (
    *("workbench", "monobase", "releases/compat.toml"),
    *(f"monobase/{name}.py" for name in ("__init__", "build", "diff", "monogen", "update", "user")),
)


arguments = _tool_image.arguments


def run(args: argparse.Namespace) -> int:
    """Build it and name it, by its date and as `latest`."""
    return _tool_image.build(args, "monobase", FOLDER, TOOL)
