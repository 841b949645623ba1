from __future__ import annotations

from workbench.wizard.listing import Listing
from workbench.wizard.prompt import Choice

CHOICES = (
    Choice("torch", "torch   Torch", "needs a CUDA base"),
    Choice("plain", "plain   Plain"),
    Choice("spark", "spark   Spark"),
    Choice("tensor", "tensor  Tensors", "needs a CUDA base"),
)


def listing(preselected: str = "plain", columns: int = 80) -> Listing:
    return Listing(CHOICES, preselected, lambda: columns)


def shown(listed: Listing) -> str:
    """Return the text of the list."""
    return "".join(text for _, text in listed._get_choice_tokens())


def test_impossible_choices_are_shown_with_their_reason() -> None:
    assert shown(listing()) == (
        "   - torch   Torch (needs a CUDA base)\n"
        " » plain   Plain\n"
        "   spark   Spark\n"
        "   - tensor  Tensors (needs a CUDA base)"
    )


def test_a_reason_that_is_too_long_goes_on_below() -> None:
    assert shown(listing(columns=24)).split("\n")[:2] == ["   - torch   Torch ", "     (needs a CUDA base)"]


def test_the_arrows_pass_over_what_is_impossible_and_go_round() -> None:
    listed = listing()
    values = []
    for by in (1, 1, 1, -1, -1):
        listed.move(by)
        values.append(listed.value)
    assert values == ["spark", "plain", "spark", "plain", "spark"]


def test_typing_narrows_the_list_and_highlights_what_is_possible() -> None:
    listed = listing("spark")
    listed.narrow("p")
    listed.narrow("L")
    assert shown(listed) == " » plain   Plain"
    assert listed.value == "plain"
    listed.widen()
    assert shown(listed) == " » plain   Plain\n   spark   Spark"


def test_a_search_that_leaves_only_impossible_choices_has_no_answer_and_no_end_of_moving() -> None:
    listed = listing()
    listed.narrow("tor")
    assert shown(listed) == " » - torch   Torch (needs a CUDA base)"
    listed.move(1)
    listed.move(-1)
    assert listed.value is None
    assert not listed.matches_nothing


def test_a_search_in_which_an_impossible_choice_comes_first_highlights_the_next() -> None:
    choices = (Choice("a1", "a1"), Choice("b1", "b1", "no"), Choice("b2", "b2"))
    listed = Listing(choices, "a1", lambda: 80)
    listed.narrow("b")
    assert listed.value == "b2"
    listed.move(1)
    assert listed.value == "b2"


def test_a_search_without_a_match_has_no_answer() -> None:
    listed = listing()
    listed.narrow("zz")
    assert listed.matches_nothing
    assert listed.value is None
    listed.widen()
    listed.widen()
    assert not listed.matches_nothing
    assert listed.value == "plain"


def test_widening_what_is_not_narrowed_changes_nothing() -> None:
    listed = listing("spark")
    listed.widen()
    assert listed.value == "spark"


def test_each_line_knows_its_choice() -> None:
    assert listing().choice_of_lines() == [0, 1, 2, 3]
    assert listing(columns=24).choice_of_lines() == [0, 0, 1, 2, 3, 3]
