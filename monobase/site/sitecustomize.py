"""On PYTHONPATH when layers have `.pth` files: Python reads those of its own environment only (fault M14)."""

import os
import sys


def _read_path_files() -> None:
    import site

    own = {os.path.realpath(folder) for folder in site.getsitepackages()}
    for layer in os.environ.get("MONOBASE_LAYERS", "").split(os.pathsep):
        # Not for another Python that inherited these variables: its packages are elsewhere.
        fits = f"/lib/python{sys.version_info[0]}.{sys.version_info[1]}/" in layer
        if fits and os.path.realpath(layer) not in own:
            site.addsitedir(layer)


def _next_one() -> None:
    """Run the sitecustomize that this one stands before, if there is one."""
    import importlib.machinery
    import importlib.util

    here = os.path.realpath(os.path.dirname(__file__))
    elsewhere = [folder for folder in sys.path if os.path.realpath(folder or os.curdir) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


_read_path_files()
_next_one()
