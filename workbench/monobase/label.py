"""The label of a node: which generations are ready there, for node-feature-discovery.

Its worker reads `KEY=VALUE` lines from files of a folder and labels the node with them. `# +expiry-time=` takes those
below it away at that time (node-feature-discovery 0.14, docs/usage/customization-guide.md, 2023-09).
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Sequence

from workbench.errors import WorkbenchError
from workbench.files import replace_text
from workbench.monobase import layout
from workbench.monobase.environment import DONE
from workbench.monobase.generation import Generation
from workbench.monobase.prefix import Prefix
from workbench.monobase.status import unready, unready_generation

# A label that nobody renews goes after so long: nobody looks then whether it still holds.
LIFETIME = datetime.timedelta(hours=1)


def label_text(prefix: Prefix, generations: Sequence[Generation], *, allow_skipped: bool) -> str:
    """Return the lines of the label, "" when nothing holds.

    `monobase-g00002` is there while that generation is ready: `complete`, or `skipped-2` for two environments that
    were skipped. `done` is there while all of `generations` are: the time (UTC) when the last of them was finished,
    so that it is the same each time. `monobase-latest` names the one that models get by themselves.
    """
    lines, times = [], []
    for generation in generations:
        folder = prefix.generation(generation.name)
        done = layout.read_done(folder)
        if done is None or unready_generation(prefix, generation, allow_skipped=allow_skipped):
            continue
        skipped = len(generation.environments) - len(done.environments)
        lines.append(f"monobase-{generation.name}={f'skipped-{skipped}' if skipped else 'complete'}")
        with contextlib.suppress(FileNotFoundError):
            times.append(os.stat(os.path.join(folder, DONE)).st_mtime)
    if not lines:
        return ""
    if latest := layout.latest_name(prefix.latest):
        lines.append(f"monobase-latest={latest}")
    if times and not unready(prefix, generations, allow_skipped=allow_skipped):
        ended = datetime.datetime.fromtimestamp(int(max(times)), datetime.UTC)
        lines.append(f"done={ended:%Y-%m-%dT%H-%M-%SZ}")
    return "".join(f"{line}\n" for line in lines)


def write_label(path: str, text: str, *, expires: bool = False) -> None:
    """Write the label `text` to `path`, or remove it when nothing holds; it is whole or not there.

    With `expires` it goes by itself, unless it is written again. Raises WorkbenchError when that is impossible.
    """
    path = os.path.abspath(path)
    try:
        if not text:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        if expires:
            text = f"# +expiry-time={datetime.datetime.now(datetime.UTC) + LIFETIME:%Y-%m-%dT%H:%M:%SZ}\n{text}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        replace_text(path, text)
    except OSError as error:
        raise WorkbenchError(f"the node's label cannot be written: {error.strerror}", where=path) from None
