"""`wizard.py verify`: who signed an image, and whether that counts."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from workbench.errors import FaultsError, UsageError
from workbench.notes import print_note

if TYPE_CHECKING:
    from workbench.attest.signing.verify import Verified

EXAMPLES = """\
  wizard.py verify quay.io/team/images:TAG --key cosign.pub
  wizard.py verify quay.io/team/images@sha256:… --key old.pub --key new.pub    one of them suffices
  wizard.py verify mirror.example.com/images:TAG --key cosign.pub --signed-as quay.io/team/images
Exit code 0: every image is signed by one of the keys. 1: one is not. 2: the command line cannot be read.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `verify`."""
    parser.description = (
        "Check that images in a registry are signed, in cosign's format, by one of the keys, for this repository."
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="with its registry, and a tag or a digest")
    parser.add_argument(
        "--key",
        dest="keys",
        metavar="FILE",
        action="append",
        required=True,
        help="public key of ECDSA P-256, as cosign writes it; env://NAME is a variable that holds it; repeatable",
    )
    parser.add_argument(
        "--signed-as",
        metavar="REPO",
        default="",
        help="the repository that the signatures are for, where images were copied with them (default: their own)",
    )
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Check all of them, print what counts, and raise FaultsError with what does not."""
    from workbench.attest.signing.key_files import public_key
    from workbench.attest.signing.verify import verify_image
    from workbench.images.push import check_repository
    from workbench.names import is_image, is_qualified, split_reference

    signed_as = check_repository(args.signed_as) if args.signed_as else ""
    for image in args.images:
        if not is_image(image) or not is_qualified(image) or image.startswith("localhost/"):
            raise UsageError(f"{image!r} names no image of a registry", hint="write it as quay.io/team/images:TAG")
    keys = [public_key(reference) for reference in args.keys]
    found = []
    for image in args.images:
        repository, reference = split_reference(image)
        verified = verify_image(image, repository, reference, keys, signed_as or repository)
        found.append(verified)
        if not args.json and not verified.fault:
            _print(verified)
    if args.json:
        print(json.dumps([each.as_data() for each in found], indent=2))
    if bad := [(each.image, each.fault) for each in found if each.fault]:
        named = " or ".join(args.keys)
        raise FaultsError(f"not signed by {named}: {len(bad)} of {len(found)} images", bad)
    return 0


def _print(verified: Verified) -> None:
    """Print who signed an image and as what, and notes about what does not count."""
    print(f"{verified.image}\n  digest     {verified.digest}")
    for key, fingerprint in dict.fromkeys((each.key, each.fingerprint) for each in verified.valid):
        own = [each.claim for each in verified.valid if each.fingerprint == fingerprint and each.claim]
        print(f"  signed by  {key}, {fingerprint}")
        for claim in own:
            print("  as         " + ", ".join(filter(None, (claim.reference, claim.creator, claim.signed))))
    signed = [name for name, fault in verified.records.items() if not fault]
    if signed:
        print(f"  attached   {', '.join(signed)}, signed too")
    for each in verified.checks:
        if each.fault:
            print_note(f"another signature {each.fault}", about=verified.image)
    for digest, fault in verified.images.items():
        if fault:
            print_note(f"podman and CRI-O check the images of an index, and {digest} {fault}", about=verified.image)
    for name, fault in verified.records.items():
        if fault:
            print_note(f"{name} is attached, and {fault}", about=verified.image)
