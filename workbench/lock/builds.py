"""Which packages of a lock have builds for one architecture and not for another: uv looks them up in their indexes."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence

from workbench.catalog.builds import record_name
from workbench.files import cache_folder, write_whole
from workbench.lock.conflict import uv_program
from workbench.lock.pipfile import data_of
from workbench.lock.sources import addresses_of
from workbench.packages import normalized_name, pins
from workbench.process import captured

# The lists are locked for the first; for the others it is recorded what they lack.
LOCKED_FOR, OTHERS = "x86_64", ("aarch64",)
# The oldest C library of the systems is that of RHEL 9.
_PLATFORM = "{}-manylinux_2_34"
# uv 0.13: "Because NAME==VERSION has no wheels with a matching platform tag (…) and you require …".
_LACKS = re.compile(r"Because ([A-Za-z0-9._-]+)==\S+ has no (?:\S+ )?wheels")


def record_missing_builds(folder: str, pipfile: str, python: str) -> dict[str, list[str]]:
    """Write down beside the lists in `folder` which of their packages have no build for other architectures.

    `pipfile` is the text that the lists were locked from. Returns them by architecture. Without uv nothing is written,
    and nothing found.
    """
    found = missing_builds(lists_in(folder), pipfile, python)
    for architecture, lacking in (found or {}).items():
        path = os.path.join(folder, record_name(architecture))
        if lacking:
            write_whole(path, record_text(architecture, lacking))
        elif os.path.exists(path):
            os.unlink(path)
    return {architecture: lacking for architecture, lacking in (found or {}).items() if lacking}


def missing_builds(
    lists: Sequence[str], pipfile: str, python: str, architectures: Sequence[str] = OTHERS
) -> dict[str, list[str]] | None:
    """Return which packages of requirement lists (their texts) have no build for an architecture, by architecture.

    Those that have one for none are built from source everywhere, and are not meant. None where there is no uv.
    """
    program = uv_program()
    if program is None:
        return None
    versions, indexes = [dict(pins(text)) for text in lists], _indexes(pipfile)
    found = {}
    for architecture in architectures:
        lacking: set[str] = set()
        for each in versions:
            lacking |= _lacking(program, each, architecture, python, indexes)
        for each in versions if lacking else ():
            ours = {name: version for name, version in each.items() if name in lacking}
            lacking -= _lacking(program, ours, LOCKED_FOR, python, indexes)
        found[architecture] = sorted(lacking)
    return found


def lists_in(folder: str) -> list[str]:
    """Return the texts of the requirement lists in a folder, by their names in order."""
    names = [name for name in os.listdir(folder) if name.startswith("requirements") and name.endswith(".txt")]
    texts = []
    for name in sorted(names):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            texts.append(file.read())
    return texts


def record_text(architecture: str, names: Sequence[str]) -> str:
    """Return the text of the record of packages without a build for an architecture."""
    head = f"# No build for {architecture} in their indexes; written when the lists were locked.\n"
    return head + "".join(f"{name}\n" for name in names)


def _indexes(pipfile: str) -> dict[str, str]:
    first, *further = addresses_of(data_of(pipfile)) or [""]
    settings = {"UV_DEFAULT_INDEX": first, "UV_INDEX": " ".join(further), "UV_CACHE_DIR": cache_folder("uv")}
    return {name: value for name, value in settings.items() if value}


def _lacking(
    program: str, versions: Mapping[str, str], architecture: str, python: str, indexes: Mapping[str, str]
) -> set[str]:
    """Return the packages of `versions` without a wheel for an architecture: uv names one, and is asked again."""
    lacking: set[str] = set()
    command = [program, "pip", "compile", "-", "--no-deps", "--only-binary=:all:", "--no-config", "--quiet"]
    command += ["--python-platform", _PLATFORM.format(architecture), "--python-version", python]
    command += ["--no-python-downloads", "--index-strategy=unsafe-best-match", "--no-header", "--no-annotate"]
    while len(lacking) < len(versions):
        lines = [f"{name}=={version}" for name, version in versions.items() if name not in lacking]
        with tempfile.TemporaryDirectory(prefix="workbench-builds-") as folder:
            path = os.path.join(folder, "requirements.in")
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
            done = captured(
                [path if word == "-" else word for word in command], cwd=folder, env={**os.environ, **indexes}
            )
        text = " ".join(re.sub(r"[×╰─▶│]", " ", done.stderr).split())
        match = _LACKS.search(text)
        if done.returncode == 0 or match is None:
            break
        lacking.add(normalized_name(match[1]))
    return lacking
