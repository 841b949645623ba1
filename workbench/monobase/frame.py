"""An environment without packages: the links to its Python, and pyvenv.cfg."""

from __future__ import annotations

import os

from workbench.monobase.interpreters import Interpreter

CONFIG = "pyvenv.cfg"


def site_packages(minor: str) -> str:
    """Return the path of the packages in an environment of that Python."""
    return f"lib/python{minor}/site-packages"


def frame_links(interpreter: Interpreter) -> dict[str, str]:
    """Return the symbolic links of an environment, with what they point at."""
    return {
        "bin/python": interpreter.path,
        "bin/python3": "python",
        f"bin/python{interpreter.minor}": "python",
    }


def config_text(interpreter: Interpreter) -> str:
    """Return pyvenv.cfg: with it uv writes commands that find their Python beside them, wherever that is."""
    return (
        f"home = {os.path.dirname(interpreter.path)}\n"
        "include-system-site-packages = false\n"
        f"version_info = {interpreter.version}\n"
        "relocatable = true\n"
    )


def create_frame(root: str, interpreter: Interpreter) -> None:
    """Create an environment without packages at `root`."""
    for folder in ("bin", site_packages(interpreter.minor)):
        os.makedirs(os.path.join(root, folder))
    for path, target in frame_links(interpreter).items():
        os.symlink(target, os.path.join(root, path))
    with open(os.path.join(root, CONFIG), "w", encoding="utf-8") as file:
        file.write(config_text(interpreter))
