"""Reading `recipe.toml` back: to replay a selection, to check a folder, to build it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.catalog.questions import KEYS, REQUIRED, Answers, Selection
from workbench.compose.recipe import FORMAT, MANIFEST, RECORDS
from workbench.errors import WorkbenchError
from workbench.files import entries_below

# A recipe.toml has a few hundred lines; a device has no end.
_MOST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class RecipeManifest:
    """What a recipe.toml says: the tag, the base image, the selection, digests of inputs and files by path."""

    tag: str
    image: str
    selection: Selection
    inputs: Mapping[str, str]
    files: Mapping[str, str]


def answers_from(path: str, flags: Answers) -> dict[str, str]:
    """Return the answers of the recipe.toml at `path` (or in the folder `path`), with those of `flags` in their place.

    Raises what `read_manifest` raises.
    """
    given = read_manifest(path).selection.as_answers()
    if any(value != given.get(name) for name, value in flags.items()):
        # Another base, system or date has another base image: the one that was found then does not count.
        given.pop("image", None)
    return {**given, **flags}


def read_manifest(path: str) -> RecipeManifest:
    """Return what the recipe.toml at `path` (or in the folder `path`) says.

    Raises WorkbenchError when there is none, when it is not TOML, or when it is not of our form.
    """
    file = os.path.join(path, MANIFEST) if os.path.isdir(path) else path
    try:
        with open(file, "rb") as source:
            text = source.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise WorkbenchError(f"has more than {_MOST_BYTES} bytes, and is no {MANIFEST}", where=file)
        data = tomllib.loads(text.decode())
    except OSError as error:
        raise WorkbenchError(f"cannot be read: {error.strerror}", where=file) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WorkbenchError(f"is not TOML: {error}", where=file) from None
    if data.get("format") != FORMAT:
        raise WorkbenchError(
            f"has the format {data.get('format')!r}, and this version reads {FORMAT}",
            where=file,
            hint="compose the recipe again from its selection",
        )
    answers = _strings(data.get("selection"), "selection", file)
    missing = [name for name in REQUIRED if name not in answers]
    unknown = [name for name in answers if name not in KEYS]
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has unknown answers: {', '.join(unknown)}"
        raise WorkbenchError(f"its selection {what}", where=file)
    return RecipeManifest(
        tag=_string(data.get("tag"), "tag", file),
        image=_string(data.get("from"), "from", file),
        selection=Selection(**answers),
        inputs=_strings(data.get("inputs"), "inputs", file),
        files=_strings(data.get("files"), "files", file),
    )


def _string(value: object, key: str, file: str) -> str:
    if not isinstance(value, str):
        raise WorkbenchError(f"{key} must be a string", where=file)
    return value


def _strings(value: object, key: str, file: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise WorkbenchError(f"[{key}] must be a table of strings", where=file)
    return value


def read_files(folder: str) -> dict[str, bytes]:
    """Return the files of a recipe folder by their path in it, empty folders too, without the records of a build.

    Of a link to no file it is the path that it names. Raises WorkbenchError when one cannot be read.
    """
    files = {}
    for path in entries_below(folder):
        full = os.path.join(folder, path)
        if path in RECORDS:
            continue
        try:
            files[path] = _bytes(full)
        except OSError as error:
            raise WorkbenchError(f"cannot be read: {error.strerror}", where=full) from None
    return files


def _bytes(path: str) -> bytes:
    if path.endswith("/"):
        return b""
    if os.path.islink(path) and not os.path.isfile(path):
        return os.readlink(path).encode()
    with open(path, "rb") as source:
        return source.read()
