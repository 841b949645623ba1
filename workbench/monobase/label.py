"""The label that node-feature-discovery gives a node when its prefix is filled."""

from __future__ import annotations

import datetime
import os

from workbench.errors import WorkbenchError
from workbench.files import replace_text


def write_label(path: str) -> None:
    """Write `done=TIME` (UTC, as a label's value may be) to `path`; raises WorkbenchError when that is impossible."""
    now = datetime.datetime.now(datetime.UTC)
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        replace_text(os.path.abspath(path), f"done={now:%Y-%m-%dT%H-%M-%SZ}\n")
    except OSError as error:
        raise WorkbenchError(f"the node's label cannot be written: {error.strerror}", where=path) from None
