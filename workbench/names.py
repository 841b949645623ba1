"""Which names may reach a path, a shell, a tag or a label; and what to suggest on a miss."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterable

from workbench.errors import UsageError, WorkbenchError

LATEST = "latest"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# What `is_name` takes, for messages.
NAME_RULE = "use letters and digits, with dots, hyphens and underscores between them"
_RELEASE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_PYTHON = re.compile(r"([1-9])\.([0-9]{1,2})")
_PYTHON_FOLDER = re.compile(r"py([1-9])([0-9]{1,2})")
_LIST_FOLDER = re.compile(r"(?P<python>py[1-9][0-9]{1,2})(?:-(?P<lists>.+))?")

# The reference grammar of the OCI distribution specification 1.1 (name, tag, digest), with the
# registry host in front that Docker and podman add to it.
_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9.-]+(?=:[0-9]))(?::[0-9]{1,5})?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:(?P<host>{_HOST})/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def is_name(text: str) -> bool:
    """Return whether `text` may name a bundle, an IDE or an operating system."""
    return _NAME.fullmatch(text) is not None and ".." not in text


def is_release(text: str) -> bool:
    """Return whether `text` may name a release: no underscore, because the tag splits there."""
    return _RELEASE.fullmatch(text) is not None and ".." not in text


def check_date(text: str) -> str:
    """Return `text` when it is `latest` or a day written YYYYMMDD.

    Raises UsageError for anything else, 20260230 included.
    """
    if text == LATEST:
        return text
    if len(text) == 8 and text.isascii() and text.isdigit():
        try:
            datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            raise UsageError(f"{text} is no day of the calendar", hint="write the date as YYYYMMDD") from None
        return text
    raise UsageError(f"{text!r} is not a date", hint="write YYYYMMDD, or 'latest'")


def check_release(text: str) -> str:
    """Return `text` when it may name a release; raises UsageError otherwise."""
    if not is_release(text):
        raise UsageError(
            f"{text!r} cannot be a release name",
            hint="use a year and a letter such as 2026a: letters, digits, dots and hyphens only",
        )
    return text


def python_folder(version: str) -> str:
    """Return the folder and tag part of a Python: "3.11" gives "py311".

    Raises UsageError when `version` is not MAJOR.MINOR.
    """
    match = _PYTHON.fullmatch(version)
    if match is None:
        raise UsageError(f"{version!r} is not a Python version", hint="write it as 3.11")
    return f"py{match[1]}{match[2]}"


def python_version(folder: str) -> str | None:
    """Return the Python of a folder name: "py311" gives "3.11"; None when it is no such name."""
    match = _PYTHON_FOLDER.fullmatch(folder)
    return f"{match[1]}.{match[2]}" if match else None


def python_of(folder: str) -> str | None:
    """Return the Python of a folder of a base: py311, or 3.11 as the original names it; None when it is neither."""
    return python_version(folder) or (folder if _PYTHON.fullmatch(folder) else None)


def list_folder(python: str, lists: str = "") -> str:
    """Return the folder of a bundle's package lists for a Python ("3.11"): py311, or py311-cpu for the lists "cpu".

    Raises UsageError when `python` is not MAJOR.MINOR.
    """
    return f"{python_folder(python)}-{lists}" if lists else python_folder(python)


def python_of_lists(folder: str) -> str | None:
    """Return the Python of a folder of package lists: py311 and py311-cpu give "3.11"; None for any other name."""
    match = _LIST_FOLDER.fullmatch(folder)
    if match is None or not (match["lists"] is None or is_name(match["lists"])):
        return None
    return python_version(match["python"])


def lists_of_folder(folder: str) -> str:
    """Return which lists a folder of package lists has: "cpu" for py311-cpu, "" for py311 and for any other name."""
    return folder.partition("-")[2] if python_of_lists(folder) else ""


def is_image(text: str) -> bool:
    """Return whether `text` is an image reference (OCI grammar), qualified or not."""
    return _REFERENCE.fullmatch(text) is not None


def is_qualified(image: str) -> bool:
    """Return whether the reference names its registry, so that no search list can move it."""
    match = _REFERENCE.fullmatch(image)
    return match is not None and match["host"] is not None


def with_tag(image: str, tag: str) -> str:
    """Return `image` with its tag (and any digest) replaced by `tag`."""
    match = _REFERENCE.fullmatch(image)
    return f"{match['name'] if match else image}:{tag}"


def split_reference(image: str) -> tuple[str, str]:
    """Return the repository of an image's name, and its digest, else its tag, else `latest`."""
    match = _REFERENCE.fullmatch(image)
    if match is None:
        return image, LATEST
    return match["name"], match["digest"] or match["tag"] or LATEST


def suggestion(wanted: str, known: Iterable[str]) -> str:
    """Return a hint for a name that is not known: the nearest ones, or all there are."""
    names = list(dict.fromkeys(known))
    if near := _near(wanted, names):
        return f"did you mean {' or '.join(near[:3])}?"
    return f"there is {', '.join(names)}" if names else "there is none"


def is_near(wanted: str, known: Iterable[str]) -> bool:
    """Return whether `wanted` is almost the spelling of a known name: a slip of a letter or two."""
    return bool(difflib.get_close_matches(wanted, list(known), n=1, cutoff=0.6))


def _near(wanted: str, names: list[str]) -> list[str]:
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    return near + [name for name in names if wanted and name.startswith(wanted) and name not in near]


def pick(wanted: str, known: Iterable[str], what: str) -> str:
    """Return `wanted` when it is exactly one of `known`.

    Raises WorkbenchError that names `what` and suggests the nearest names. Exact on purpose: the
    original matched by prefix and took the last match (fault W5).
    """
    names = list(known)
    if wanted in names:
        return wanted
    raise WorkbenchError(f"no {what} is named {wanted!r}", hint=suggestion(wanted, names))
