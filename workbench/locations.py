"""Where the catalogue and the rest of the data are: releases/, bundles/, base/, monobase/, models/, service/, …"""

from __future__ import annotations

from pathlib import Path

from workbench.errors import UsageError

# The Python package itself: beside the data in a checkout, around it (`data/`) where a wheel was installed.
PACKAGE = Path(__file__).resolve().parent
INSTALLED_DATA = "data"
INSTALLED = (PACKAGE / INSTALLED_DATA).is_dir()
# The folder that holds them.
ROOT = PACKAGE / INSTALLED_DATA if INSTALLED else PACKAGE.parent


def check_writable(folder: str | Path, flag: str = "--catalog") -> None:
    """Raise UsageError when `folder` is part of what was installed with the tool, which only an upgrade changes.

    `flag` is the one that names another folder.
    """
    path = Path(folder).resolve()
    if INSTALLED and path.is_relative_to(ROOT):
        raise UsageError(
            f"{path} was installed with the tool and is read-only",
            hint=f"copy it (`cp -r {path} DIR`), or take a checkout, and name that with `{flag} DIR`",
        )
