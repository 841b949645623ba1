"""What a preflight that was killed left in the engine: containers, images and networks of its trials."""

from __future__ import annotations

import secrets
import time

from workbench.replicasets.engines.capabilities import SeparatingNetworks
from workbench.replicasets.engines.disk_capabilities import RecordingDisks
from workbench.replicasets.engines.protocol import Engine

_LABEL = "preflight"
# One that began later may be under way still, in this service or in another.
_SECONDS = 600


def label(prefix: str) -> str:
    """Return the label of all that a preflight makes."""
    return f"{prefix}.{_LABEL}"


def trial_name(prefix: str) -> str:
    """Return the name of what a new preflight makes; it has the time in it, in seconds since 1970."""
    return f"{prefix}-{_LABEL}-{int(time.time())}-{secrets.token_hex(6)}"


def remove_trials(engine: Engine, prefix: str) -> list[str]:
    """Remove what preflights left that were ended more than ten minutes ago; return a sentence for each thing."""
    messages = []
    for container in engine.containers(label(prefix)):
        if _is_old(container.name):
            engine.remove(container.id)
            messages.append(container.name)
    if (recording := engine.capability(RecordingDisks)) is not None:
        for name in sorted(name for image in recording.images(label(prefix)) for name in image.names):
            if _is_old(name):
                recording.remove_image(name)
                messages.append(name)
    if (separating := engine.capability(SeparatingNetworks)) is not None:
        for name in filter(_is_old, separating.networks(label(prefix))):
            separating.remove_network(name)
            messages.append(name)
    return [f"{each} was left by an interrupted preflight and is removed" for each in messages]


def _is_old(name: str) -> bool:
    _, _, rest = name.partition(f"-{_LABEL}-")
    made = rest.partition("-")[0]
    return made.isdigit() and time.time() - int(made) > _SECONDS
