from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.containerfile.words import expanded
from workbench.errors import WorkbenchError

KNOWN = {"A": "a", "EMPTY": "", "PATH": "/bin"}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("plain", "plain"),
        ("$A-${A}", "a-a"),
        ("$AB${NONE}", ""),
        ("'$A'", "$A"),
        ('"$A b"', "a b"),
        (r"\$A", "$A"),
        (r'"\$A \" \n"', r'$A " \n'),
        (r"a\ b", "a b"),
        ("${NONE:-x}${EMPTY:-y}${EMPTY-z}${A:-w}", "xya"),
        ("${A:+x}${EMPTY:+y}${EMPTY+z}${NONE+w}", "xz"),
        ("/x:${PATH}${LD:+:${LD}}", "/x:/bin"),
        ("${NONE:-${A}b}", "ab"),
        ("${A:?must}", "a"),
        ("$", "$"),
        ("a$", "a$"),
        ("$$", ""),
        ("$1x", "x"),
        ("back\\", "back"),
        ("", ""),
    ],
)
def test_a_word(word: str, value: str) -> None:
    assert expanded(word, KNOWN) == value


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("'open", "a single quote is not closed"),
        ('"open', "a double quote is not closed"),
        ("${A", "${ is not closed"),
        ("${A:-x", "${ is not closed"),
        ("${}", "${ names no variable"),
        ("${A%.*}", "${A%…} is not supported"),
        ("${A:=x}", "${A:=…} is not supported"),
        ("${NONE:?give it}", "NONE has no value: give it"),
    ],
)
def test_a_word_that_cannot_be_read(word: str, said: str) -> None:
    with pytest.raises(WorkbenchError) as raised:
        expanded(word, KNOWN)
    assert raised.value.message == said


@given(st.text(alphabet="$ {}:-+?'\"\\AB\n", max_size=30))
def test_whatever_a_word_is_it_is_read_or_refused(word: str) -> None:
    try:
        expanded(word, KNOWN)
    except WorkbenchError as error:
        assert error.message


@given(st.text(max_size=30))
def test_single_quotes_keep_everything(text: str) -> None:
    kept = text.replace("'", "")
    assert expanded(f"'{kept}'", KNOWN) == kept
