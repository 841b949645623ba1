"""Our own base images by their names: which system, Python and CUDA layer a name means, and what makes it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from workbench.catalog.cuda_layers import LAYERS
from workbench.commands import here
from workbench.locations import ROOT
from workbench.names import python_version

# The catalogue's own systems, and what makes a root image in their folders.
_SYSTEMS, _SCRIPT = str(ROOT / "base"), "os-image.sh"
# The other way round from catalog.bases: what the tag of a base says.
_STANDARD = re.compile(r"base-(?P<os>.+)-(?P<python>py[0-9]+)_(?P<release>[^_]+)_(?P<date>[^_]+)")
_CUDA = re.compile(
    rf"cuda-(?P<os>.+)-(?P<python>py[0-9]+)-(?P<layer>{'|'.join(LAYERS)})_(?P<release>[^_]+)_(?P<date>[^_]+)"
)


@dataclass(frozen=True, slots=True)
class OwnBase:
    """What the name of a base of ours says; `python` as "3.11", `layer` is "" for the standard base."""

    os: str
    python: str
    release: str
    date: str
    layer: str


def own_base(image: str) -> OwnBase | None:
    """Return what the name of an image says as a base of ours, None for any other image."""
    tag = image.rpartition(":")[2]
    match = _STANDARD.fullmatch(tag) or _CUDA.fullmatch(tag)
    python = python_version(match["python"]) if match else None
    if match is None or python is None:
        return None
    layer = match["layer"] if match.re is _CUDA else ""
    return OwnBase(match["os"], python, match["release"], match["date"], layer)


def command_to_make(image: str) -> str:
    """Return the commands that make a base image of this name, from the first link of its chain; "" if it is not ours.

    The root image comes before them where no registry has the one that the release names, and a script makes it.
    """
    own = own_base(image)
    if own is None:
        return ""
    what = f"--os {own.os} --python {own.python} --release {own.release} --date {own.date}"
    cuda = f", then `{here(f'cuda {what} --layers {own.layer}')}`" if own.layer else ""
    root = os.path.isfile(os.path.join(_SYSTEMS, own.os, _SCRIPT))
    first = f" (where no registry responds, `{here(f'os-image --os {own.os}')}` first)" if root else ""
    return f"`{here(f'base {what}')}`{cuda}{first}"
