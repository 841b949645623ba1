"""What every display of progress needs: whether a bar can be drawn, and texts that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def draws(console: Console) -> bool:
    """Return whether a bar can be drawn: on a terminal that moves its cursor."""
    return console.is_terminal and not console.is_dumb_terminal


def shortened(text: str, width: int) -> str:
    """Return `text` cut to `width` characters, with an ellipsis where it was cut."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
