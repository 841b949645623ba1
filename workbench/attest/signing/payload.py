"""What a signature of an image is made of: a claim that names the image's digest, in the form of simple signing."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from workbench import __version__
from workbench.errors import WorkbenchError

# What cosign signs, and containers/image, which podman, CRI-O and skopeo check with (5.23 to 5.34), reads strictly:
# https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md, as of cosign 2.5 (2025-04).
_TYPE = "cosign container image signature"


@dataclass(frozen=True, slots=True)
class Claim:
    """The digest of a manifest, the image's name that it was signed as, by which program, and when ("" if unknown).

    `signed` is in UTC.
    """

    digest: str
    reference: str
    creator: str = ""
    signed: str = ""

    @property
    def repository(self) -> str:
        """The name it was signed as, without a tag or digest."""
        name = self.reference.partition("@")[0]
        head, slash, last = name.rpartition("/")
        name = f"{head}{slash}{last.partition(':')[0]}"
        # What cosign calls Docker Hub.
        return f"docker.io/{name.removeprefix('index.docker.io/')}" if name.startswith("index.docker.io/") else name


def encode(digest: str, reference: str) -> bytes:
    """Return the bytes to sign for the image of this digest, as `reference`, by this program, now."""
    return json.dumps(
        {
            "critical": {
                "identity": {"docker-reference": reference},
                "image": {"docker-manifest-digest": digest},
                "type": _TYPE,
            },
            "optional": {"creator": f"workbench-images {__version__}", "timestamp": int(time.time())},
        },
        separators=(",", ":"),
    ).encode()


def decode(data: bytes) -> Claim:
    """Return what signed bytes claim; raises WorkbenchError when that is no claim about an image."""
    try:
        document = json.loads(data)
        critical, optional = document["critical"], document.get("optional") or {}
        digest, reference = critical["image"]["docker-manifest-digest"], critical["identity"]["docker-reference"]
        if critical["type"] != _TYPE or not isinstance(digest, str) or not isinstance(reference, str):
            raise ValueError
        seconds = optional.get("timestamp")
        signed = ""
        if isinstance(seconds, int) and 0 < seconds < 1 << 34:
            signed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
        return Claim(digest, reference, str(optional.get("creator") or ""), signed)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WorkbenchError("what was signed is no claim about an image") from None
