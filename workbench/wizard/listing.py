"""A list to choose from: questionary's control, with impossible choices that stay impossible.

questionary 2.1.1 asks the unfiltered list whether the highlighted line is disabled, so that with a
filter the wrong line answers: Enter takes a disabled choice, and the arrow keys can turn for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import questionary
from questionary.prompts.common import InquirerControl

from workbench.wizard.prompt import Choice, Fragments
from workbench.wizard.screen import wrapped


class Listing(InquirerControl):
    """The choices with the highlighted one, narrowed by what is typed; `columns` is the room there is."""

    def __init__(self, choices: Sequence[Choice], preselected: str, columns: Callable[[], int]) -> None:
        self._columns = columns
        listed = [
            questionary.Choice(choice.title, choice.value, disabled=choice.reason or None, shortcut_key=None)
            for choice in choices
        ]
        super().__init__(listed, pointer="»", use_indicator=False, initial_choice=preselected)

    def is_selection_disabled(self) -> str | None:
        """Return why the highlighted line cannot be taken, or None."""
        return self.highlighted.disabled

    def _get_choice_tokens(self) -> Fragments:
        tokens: Fragments = super()._get_choice_tokens()  # type: ignore[no-untyped-call]
        return wrapped(tokens, self._columns(), indent=5)

    def choice_of_lines(self) -> list[int]:
        """Return for each line as it is drawn which of the choices, counted from 0, it is of."""
        found = [0]
        for _, text in self._get_choice_tokens():
            # What a choice is wrapped with is set in; what ends it is not.
            found += [found[-1] + (text == "\n")] * text.count("\n")
        return found

    @property
    def highlighted(self) -> questionary.Choice:
        """The line that the pointer is at."""
        shown: list[questionary.Choice] = self.filtered_choices
        return shown[self.pointed_at]

    @property
    def value(self) -> str | None:
        """The answer that Enter would give now, or None."""
        if self.matches_nothing or self.highlighted.disabled:
            return None
        return str(self.highlighted.value)

    @property
    def matches_nothing(self) -> bool:
        """Whether no choice holds what was typed; all of them are shown then."""
        return bool(self.search_filter) and not self.found_in_search

    def move(self, by: int) -> None:
        """Highlight the next possible choice, downwards or upwards and round the end."""
        shown: list[questionary.Choice] = self.filtered_choices
        for step in range(1, len(shown) + 1):
            at = (self.pointed_at + by * step) % len(shown)
            if not shown[at].disabled:
                self.pointed_at = at
                return

    def narrow(self, typed: str) -> None:
        """Add to the filter what was typed, and highlight the first possible choice of those left."""
        self._filter((self.search_filter or "") + typed)

    def widen(self) -> None:
        """Take the last character off the filter."""
        self._filter((self.search_filter or "")[:-1])

    def _filter(self, text: str) -> None:
        at = self.highlighted
        self.search_filter = text or None
        shown: list[questionary.Choice] = self.filtered_choices
        stays = text == "" and at in shown
        self.pointed_at = shown.index(at) if stays else 0
        if self.highlighted.disabled:
            self.move(1)
