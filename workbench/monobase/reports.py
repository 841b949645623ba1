"""What the last build, the last look at the files and the last measuring found: for metrics, and for nothing else.

A report is a document below `reports/`, whole or not there. Where the prefix cannot be written there is none.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

from workbench.errors import WorkbenchError
from workbench.monobase.documents import DamagedDocumentError, read_document, write_document
from workbench.monobase.prefix import Prefix

FOLDER = "reports"
BUILD, VERIFY, SIZES = "build", "verify", "sizes"
NAMES = (BUILD, VERIFY, SIZES)


def write_report(prefix: Prefix, name: str, data: Mapping[str, Any]) -> None:
    """Keep `data` as the report `name`, where the prefix can be written and has been built."""
    folder = prefix.below(FOLDER)
    if not os.path.isdir(prefix.generations) or os.path.islink(folder):
        return
    mask = os.umask(0o022)
    try:
        with contextlib.suppress(OSError, WorkbenchError):
            os.makedirs(folder, exist_ok=True)
            write_document(os.path.join(folder, name), json.dumps(data, indent=1, sort_keys=True) + "\n")
    finally:
        os.umask(mask)


def read_report(prefix: Prefix, name: str) -> dict[str, Any]:
    """Return the report `name`; nothing when there is none that can be used."""
    try:
        data = json.loads(read_document(prefix.below(FOLDER, name)))
    except (OSError, DamagedDocumentError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
