"""Containerfiles whose images are out of reach, for a comparison of all else: `scratch` stands in for each of them."""

from __future__ import annotations

import re

_SYNTAX = re.compile(r"\A(?:#[^\n]*\n)*?#\s*syntax\s*=[^\n]*\n", re.IGNORECASE)
_FROM = re.compile(
    r"^(?P<before>\s*FROM\s+(?:--platform=\S+\s+)?)(?P<image>\S+)(?P<name>\s+AS\s+(?P<stage>\S+))?",
    re.IGNORECASE | re.MULTILINE,
)
_TAKEN = re.compile(r"(?P<before>--from=|[,=]from=)(?P<image>[^\s,]+)")
OUTSIDE = "an-image-from-outside"


def without_images(text: str) -> str:
    """Return a Containerfile that stands on nothing where it stands on an image, and copies from none."""
    match = _SYNTAX.match(text)
    text = text[match.end() :] if match else text
    names: set[str] = set()
    taken = False

    def head(match: re.Match[str]) -> str:
        image, stage = match["image"], (match["stage"] or "").lower()
        image = image if image.lower() in names or ("$" in image and _named(image, text)) else "scratch"
        names.add(stage)
        return f"{match['before']}{image}{match['name'] or ''}"

    def source(match: re.Match[str]) -> str:
        nonlocal taken
        name = match["image"]
        if name.lower() in names or name.isdigit() or "$" in name:
            return match[0]
        taken = True
        return f"{match['before']}{OUTSIDE}"

    text = _TAKEN.sub(source, _FROM.sub(head, text))
    first = _FROM.search(text)
    # Numbers of stages would move.
    if not taken or first is None or re.search(r"--from=\d", text):
        return text
    return f"{text[: first.start()]}FROM scratch AS {OUTSIDE}\n{text[first.start() :]}"


def _named(image: str, text: str) -> bool:
    """Return whether a name with a variable (cuda-${TARGETARCH}) may be that of a stage."""
    prefix = image.partition("$")[0]
    return bool(prefix) and re.search(rf"^\s*FROM\s.*\sAS\s+{re.escape(prefix)}", text, re.I | re.M) is not None
