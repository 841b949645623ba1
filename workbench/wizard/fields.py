"""The two ways to answer: choosing from a list, and typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import BufferControl, Dimension, Window
from prompt_toolkit.layout.processors import BeforeInput

from workbench.errors import WorkbenchError
from workbench.wizard.listing import Listing
from workbench.wizard.more import MoreMargin, mark_width
from workbench.wizard.prompt import Fragments, Screen


class Field(Protocol):
    """The part of a question's screen that is answered.

    `window` is drawn and has the cursor; `keys` names what can be pressed. `candidate` is the
    answer as it stands ("" while it is none); `message` is a remark about it.
    `answer` is what Enter gives: None keeps the question open, and `message` then gives the reason.
    `bind` adds the keys that are the field's own.
    """

    window: Window
    keys: tuple[str, ...]

    def candidate(self) -> str:
        """Return the answer as it stands, or the empty text."""

    def message(self) -> Fragments:
        """Return the line below the field; none is an empty list."""

    def answer(self) -> str | None:
        """Return the answer that Enter gives, or None."""

    def bind(self, keys: KeyBindings) -> None:
        """Add the field's own keys."""


class ListField:
    """Choosing from a list with the arrow keys, narrowed by typing."""

    keys: tuple[str, ...] = ("Enter choose", "Esc back", "↑↓ move", "type to search")

    def __init__(self, screen: Screen, columns: Callable[[], int]) -> None:
        self._list = Listing(screen.choices, screen.preselected, lambda: columns() - mark_width(columns()))
        self.window = Window(
            self._list,
            # At least the highlighted line is seen; of a long list, as much as the screen has left.
            height=Dimension(min=1),
            dont_extend_height=True,
            right_margins=[MoreMargin(self._list.choice_of_lines, columns)],
        )

    def candidate(self) -> str:
        """Return the highlighted choice."""
        return self._list.value or ""

    def message(self) -> Fragments:
        """Return what was typed, and whether it was of use."""
        typed = self._list.search_filter
        if not typed:
            return []
        if self._list.matches_nothing:
            return [("class:filter", f"   / {typed} "), ("class:message", "nothing matches: Backspace takes it back")]
        if self._list.value is None:
            return [("class:filter", f"   / {typed} "), ("class:message", "nothing that is possible matches")]
        return [("class:filter", f"   / {typed}")]

    def answer(self) -> str | None:
        """Return the highlighted choice if it is possible."""
        return self._list.value

    def bind(self, keys: KeyBindings) -> None:
        """Add the arrows, and every character as part of a search."""
        keys.add("up", eager=True)(lambda event: self._list.move(-1))
        keys.add("down", eager=True)(lambda event: self._list.move(1))
        keys.add("backspace", eager=True)(lambda event: self._list.widen())

        @keys.add(Keys.Any)
        def _(event: KeyPressEvent) -> None:
            if event.data.isprintable():
                self._list.narrow(event.data)


class TextField:
    """Typing an answer, checked as the flag of that name is."""

    keys: tuple[str, ...] = ("Enter accept", "Esc back", "Ctrl-U clear")

    def __init__(self, screen: Screen) -> None:
        self._check = screen.check
        self._refused = ""
        text = Document(screen.preselected)
        self._buffer = Buffer(document=text, multiline=False, on_text_changed=lambda _: self._changed())
        self.window = Window(
            BufferControl(self._buffer, input_processors=[BeforeInput(" > ", style="class:pointer")]),
            height=1,
        )

    def candidate(self) -> str:
        """Return the text when it is an answer."""
        try:
            return self._check(self._buffer.text)
        except WorkbenchError:
            return ""

    def message(self) -> Fragments:
        """Return why the text was refused."""
        return [("class:message", f"   {self._refused}")] if self._refused else []

    def answer(self) -> str | None:
        """Return the text when it is an answer; otherwise keep the reason."""
        try:
            return self._check(self._buffer.text)
        except WorkbenchError as error:
            self._refused = f"{error.message}; {error.hint}" if error.hint else error.message
            return None

    def bind(self, keys: KeyBindings) -> None:
        """Add nothing: editing a line is prompt_toolkit's."""

    def _changed(self) -> None:
        self._refused = ""
