"""Containers of models whose command was killed: nobody waits for them any more, and the next command removes them."""

from __future__ import annotations

import json

from workbench import podman
from workbench.images.build_mark import is_abandoned, new_mark
from workbench.images.labels import OWN

_OWNER = f"{OWN}.owner"


def owner_option() -> str:
    """Return podman's option that marks a container as this process's."""
    return f"--label={_OWNER}={new_mark()}"


def remove_abandoned() -> None:
    """Remove the containers whose process ended without removing them; those of other machines' views are left."""
    done = podman.run("ps", "--all", "--filter", f"label={_OWNER}", "--format", "json")
    for each in json.loads(done.out or "[]") if done.code == 0 else ():
        if is_abandoned(str((each.get("Labels") or {}).get(_OWNER, ""))):
            podman.run("rm", "--force", "--ignore", "--time=0", each["Id"])
