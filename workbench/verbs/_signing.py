"""What the verbs that push share: the key that signs what is pushed."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.attest.signing.keys import PrivateKey

# The variable that names the key where no flag does.
KEY = "WORKBENCH_SIGN_KEY"


def sign_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name the key."""
    parser.add_argument(
        "--sign-key",
        metavar="FILE",
        help="sign what is pushed, in cosign's format, with this private key: cosign's, or PEM of ECDSA P-256; "
        f"env://NAME is a variable that holds it; default: what {KEY} names, '' for none",
    )
    parser.add_argument(
        "--sign-password-file",
        metavar="FILE",
        default="",
        help="it has the key's password; default: COSIGN_PASSWORD, else it is typed at the terminal",
    )


def signing_key(args: argparse.Namespace, *, pushes: bool = True) -> PrivateKey | None:
    """Return the key that the flags or the environment name, None for none or where nothing `pushes`.

    Raises UsageError for flags that mean nothing, and what `private_key` raises.
    """
    if not pushes:
        if args.sign_key or args.sign_password_file:
            raise UsageError("what is pushed is signed, and nothing is pushed", hint="give --push too")
        return None
    reference = os.environ.get(KEY, "") if args.sign_key is None else args.sign_key
    if not reference:
        if args.sign_password_file:
            raise UsageError("there is a password, and no key", hint="name the key by --sign-key")
        return None
    from workbench.attest.signing.key_files import private_key

    return private_key(reference, args.sign_password_file)


def sign(repository: str, identity: str, key: PrivateKey | None, tags: Sequence[str]) -> None:
    """Sign the image with the id `identity` that was pushed to `repository` under these tags, where there is a key.

    Raises what `sign_pushed` raises. Whoever signs nothing does not load cryptography.
    """
    if key is not None:
        from workbench.attest.signing.sign import sign_pushed

        sign_pushed(repository, tags, identity, key)
