"""What stands where on a question's screen."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.application import get_app
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, FormattedText
from prompt_toolkit.layout import ConditionalContainer, Dimension, FormattedTextControl, HSplit, Window

from workbench.wizard.fields import Field
from workbench.wizard.prompt import Fragments, Screen
from workbench.wizard.screen import keys_text, line_count, wrapped


class Panel:
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
        return ANSI("\n".join(self._render(size()[0]).split("\n")[self._top :]))


def size() -> tuple[int, int]:
    """Return the columns and rows of the terminal that the running application draws on."""
    now = get_app().output.get_size()
    return now.columns, now.rows


def stacked(screen: Screen, field: Field, panel: Panel | None) -> HSplit:
    """Return all that a question shows: what stands above, panel, title, field, message and keys."""

    def above() -> Fragments:
        *lines, (style, last) = screen.above(field.candidate(), *size())
        # The window ends its last line by itself.
        return [*lines, (style, last.removesuffix("\n"))]

    def above_height() -> Dimension:
        # The tag is among these lines: they give way last, to the question, one choice and the keys.
        lines = line_count(above())
        return Dimension(min=max(0, min(lines, size()[1] - 4)), preferred=lines)

    keys = [*field.keys, *(["PgUp/PgDn scroll"] if panel else []), "Ctrl-C quit"]
    return HSplit(
        [
            _text(above, above_height),
            *([panel.window] if panel else []),
            _text(lambda: wrapped([("class:question", f" {screen.title}")], size()[0], indent=1)),
            field.window,
            ConditionalContainer(
                _text(lambda: wrapped(field.message(), size()[0], indent=3)), Condition(lambda: bool(field.message()))
            ),
            _text(lambda: [("class:keys", keys_text(keys, size()[0]))]),
        ]
    )


def _text(fragments: Callable[[], Fragments], height: Callable[[], Dimension] | None = None) -> Window:
    control = FormattedTextControl(lambda: FormattedText(fragments()))
    return Window(control, height=height, wrap_lines=True, dont_extend_height=True)
