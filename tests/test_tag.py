from __future__ import annotations

import datetime
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.catalog.bases import default_bases, image_stems
from workbench.catalog.cuda_layers import LAYERS, layer_tags
from workbench.errors import UsageError, WorkbenchError
from workbench.tag import LONGEST_TAG, BaseTag, Tag, format_tag, parse_base_tag, parse_tag

names = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,12}[a-z0-9])?", fullmatch=True).filter(lambda name: ".." not in name)
dates = st.dates(datetime.date(1000, 1, 1)).map(lambda day: f"{day:%Y%m%d}".zfill(8)) | st.just("latest")
tags = st.builds(
    Tag,
    prefix=st.sampled_from(["", "cuda"]),
    ide=names,
    bundle=names,
    os=names,
    python=st.from_regex(r"py3[0-9]{1,2}", fullmatch=True),
    release=st.from_regex(r"20[0-9]{2}[a-z]", fullmatch=True),
    date=dates,
)


@given(tags, st.sets(names, max_size=3), st.sets(names, max_size=3))
def test_parse_is_the_inverse_of_format(tag: Tag, more_ides: set[str], more_bundles: set[str]) -> None:
    """Whatever else the catalogue names, a tag is read back as it was written, or called ambiguous."""
    text = format_tag(tag)
    assert len(text) <= LONGEST_TAG
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", text)
    try:
        assert parse_tag(text, {tag.ide, *more_ides}, {tag.bundle, *more_bundles}, {tag.os}) == tag
    except WorkbenchError as error:
        assert "is ambiguous" in error.message
        assert more_ides or more_bundles or tag.ide.startswith("cuda-")


def test_names_may_hold_hyphens() -> None:
    text = "cuda-stability-studio-stable-diffusion-c9s-py312_2026a_20261122"
    tag = parse_tag(text, ["stability", "stability-studio"], ["stable-diffusion"], ["c9s"])
    assert tag == Tag("cuda", "stability-studio", "stable-diffusion", "c9s", "py312", "2026a", "20261122")
    assert str(tag) == text


def test_two_readings_are_an_error_that_lists_both() -> None:
    with pytest.raises(WorkbenchError, match=r"ambiguous: .*IDE a, bundle b-c.*IDE a-b, bundle c"):
        parse_tag("a-b-c-c9s-py311_2026a_latest", ["a", "a-b"], ["c", "b-c"], ["c9s"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a tag of ours"),
        ("jupyter-minimal", "is not a tag of ours"),
        ("jupyter-minimal-c9s-py311_2026a", "is not a tag of ours"),
        ("jupyter-minimal-c9s-py311_2026a_20260230", "no day of the calendar"),
        ("jupyter-minimal-c9s-py311_2026a_2026112", "is not a date"),
        ("emacs-minimal-c9s-py311_2026a_latest", "make up 'emacs-minimal-c9s'"),
        ("x" * 200 + "-c9s-py311_2026a_latest", "is not a tag of ours"),
    ],
)
def test_what_is_no_tag_is_refused(text: str, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        parse_tag(text, ["jupyter"], ["minimal"], ["c9s"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"date": "99999999"}, "no day of the calendar"),
        ({"date": "2026-11-22"}, "is not a date"),
        ({"release": "../../x"}, "cannot be a release name"),
        ({"release": "2026_a"}, "cannot be a release name"),
        ({"bundle": "mini mal"}, "cannot name the bundle"),
        ({"ide": "jupyter;reboot"}, "cannot name the IDE"),
        ({"os": "-c9s"}, "cannot name the operating system"),
        ({"python": "3.11"}, "is not the Python of a tag"),
        ({"bundle": "b" * 100}, "would have 133 characters"),
    ],
)
def test_a_part_that_cannot_be_in_a_tag_is_refused(changed: dict[str, str], message: str) -> None:
    parts = {"ide": "jupyter", "bundle": "minimal", "os": "c9s", "python": "py311", "release": "2026a"}
    with pytest.raises(UsageError, match=re.escape(message)):
        format_tag(Tag(prefix="", **{**parts, "date": "20261122", **changed}))


STEMS = image_stems(default_bases().values())


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("base-bookworm-py311_2026a_20261122", BaseTag("base standard", "bookworm", "py311", "2026a", "20261122")),
        ("cuda-c9s-py312-base_2026a_latest", BaseTag("base cuda-thin", "c9s", "py312", "2026a", "latest")),
        ("cuda-c9s-py312-runtime_2026a_latest", BaseTag("CUDA layer runtime", "c9s", "py312", "2026a", "latest")),
        (
            "cuda-base-c9s-py312_2026a_latest",
            BaseTag("CUDA layer runtime-cudnn", "c9s", "py312", "2026a", "latest"),
        ),
        ("base-plan9-py311_2026a_20261122", None),
        ("jupyter-minimal-bookworm-py311_2026a_20261122", None),
    ],
)
def test_tags_of_bases_and_layers(text: str, tag: BaseTag | None) -> None:
    assert parse_base_tag(text, STEMS, ["bookworm", "c9s"]) == tag


def test_every_layer_and_base_is_known_by_its_own_tag() -> None:
    names = [base.image_tag("c9s", "3.12", "2026a", "latest") for base in default_bases().values()]
    names += [name for layer in LAYERS for name in layer_tags(layer, "c9s", "3.12", "2026a", "latest")]
    assert [parse_base_tag(name, STEMS, ["c9s"]) is not None for name in names] == [True] * len(names)
