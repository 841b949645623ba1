"""`wizard.py service-image`: build the image that the service of replica sets runs in."""

from __future__ import annotations

import argparse

from workbench.verbs import _tool_image

EXAMPLES = """\
  wizard.py service-image --os bookworm --python 3.11 --release 2026a --date 20261122
  make service-image OS=bookworm PYTHON=3.11 RELEASE=2026a DATE=20261122    the same
"""
FOLDER = "service/image"
# What the image has of the repository, below /opt/workbench.
TOOL = ("wizard.py", "workbench")


arguments = _tool_image.arguments


def run(args: argparse.Namespace) -> int:
    """Build it and name it, by its date and as `latest`."""
    return _tool_image.build(args, "service", FOLDER, TOOL)
