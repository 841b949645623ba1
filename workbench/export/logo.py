"""The picture of a WorkspaceKind: its first letters on a square, drawn here so that a cluster need fetch nothing."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape

_FILE, _TYPE = "logo.svg", "image/svg+xml"
_SQUARE = '<rect width="64" height="64" rx="10" fill="#1f4e79"/>'
_TEXT = '<text x="32" y="41" font-family="sans-serif" font-size="26" fill="#fff" text-anchor="middle">{}</text>'


def logo(name: str, display: str, namespace: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the ConfigMap with the picture of `display`, and the reference to it that a WorkspaceKind has."""
    words = re.findall(r"[A-Za-z0-9]+", display) or [name]
    letters = words[0][:2] if len(words) == 1 else words[0][0] + words[1][0]
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">{_SQUARE}{_TEXT.format(escape(letters))}</svg>\n'
    )
    metadata = {
        "name": f"{name}-logo",
        "namespace": namespace,
        "labels": {"notebooks.kubeflow.org/image-source": "true"},
    }
    picture = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {_FILE: drawing}}
    where = {"name": metadata["name"], "namespace": namespace, "key": _FILE, "mediaType": _TYPE}
    return picture, {"configMap": where}
