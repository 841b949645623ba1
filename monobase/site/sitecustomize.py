"""On PYTHONPATH of everything that is activated.

A Python reads the `.pth` files of its own environment only (fault M14), and one of another version than the activated
one would import packages that are not made for it.
"""

import os
import sys

_LAYERS = [layer for layer in os.environ.get("MONOBASE_LAYERS", "").split(os.pathsep) if layer]
# Python 3.13 has "t" among its ABI flags where it is free-threaded.
_OWN = f"/lib/python{sys.version_info[0]}.{sys.version_info[1]}{'t' if 't' in getattr(sys, 'abiflags', '') else ''}/"


def _leave_out_others() -> None:
    """Say that this is another Python than the activated one, and take its packages off the path."""
    wrong = [layer for layer in _LAYERS if _OWN not in layer]
    if wrong:
        wanted = wrong[0].rpartition("/lib/python")[2].partition("/")[0]
        sys.stderr.write(
            f"warning: this is Python {sys.version.split()[0]} ({sys.executable}), and Python {wanted} is activated: "
            "it does not see what is activated\n"
        )
        sys.path[:] = [folder for folder in sys.path if folder not in wrong]


def _read_path_files() -> None:
    import site

    own = {os.path.realpath(folder) for folder in site.getsitepackages()}
    for layer in _LAYERS:
        if _OWN in layer and os.path.realpath(layer) not in own:
            site.addsitedir(layer)


def _next_one() -> None:
    """Run the sitecustomize that this one stands before, if there is one."""
    here = os.path.realpath(os.path.dirname(__file__))
    elsewhere = [folder for folder in sys.path if os.path.realpath(folder or os.curdir) != here]
    finder = next((one for one in sys.meta_path if getattr(one, "__name__", "") == "PathFinder"), None)
    spec = finder.find_spec("sitecustomize", elsewhere) if finder is not None else None
    if spec is not None and spec.loader is not None:
        # Only now: every Python that is activated would wait for this module.
        import importlib.util

        spec.loader.exec_module(importlib.util.module_from_spec(spec))


_leave_out_others()
_read_path_files()
_next_one()
