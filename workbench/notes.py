"""Notes for the person at the terminal: what is worth knowing and is no error."""

from __future__ import annotations

import re
import sys

from workbench.table import folded, terminal_width

_COMMAND = re.compile(r"`[^`\n]*`")
# Stands for the spaces of a command while the rest is broken between words: no note contains it.
_SPACE = "\0"


def print_note(text: str, *, about: str = "") -> None:
    """Print a note on stderr, after what it is `about`: on a terminal broken between words, commands kept whole."""
    line = f"{about}: note: {text}" if about else f"note: {text}"
    whole = _COMMAND.sub(lambda command: command[0].replace(" ", _SPACE), line)
    print(folded(whole, terminal_width(sys.stderr)).replace(_SPACE, " "), file=sys.stderr, flush=True)
