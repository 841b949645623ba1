"""What a user's layer was resolved against: it fits nothing else (fault M21)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from workbench.monobase.layer import Layer

USER_MARKER = ".monobase"


def identity(layer: Layer | None) -> str:
    """Return what a marker calls a layer: its folder and the one above, "none" for no layer."""
    if layer is None:
        return "none"
    above, name = os.path.split(layer.root)
    return f"{os.path.basename(above)}/{name}"


def marker_text(environment: Layer | None, cog: Layer | None, python: str, overridden: Sequence[str]) -> str:
    """Return the text of a marker: a word and what it says, one to a line; last the pins that were given up."""
    lines = [f"python {python}", f"environment {identity(environment)}", f"cog {identity(cog)}"]
    return "".join(f"{line}\n" for line in (*lines, *(f"overridden {text}" for text in overridden)))


def contradictions(user: Layer, environment: Layer | None, cog: Layer | None) -> list[str]:
    """Return which of the layers are not those that the user's layer was resolved against."""
    active = {"python": user.python, "environment": identity(environment), "cog": identity(cog)}
    found = []
    with open(f"{user.root}/{USER_MARKER}", encoding="utf-8") as file:
        for line in file.read().splitlines():
            word, _, says = line.partition(" ")
            if word in active and says != active[word]:
                found.append(f"the user layer was resolved for {word} {says}, and {active[word]} is activated")
    return found
