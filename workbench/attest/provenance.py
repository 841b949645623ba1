"""How an image came to be: an in-toto statement with SLSA provenance, version 1."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from workbench import __version__
from workbench.recipes.read import RecipeManifest

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
# Ours: what `externalParameters` holds, and that a recipe folder was given to a builder.
BUILD_TYPE = "urn:workbench-images:recipe:1"


def provenance(
    manifest: RecipeManifest,
    *,
    source: str,
    image: str,
    image_id: str,
    base_digest: str,
    builder: str,
    versions: Mapping[str, str],
    began: datetime.datetime,
    ended: datetime.datetime,
) -> str:
    """Return the statement that `image` was built from the recipe that `manifest` describes.

    `source` is the digest over all that it was made from; `base_digest` ("sha256:…") is empty when
    it is not known. Options given to the builder are left out: they may hold secrets.
    """
    inputs = [_material(path, digest) for path, digest in sorted(manifest.inputs.items())]
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": image, "digest": _sha256(image_id)}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"tag": manifest.tag, "selection": asdict(manifest.selection)},
                "internalParameters": {"source": source},
                "resolvedDependencies": [_material(manifest.image, base_digest), *inputs],
            },
            "runDetails": {
                "builder": {
                    "id": f"urn:workbench-images:{builder}",
                    "version": {"workbench-images": __version__, **versions},
                },
                "metadata": {"startedOn": _instant(began), "finishedOn": _instant(ended)},
            },
        },
    }
    return f"{json.dumps(statement, indent=2, ensure_ascii=False)}\n"


def about(text: str, name: str, digest: str) -> str:
    """Return the statement `text` with another subject: an image has a digest of its own in each registry."""
    statement: dict[str, Any] = json.loads(text)
    statement["subject"] = [{"name": name, "digest": _sha256(digest)}]
    return f"{json.dumps(statement, indent=2, ensure_ascii=False)}\n"


def _material(uri: str, digest: str) -> dict[str, Any]:
    return {"uri": uri, **({"digest": _sha256(digest)} if digest else {})}


def _sha256(digest: str) -> dict[str, str]:
    return {"sha256": digest.removeprefix("sha256:")}


def _instant(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
