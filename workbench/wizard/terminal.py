"""Questions on a real terminal: one region that is redrawn in place and gone afterwards."""

from __future__ import annotations

import sys
import termios
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from prompt_toolkit.application import Application
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import Layout
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from workbench.drawing import ACCENT, BAD, MUTED
from workbench.wizard.fields import Field, ListField, TextField
from workbench.wizard.layout import Panel, size, stacked
from workbench.wizard.prompt import Screen

STYLE = Style.from_dict(
    {
        "title": "bold",
        "label": MUTED,
        "tag": f"bold {ACCENT}",
        "question": "bold",
        "pointer": f"bold {ACCENT}",
        "highlighted": f"bold {ACCENT}",
        "disabled": MUTED,
        "message": BAD,
        "filter": "bold",
        "keys": MUTED,
        "more": ACCENT,
    }
)

# How long an Esc waits for the rest of an arrow key's bytes: long enough for a slow line.
_ESCAPE_SECONDS = 0.1


class TerminalPrompt:
    """The Prompt of a real terminal (see workbench.wizard.prompt.Prompt)."""

    def show(self, screen: Screen) -> str | None:
        """Return the answer to the question of `screen`, or None to go back."""
        field: Field = ListField(screen, lambda: size()[0]) if screen.choices else TextField(screen)
        panel = Panel(screen.panel) if screen.panel else None
        output = Vt100_Output.from_pty(sys.stdout, default_color_depth=ColorDepth.from_env())
        # The region starts where the cursor is, so its position need not be queried; the response of a
        # slow terminal would be read as typing.
        output.enable_cpr = False
        app: Application[str | None] = Application(
            layout=Layout(stacked(screen, field, panel), focused_element=field.window),
            key_bindings=_keys(field, panel),
            style=STYLE,
            output=output,
            erase_when_done=True,
        )
        app.ttimeoutlen = app.timeoutlen = _ESCAPE_SECONDS
        return app.run()

    def busy(self, what: str) -> AbstractContextManager[object]:
        """Return a context that shows `what` until it ends."""
        from rich.console import Console

        return Console().status(what)


@contextmanager
def quiet_terminal() -> Iterator[None]:
    """Keep what is typed between two questions from being drawn across the screen."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    quiet = list(before)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _keys(field: Field, panel: Panel | None) -> KeyBindings:
    keys = KeyBindings()

    # Enter that was pressed before the question was there comes as the line feed of a cooked terminal.
    @keys.add("c-j", eager=True)
    @keys.add("enter", eager=True)
    def _(event: KeyPressEvent) -> None:
        answer = field.answer()
        if answer is not None:
            event.app.exit(result=answer)

    @keys.add("escape", eager=True)
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result=None)

    @keys.add("<sigint>", eager=True)
    @keys.add("c-c", eager=True)
    @keys.add("c-d", eager=True)
    def _(event: KeyPressEvent) -> None:
        event.app.exit(exception=KeyboardInterrupt)

    if panel is not None:
        keys.add("pageup", eager=True)(lambda event: panel.scroll(-1))
        keys.add("pagedown", eager=True)(lambda event: panel.scroll(1))
    field.bind(keys)
    return keys
