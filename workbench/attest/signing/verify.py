"""Checking the signatures of an image that a registry has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from workbench.attest.signing.keys import PublicKey
from workbench.attest.signing.payload import Claim, decode
from workbench.attest.signing.sign import members
from workbench.attest.signing.signatures import Signature, signature_tag, stored_signatures
from workbench.errors import WorkbenchError
from workbench.registry.referrers import TITLE, attached
from workbench.registry.repository import Repository


@dataclass(frozen=True, slots=True)
class Check:
    """A signature that was checked: the key that made it and what it claims, or why it does not count."""

    key: str = ""
    fingerprint: str = ""
    claim: Claim | None = None
    fault: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        claim = self.claim
        return {
            "valid": not self.fault,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "reference": claim.reference if claim else "",
            "digest": claim.digest if claim else "",
            "creator": claim.creator if claim else "",
            "signed": claim.signed if claim else "",
            "fault": self.fault,
        }


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of an image: its digest, its signatures, and why it is not accepted ("" if it is).

    `images` are those of an index, and `records` the documents that are attached, both by name, each with
    why it is not accepted.
    """

    image: str
    digest: str
    checks: tuple[Check, ...]
    fault: str
    images: Mapping[str, str]
    records: Mapping[str, str]

    @property
    def valid(self) -> list[Check]:
        """The signatures that count."""
        return [check for check in self.checks if not check.fault]

    def as_data(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            **{key: value for key, value in asdict(self).items() if key != "checks"},
            "verified": not self.fault,
            "signatures": [check.as_data() for check in self.checks],
        }


def verify_image(image: str, repository: str, reference: str, keys: Sequence[PublicKey], signed_as: str) -> Verified:
    """Check the signatures of `image`, the tag or digest `reference` of `repository`, with any of the keys.

    They have to claim its digest, and the repository `signed_as`. Raises WorkbenchError when the registry does not
    answer, and when it has something else where signatures are.
    """
    with Repository(repository) as remote:
        manifest = remote.manifest(reference)
        if manifest is None:
            return Verified(image, "", (), "is not in the registry", {}, {})

        def found(digest: str) -> tuple[Check, ...]:
            return tuple(check(each, digest, signed_as, keys) for each in stored_signatures(remote, digest))

        def fault_of(digest: str) -> str:
            return _fault(found(digest), digest)

        checks = found(manifest.digest)
        return Verified(
            image,
            manifest.digest,
            checks,
            _fault(checks, manifest.digest),
            {digest: fault_of(digest) for digest in members(manifest)},
            {
                str((each.get("annotations") or {}).get(TITLE) or each["digest"]): fault_of(each["digest"])
                for each in attached(remote, manifest.digest)
            },
        )


def check(signature: Signature, digest: str, repository: str, keys: Sequence[PublicKey]) -> Check:
    """Check a signature with the keys: that one made it, and that it claims this digest in this repository."""
    if signature.fault:
        return Check(fault=signature.fault)
    key = next((key for key in keys if key.made(signature.signature, signature.payload)), None)
    if key is None:
        return Check(fault="is by another key, or of a claim that was changed since")
    # What it claims is read only now: before, anybody may have written it.
    by = (key.name, key.fingerprint)
    try:
        claim = decode(signature.payload)
    except WorkbenchError as error:
        return Check(*by, fault=error.message)
    if claim.digest != digest:
        return Check(*by, claim, f"is of another image, {claim.digest}, and was copied")
    if claim.repository != repository:
        return Check(*by, claim, f"is for {claim.reference}, and not for {repository}")
    return Check(*by, claim)


def _fault(checks: Sequence[Check], digest: str) -> str:
    """Return why an image with these signatures is not accepted, "" if it is."""
    if not checks:
        return f"is not signed: there is no tag {signature_tag(digest)}"
    if any(not each.fault for each in checks):
        return ""
    reasons = list(dict.fromkeys(each.fault for each in checks))
    if len(checks) == 1:
        return f"its signature {reasons[0]}"
    if len(reasons) == 1:
        return f"has {len(checks)} signatures, and each {reasons[0]}"
    return f"has {len(checks)} signatures: one {'; one '.join(reasons)}"
