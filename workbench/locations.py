"""Where the data of this repository is: releases/, bundles/, base/, monobase/, models/, service/ and the rest."""

from __future__ import annotations

from pathlib import Path

# The folder that holds them.
ROOT = Path(__file__).resolve().parent.parent
