"""What everything drawn on a terminal shares: colours, whether a bar can be drawn, and texts that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# Fixed colours of xterm's 256, halfway between black and white. A terminal's own sixteen are made for its own
# background: xterm's cyan and yellow cannot be read on white, and Solarized's bright black is its background.
ACCENT, GOOD, WARNING, BAD, MUTED = "#008787", "#008700", "#af5f00", "#d75f5f", "#767676"


def draws(console: Console) -> bool:
    """Return whether a bar can be drawn: on a terminal that moves its cursor."""
    return console.is_terminal and not console.is_dumb_terminal


def shortened(text: str, width: int) -> str:
    """Return `text` cut to `width` characters, with an ellipsis where it was cut."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
