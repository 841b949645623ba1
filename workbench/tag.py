"""The tag of an image: `{prefix-}{ide}-{bundle}-{os}-{python}_{release}_{date}`, both ways."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workbench.commands import here
from workbench.errors import UsageError, WorkbenchError
from workbench.names import NAME_RULE, check_date, check_release, is_name, python_version

# OCI distribution specification 1.1: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
LONGEST_TAG = 128
# The label of an image that has its tag.
TAG_LABEL = "io.workbench-images.tag"
_PARTS = re.compile(r"(?P<body>.+)-(?P<python>py[0-9]{2,3})_(?P<release>[^_]+)_(?P<date>[^_]+)")


@dataclass(frozen=True, slots=True)
class Tag:
    """The parts of a tag; `str()` formats it.

    `prefix` is what the base puts before it, such as cuda, or empty; `python` is written as in the tag (py311).
    """

    prefix: str
    ide: str
    bundle: str
    os: str
    python: str
    release: str
    date: str

    def __str__(self) -> str:
        prefix = f"{self.prefix}-" if self.prefix else ""
        return f"{prefix}{self.ide}-{self.bundle}-{self.os}-{self.python}_{self.release}_{self.date}"


@dataclass(frozen=True, slots=True)
class BaseTag:
    """The parts of the tag of a base image or a CUDA layer; `image` is which, `python` as in the tag (py311)."""

    image: str
    os: str
    python: str
    release: str
    date: str


def parse_base_tag(text: str, stems: Mapping[str, Collection[str]], oses: Collection[str]) -> BaseTag | None:
    """Return the parts of the tag of a base image or a CUDA layer, None when it is none of them.

    `stems` are what their tags begin with, such as base-{os}-{python}, by image.
    """
    for image, ways in stems.items():
        for stem in ways:
            pattern = (
                re.escape(stem).replace(r"\{os\}", "(?P<os>.+)").replace(r"\{python\}", "(?P<python>py[0-9]{2,3})")
            )
            parts = re.fullmatch(f"{pattern}_(?P<release>[^_]+)_(?P<date>[^_]+)", text)
            if parts and parts["os"] in oses:
                release, date = check_release(parts["release"]), check_date(parts["date"])
                return BaseTag(image, parts["os"], parts["python"], release, date)
    return None


def format_tag(tag: Tag) -> str:
    """Return the text of `tag` after checking every part.

    Raises UsageError for a part outside its character set and for more than 128 characters.
    """
    named = (("prefix", tag.prefix), ("IDE", tag.ide), ("bundle", tag.bundle), ("operating system", tag.os))
    for what, name in named:
        if not is_name(name) and (name or what != "prefix"):
            raise UsageError(f"{name!r} cannot name the {what} of a tag", hint=NAME_RULE)
    if python_version(tag.python) is None:
        raise UsageError(f"{tag.python!r} is not the Python of a tag", hint="write it as py311")
    check_release(tag.release)
    check_date(tag.date)
    text = str(tag)
    if len(text) > LONGEST_TAG:
        raise UsageError(
            f"the tag would have {len(text)} characters and an image tag may have {LONGEST_TAG}: {text}",
            hint="use a shorter bundle, IDE or release name",
        )
    return text


def parse_tag(
    text: str,
    ides: Collection[str],
    bundles: Collection[str],
    oses: Collection[str],
    prefixes: Collection[str] = ("cuda",),
) -> Tag:
    """Return the parts of a tag, read against the names that exist.

    Names may hold hyphens, so the text alone does not say where one ends. Raises WorkbenchError
    when the text has not the form of a tag, when no known names fit, and when more than one
    reading does (it lists them).
    """
    parts = _PARTS.fullmatch(text)
    if parts is None or len(text) > LONGEST_TAG:
        raise WorkbenchError(
            f"{text!r} is not a tag of ours",
            hint="the form is {prefix-}{ide}-{bundle}-{os}-{python}_{release}_{date}",
        )
    release, date = check_release(parts["release"]), check_date(parts["date"])
    readings = [
        Tag(prefix, ide, bundle, os, parts["python"], release, date)
        for prefix in ("", *prefixes)
        if not prefix or parts["body"].startswith(f"{prefix}-")
        for body in (parts["body"].removeprefix(f"{prefix}-") if prefix else parts["body"],)
        for ide in ides
        if body.startswith(f"{ide}-")
        for os in oses
        if body.endswith(f"-{os}")
        for bundle in bundles
        if body == f"{ide}-{bundle}-{os}"
    ]
    if len(readings) == 1:
        return readings[0]
    if readings:
        listed = "; ".join(f"prefix {r.prefix or '-'}, IDE {r.ide}, bundle {r.bundle}, OS {r.os}" for r in readings)
        raise WorkbenchError(f"{text} is ambiguous: {listed}", hint="rename one of the bundles or IDEs")
    raise WorkbenchError(
        f"{text}: no IDE, bundle and operating system of the catalogue make up {parts['body']!r}",
        hint=f"`{here('list')}` shows the names there are",
    )
