"""What a model returned, as files and text: data URLs are decoded, and what has no file in it is printed."""

from __future__ import annotations

import base64
import binascii
import json
import mimetypes
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from workbench.errors import WorkbenchError

# Where the files go that nobody named.
_NAME = "output"
_DATA = re.compile(r"data:(?P<kind>[\w.+-]+/[\w.+-]+)?(?P<words>(?:;[\w.+-]+=[^;,]*)*)(?P<base64>;base64)?,", re.ASCII)
# The usual ending of types that have several, or that older Pythons do not know.
_ENDINGS = {"audio/x-wav": ".wav", "audio/wav": ".wav", "image/webp": ".webp", "image/jpeg": ".jpg"}


@dataclass(slots=True)
class Outputs:
    """What is done with an output: `text` is to be printed ("" for nothing), `files` are those that were written.

    `value` is the output with the paths of the files in the places of their content.
    """

    value: Any = None
    text: str = ""
    files: list[str] = field(default_factory=list)


def write_output(output: Any, schema: Mapping[str, Any], path: str = "") -> Outputs:  # noqa: ANN401 - JSON
    """Write the files of an output, and what it is else if there is a `path`; return what was written and is to print.

    One file is written to `path`, several to it with a number or their key before its ending, and into it where it is
    a folder. `schema` is that of the output, {} where it is not known: then each data URL is a file. Raises
    WorkbenchError for what cannot be decoded or written.
    """
    done = Outputs()
    done.value = _placed(output, schema, path, [], done)
    if schema.get("x-cog-array-display") == "concatenate" and isinstance(done.value, list) and not done.files:
        text = "".join(map(str, done.value))
    elif isinstance(done.value, str):
        text = done.value
    elif done.value is None:
        text = ""
    else:
        text = json.dumps(done.value, indent=2, ensure_ascii=False)
    if done.files and _only_files(output, schema):
        return done
    if path and text and not done.files:
        target = _target(path, [], ".txt" if isinstance(done.value, str) else ".json")
        _write(target, (text if text.endswith("\n") else f"{text}\n").encode())
        done.files.append(target)
    else:
        done.text = text
    return done


def _placed(value: Any, schema: Mapping[str, Any], path: str, keys: list[str], done: Outputs) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [_placed(each, items, path, [*keys, str(at)], done) for at, each in enumerate(value)]
    if isinstance(value, dict):
        parts = schema.get("properties") or {}
        return {key: _placed(each, parts.get(key) or {}, path, [*keys, key], done) for key, each in value.items()}
    if not isinstance(value, str) or not _is_file(value, schema):
        return value
    data, ending = _decoded(value)
    target = _target(path, keys, ending)
    _write(target, data)
    done.files.append(target)
    return target


def _is_file(value: str, schema: Mapping[str, Any]) -> bool:
    """Return whether a text is the content of a file. A text that only begins like one is what the schema says."""
    return bool(_DATA.match(value)) and (schema.get("format") == "uri" or schema.get("type") != "string")


def _only_files(output: Any, schema: Mapping[str, Any]) -> bool:  # noqa: ANN401 - JSON
    parts = output if isinstance(output, list) else [output]
    items = (schema.get("items") or {}) if isinstance(output, list) else schema
    return all(isinstance(each, str) and _is_file(each, items) for each in parts)


def _decoded(value: str) -> tuple[bytes, str]:
    """Return the content of a data URL (RFC 2397), and the ending of its type."""
    match = _DATA.match(value)
    assert match is not None
    kind = match["kind"] or "text/plain"
    text = value[match.end() :]
    try:
        data = base64.b64decode(text, validate=True) if match["base64"] else unquote_to_bytes(text)
    except (binascii.Error, ValueError):
        raise WorkbenchError(f"an output of the model is no valid data URL: {value[:60]}…") from None
    return data, _ENDINGS.get(kind) or mimetypes.guess_extension(kind, strict=False) or ""


def _target(path: str, keys: list[str], ending: str) -> str:
    """Return the path of one file of an output."""
    if not path or path.endswith("/") or os.path.isdir(path):
        path = os.path.join(path, f"{_NAME}{ending}")
    stem, own = os.path.splitext(path)
    if not all(key.isdigit() for key in keys):
        own = ending or own  # files of an object are of different types
    # A key is the model's: as part of a name it leads to no other folder.
    return ".".join([stem, *(re.sub(r"[^\w-]+", "_", key) for key in keys)]) + own


def _write(path: str, data: bytes) -> None:
    try:
        if folder := os.path.dirname(path):
            os.makedirs(folder, exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    except OSError as error:
        raise WorkbenchError(f"the output cannot be written: {error.strerror}", where=path) from None
