"""`wizard.py keys`: key pairs that sign images."""

from __future__ import annotations

import argparse
import json

EXAMPLES = """\
  wizard.py keys new                            cosign.key, encrypted with a password, and cosign.pub
  wizard.py keys new ~/keys/team                ~/keys/team.key and ~/keys/team.pub
  wizard.py keys new team --password-file word  without a terminal; or the password is in COSIGN_PASSWORD
  wizard.py keys public team.key                print the public key of a private one
cosign reads and writes the same files.
"""
_WAYS = {
    "new": "make a key pair: NAME.key, to keep secret, and NAME.pub, to give away",
    "public": "print the public key of a private key",
}
_PASSWORD = "it has the password; default: COSIGN_PASSWORD, else it is typed at the terminal"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `keys`."""
    ways = parser.add_subparsers(dest="way", required=True, metavar="|".join(_WAYS))
    made = {name: ways.add_parser(name, help=help_, allow_abbrev=False) for name, help_ in _WAYS.items()}
    made["new"].add_argument(
        "name", metavar="NAME", nargs="?", default="cosign", help="path of the files, without .key and .pub (cosign)"
    )
    made["public"].add_argument("name", metavar="FILE", help="private key: a file, or env://NAME for a variable")
    for way in made.values():
        way.add_argument("--password-file", metavar="FILE", default="", help=_PASSWORD)
        way.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Make the pair and print its files, or print the public key."""
    from workbench.attest.signing.key_files import new_pair, private_key, public_key

    if args.way == "public":
        key = private_key(args.name, args.password_file).public
        if args.json:
            print(json.dumps({"key": key.pem(), "fingerprint": key.fingerprint}, indent=2))
        else:
            print(key.pem(), end="")
        return 0
    private, public = new_pair(args.name, args.password_file)
    if args.json:
        fingerprint = public_key(public).fingerprint
        print(json.dumps({"private": private, "public": public, "fingerprint": fingerprint}, indent=2))
        return 0
    print(f"{private}  keep it secret: it signs\n{public}  give it away: it checks")
    return 0
