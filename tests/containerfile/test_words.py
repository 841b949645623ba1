from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.containerfile.words import expanded, expansion
from workbench.errors import WorkbenchError

KNOWN = {"A": "a", "EMPTY": "", "PATH": "/bin", "V": "1.2.3", "F": "a/b*c/b", "STAR": "*"}


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
        ("${V%.*}-${V%%.*}-${V#*.}-${V##*.}", "1.2-1-2.3-3"),
        ("${V%x}${EMPTY%*}${NONE%%*}${V%}", "1.2.31.2.3"),
        ("${V%?}${V#??}${V##*}", "1.2.2.3"),
        (r"${F%\**}${F#*\/}${F%'*c/b'}", "a/bb*c/ba/b*"),
        ("${F%$STAR}|${F%%/$STAR}|${F%%${STAR}}", "a/b*c/b|a|"),
        ("${V/./-}${V//./-}", "1-2.31-2-3"),
        ("${V/9/x}${V//?/x}${V//*/x}", "1.2.3xxxxxx"),
        (r"${F/\//-}${F//\/b/}${F//b/$A}", "a-b*c/ba*ca/a*c/a"),
        ("${NONE/a/b}${EMPTY//a/b}", ""),
        ('"${V%.*}"', "1.2"),
        ("${NONE:-${V%.*}}", "1.2"),
    ],
)
def test_a_word(word: str, value: str) -> None:
    assert expanded(word, KNOWN) == value


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("'open", "a single quote is not closed"),
        ('"open', "a double quote is not closed"),
        ("${A", "${ is not closed"),
        ("${A:-x", "${ is not closed"),
        ("${}", "${ names no variable"),
        ("${A:=x}", "${A:=…} is not supported"),
        ("${A:%x}", "${A:%…} is not supported"),
        ("${A^x}", "${A^…} is not supported"),
        ("${A:", "${A:…} is not supported"),
        ("${A%x", "${ is not closed"),
        ("${A/x}", "${ is not closed"),
        (r"${A%\x}", r"'\\x' is no pattern: \x means nothing in it"),
        ("${NONE:?give it}", "NONE has no value: give it"),
    ],
)
def test_a_word_that_cannot_be_read(word: str, message: str) -> None:
    with pytest.raises(WorkbenchError) as raised:
        expanded(word, KNOWN)
    assert raised.value.message == message


@given(st.text(alphabet="$ {}:-+?%#/*'\"\\AB\n", max_size=30))
def test_whatever_a_word_is_it_is_read_or_refused(word: str) -> None:
    try:
        expanded(word, KNOWN)
    except WorkbenchError as error:
        assert error.message


@given(st.text(max_size=30))
def test_single_quotes_keep_everything(text: str) -> None:
    kept = text.replace("'", "")
    assert expanded(f"'{kept}'", KNOWN) == kept


def test_names_without_a_value_are_reported() -> None:
    found = expansion("$A${NONE:-x}${GONE%.*}$EMPTY", KNOWN)
    assert (found.text, sorted(found.unknown)) == ("ax", ["GONE", "NONE"])


# What a shell that is no part of this package makes of the same words.
@given(
    st.text(alphabet="ab.*", max_size=8),
    st.text(alphabet="ab.*?", max_size=4),
    st.sampled_from(["%", "%%", "#", "##"]),
)
@settings(max_examples=60, deadline=None)
def test_patterns_are_those_of_a_shell(value: str, pattern: str, modifier: str) -> None:
    word = f"${{V{modifier}{pattern}}}"
    done = subprocess.run(
        ["/bin/sh", "-c", f'printf %s "{word}"'], env={"V": value}, capture_output=True, text=True, check=True
    )
    assert expanded(word, {"V": value}) == done.stdout
