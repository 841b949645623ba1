"""What a Containerfile downloads without a checksum: whoever answers at that address decides what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.containerfile.parser import instructions
from workbench.containerfile.remote import is_address, is_commit, is_git

_URL = re.compile(r"\b(?:https?|ftp)://[^\s'\";|&)]+")
# What a command compares what it got with: a checksum, or a signature by a key.
_COMPARED = re.compile(
    r"\bsha(?:1|224|256|384|512)(?:sum)?\b|\bb2sum\b|\bmd5sum\b|\bgpgv?\b|--checksum|--require-hashes|\bcosign\b"
)
# Commands that install what lies at an address, or keep it.
_COMMAND = re.compile(
    r"\b(?:rpm\s+(?:-\S+\s+)*-\w*[iUF]\w*|(?:yum|dnf|microdnf|zypper)\b[^;&|]*\binstall\b|pip3?\s+install\b|curl\b|wget\b)"
    r"[^;&|]*"
)


# Where pip looks for packages, which are compared by their own hashes.
_INDEX = re.compile(r"(?:-i|--index-url|--extra-index-url|-f|--find-links)[ =]\S+")


def unchecked_downloads(text: str) -> Iterator[tuple[int, str]]:
    """Yield `(line, message)` for every ADD and RUN of a Containerfile that downloads and compares nothing.

    Raises WorkbenchError for a text that cannot be read.
    """
    for item in instructions(text):
        if item.word == "ADD":
            for word in item.args:
                if not is_address(word) or any(flag.startswith("--checksum=") for flag in item.flags):
                    continue
                if not is_git(word):
                    yield item.line, f"ADD {word} has no checksum: --checksum=sha256:… compares one"
                elif not is_commit(word.partition("#")[2].partition(":")[0]):
                    yield item.line, f"ADD {word} is another one tomorrow: write the commit behind #"
        elif item.word == "RUN":
            command = item.command
            if _COMPARED.search(command):
                continue
            for found in _COMMAND.finditer(command):
                pip = found[0].startswith("pip")
                url = _URL.search(_INDEX.sub("", found[0]) if pip else found[0])
                if url and not _is_hashed(found[0], url[0]):
                    word = found[0].split()[0]
                    yield item.line, f"{word} takes {url[0]} without a checksum: compare one with `sha256sum --check`"


def _is_hashed(command: str, url: str) -> bool:
    # pip's own way, a local address, and what only asks whether a server responds.
    return "#sha256=" in command or re.match(r"https?://(?:localhost|127\.|\[::1)", url) is not None
