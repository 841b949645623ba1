from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.compose.placeholders import NAMES, left_over, substitute

VALUES = {name: f"<{name.lower()}>" for name in NAMES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM ${BASE_IMAGE}\n", "FROM <base_image>\n"),
        ("FROM $BASE_IMAGE\n", "FROM <base_image>\n"),
        ("RUN echo $RELEASE$DATE-${CUDA}x\n", "RUN echo <release><date>-<cuda>x\n"),
        ("RUN echo $CUDA_VERSION $DATES $XDATE\n", "RUN echo $CUDA_VERSION $DATES $XDATE\n"),
        ("RUN echo ${#RELEASE} ${RELEASE:-x} ${RELEASE%a}\n", "RUN echo ${#RELEASE} ${RELEASE:-x} ${RELEASE%a}\n"),
        (
            "RUN for i in $(ls); do echo ${i} $i $$ {{ x }}; done\n",
            "RUN for i in $(ls); do echo ${i} $i $$ {{ x }}; done\n",
        ),
        ("ARG RELEASE\nRUN echo $RELEASE $DATE\n", "ARG RELEASE\nRUN echo $RELEASE <date>\n"),
        ("ARG RELEASE=1\nRUN echo ${RELEASE}\n", "ARG RELEASE=1\nRUN echo ${RELEASE}\n"),
        (
            "env CUDA=12 \\\n  DATE=$RELEASE\nRUN echo $CUDA $DATE\n",
            "env CUDA=12 \\\n  DATE=<release>\nRUN echo $CUDA $DATE\n",
        ),
        ("RUN x\r\n\tCOPY  $DATE\f\n\n\n", "RUN x\r\n\tCOPY  <date>\f\n\n\n"),
        (r"RUN echo \${RELEASE} \$DATE" "\n", r"RUN echo \${RELEASE} \$DATE" "\n"),
        (r"RUN echo \\${RELEASE} \\\$DATE" "\n", r"RUN echo \\<release> \\\$DATE" "\n"),
        ("", ""),
    ],
)
def test_substitution(text: str, expected: str) -> None:
    assert substitute(text, VALUES) == expected


def test_a_value_is_never_read_again() -> None:
    assert substitute("RUN $CUDA\n", {"CUDA": "$RELEASE", "RELEASE": "x"}) == "RUN $RELEASE\n"


def test_what_is_left_is_found() -> None:
    assert left_over("FROM ${BASE_IMAGE}\nARG DATE\nRUN $DATE $OTHER $RELEASE\n") == ["${BASE_IMAGE}", "$RELEASE"]


fragments = st.lists(
    st.sampled_from([f"${{{name}}}" for name in NAMES] + [f"${name}" for name in NAMES])
    | st.text(st.characters(codec="utf-8", exclude_characters="$"), max_size=8)
    | st.sampled_from(["$", "$$", "${", "}", "${x}", "$(date)", "${#x}", "{{", "\\", "\n", "RUN ", "FROM x\n"])
)


@given(fragments)
@example(["$", "{", "DATE", "}"])
def test_every_other_byte_stays(parts: list[str]) -> None:
    """Whatever stands around them, exactly the placeholders that are not escaped are replaced."""
    text = "".join(parts)
    if re.search(r"\b(ARG|ENV)\b", text, re.IGNORECASE):
        return
    found = substitute(text, VALUES)
    expected, rest = "", text
    pattern = re.compile("|".join(rf"\$\{{{n}\}}|\${n}(?![A-Za-z0-9_])" for n in NAMES))
    while match := pattern.search(rest):
        before = rest[: match.start()]
        is_escaped = (len(before) - len(before.rstrip("\\"))) % 2
        expected += before + (match[0] if is_escaped else VALUES[match[0].strip("${}")])
        rest = rest[match.end() :]
    assert found == expected + rest


@given(st.text())
def test_a_text_without_placeholders_stays_byte_for_byte(text: str) -> None:
    if not any(f"${name}" in text or f"${{{name}" in text for name in NAMES):
        assert substitute(text, VALUES).encode(errors="surrogatepass") == text.encode(errors="surrogatepass")
