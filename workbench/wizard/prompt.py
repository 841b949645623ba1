"""Questions on a real terminal: one region that is redrawn in place and gone afterwards."""

from __future__ import annotations

import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from prompt_toolkit.application import Application, get_app
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import ConditionalContainer, Dimension, FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from workbench.wizard.fields import Field, ListField, TextField
from workbench.wizard.question import Fragments, Question
from workbench.wizard.screen import keys_text, line_count, wrapped

# Names of the sixteen colours only: they follow the user's own light or dark theme.
_STYLE = Style.from_dict(
    {
        "title": "bold",
        "label": "ansibrightblack",
        "tag": "bold ansicyan",
        "question": "bold",
        "pointer": "bold ansicyan",
        "highlighted": "bold ansicyan",
        "disabled": "ansibrightblack",
        "message": "ansired",
        "filter": "bold",
        "keys": "ansibrightblack",
    }
)

# How long an Esc waits for the rest of an arrow key's bytes: long enough for a slow line.
_ESCAPE_SECONDS = 0.1


class TerminalPrompt:
    """The Prompt of a real terminal (see workbench.wizard.question.Prompt)."""

    def ask(self, question: Question) -> str | None:
        """Return the answer to `question`, or None to go back."""
        field: Field = TextField(question)
        if question.choices:
            field = ListField(question, lambda: _size()[0])
        panel = _Panel(question.panel) if question.panel else None
        output = Vt100_Output.from_pty(sys.stdout, default_color_depth=ColorDepth.from_env())
        # The region starts where the cursor is, so its position need not be asked for; a terminal
        # that is slow to tell would have its answer read as typing.
        output.enable_cpr = False
        app: Application[str | None] = Application(
            layout=Layout(_stacked(question, field, panel), focused_element=field.window),
            key_bindings=_keys(field, panel),
            style=_STYLE,
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


class _Panel:
    """Text that may be longer than the screen, with how far it is scrolled."""

    def __init__(self, render: Callable[[int], str]) -> None:
        self._render = render
        self._top = 0
        self.window = Window(FormattedTextControl(self._visible), height=Dimension(min=1), dont_extend_height=True)

    def scroll(self, pages: int) -> None:
        """Move by `pages` of what is visible, no further than the text goes."""
        info = self.window.render_info
        if info is not None:
            last = self._top + info.content_height - info.window_height
            self._top = min(last, max(0, self._top + pages * info.window_height))

    def _visible(self) -> ANSI:
        # Rich ends every style on its line, so any line can come first.
        return ANSI("\n".join(self._render(_size()[0]).split("\n")[self._top :]))


def _size() -> tuple[int, int]:
    size = get_app().output.get_size()
    return size.columns, size.rows


def _stacked(question: Question, field: Field, panel: _Panel | None) -> HSplit:
    def above() -> Fragments:
        *lines, (style, last) = question.above(field.candidate(), *_size())
        # The window ends its last line by itself.
        return [*lines, (style, last.removesuffix("\n"))]

    def above_height() -> Dimension:
        # The tag is among these lines: they give way last, to the question, one choice and the keys.
        lines = line_count(above())
        return Dimension(min=max(0, min(lines, _size()[1] - 4)), preferred=lines)

    keys = [*field.keys, *(["PgUp/PgDn scroll"] if panel else []), "Ctrl-C quit"]
    return HSplit(
        [
            _text(above, above_height),
            *([panel.window] if panel else []),
            _text(lambda: [("class:question", f" {question.title}")]),
            field.window,
            ConditionalContainer(
                _text(lambda: wrapped(field.message(), _size()[0], indent=3)), Condition(lambda: bool(field.message()))
            ),
            _text(lambda: [("class:keys", keys_text(keys, _size()[0]))]),
        ]
    )


def _text(fragments: Callable[[], Fragments], height: Callable[[], Dimension] | None = None) -> Window:
    control = FormattedTextControl(lambda: FormattedText(fragments()))
    return Window(control, height=height, wrap_lines=True, dont_extend_height=True)


def _keys(field: Field, panel: _Panel | None) -> KeyBindings:
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

    @keys.add("c-c", eager=True)
    @keys.add("c-d", eager=True)
    def _(event: KeyPressEvent) -> None:
        event.app.exit(exception=KeyboardInterrupt)

    if panel is not None:
        keys.add("pageup", eager=True)(lambda event: panel.scroll(-1))
        keys.add("pagedown", eager=True)(lambda event: panel.scroll(1))
    field.bind(keys)
    return keys
