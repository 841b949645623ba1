"""`wizard.py token`: the tokens of a service, on the machine that it runs on. What is changed counts at once."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING

from workbench.errors import UsageError, WorkbenchError
from workbench.table import columns

if TYPE_CHECKING:
    from workbench.replicasets.api.tokens import Token, Tokens

EXAMPLES = """\
  wizard.py token add anna --quota sets=2,gpus=1,memory=16GB --expires 90d      prints the token, this once
  wizard.py token add root --role admin                                         may change what belongs to others
  wizard.py token list
  wizard.py token rotate anna --grace 1h           a new secret; the old one counts for an hour more
  wizard.py token change anna --expires never --quota sets=5
  wizard.py token revoke anna                      counts no more; what it made stays anna's
"""
_WAYS = {
    "add": "make a token and print it",
    "list": "show all tokens, never their secrets",
    "rotate": "give a token a new secret and print it",
    "change": "change a token's role, quota or expiry",
    "revoke": "let a token count no more",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `token`."""
    ways = parser.add_subparsers(dest="way", required=True, metavar="|".join(_WAYS))
    made = {name: ways.add_parser(name, help=help_, allow_abbrev=False) for name, help_ in _WAYS.items()}
    for name, way in made.items():
        if name != "list":
            way.add_argument("name", metavar="NAME", help="owns what is made with the token")
        way.add_argument("--state", metavar="DIR", default="/var/lib/workbench", help="the service's folder")
    for name in ("add", "change"):
        made[name].add_argument(
            "--role", choices=("read", "operate", "admin"), help="default: operate" * (name == "add")
        )
        made[name].add_argument(
            "--quota",
            metavar="LIMITS",
            help="of its sets and volumes: sets=2,gpus=1,memory=16GB,volumes=2,disk=100GB; '' for none",
        )
        made[name].add_argument("--expires", metavar="WHEN", help="12h, 90d, 2027-01-31 (its end, UTC) or never")
    made["rotate"].add_argument("--grace", metavar="TIME", default="", help="how long the old one counts: 30m, 1h, 7d")
    made["revoke"].add_argument("--forget", action="store_true", help="free the name: the next of it owns what it made")
    made["list"].add_argument("--json", action="store_true", help="print them as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what the subcommand names; return the exit code."""
    from datetime import UTC, datetime

    from workbench.replicasets.api.token_texts import parse_quota, parse_time
    from workbench.replicasets.api.tokens import Tokens
    from workbench.replicasets.values import Quota, Role

    tokens, now = Tokens(os.path.abspath(args.state)), datetime.now(UTC)
    try:
        if args.way == "list":
            return _list(args, tokens, now)
        if args.way == "revoke":
            tokens.revoke(args.name, args.forget)
            print(f"{args.name} is {'forgotten' if args.forget else 'revoked'}")
        elif args.way == "rotate":
            print(tokens.rotate(args.name, parse_time(args.grace, now) if args.grace else ""))
        else:
            role = Role(args.role) if args.role else None
            quota = parse_quota(args.quota) if args.quota is not None else None
            expires = parse_time(args.expires, now) if args.expires else None
            if args.way == "add":
                print(tokens.add(args.name, role or Role.OPERATE, quota or Quota(), expires or ""))
            elif role is None and quota is None and expires is None:
                raise UsageError("there is nothing to change", hint="--role, --quota or --expires")
            else:
                tokens.change(args.name, role=role, quota=quota, expires=expires)
                print(f"{args.name} is changed")
    except OSError as error:
        raise WorkbenchError(
            f"cannot be used: {error.strerror}", where=args.state, hint="name the service's folder by --state"
        ) from None
    return 0


def _list(args: argparse.Namespace, tokens: Tokens, now: object) -> int:
    from datetime import datetime

    from workbench.replicasets.api.token_texts import quota_text

    assert isinstance(now, datetime)
    used = tokens.used()

    def shown(token: Token) -> tuple[str, ...]:
        standing = "revoked" if token.revoked else "expired" if token.refusal(now) else "valid"
        last = used.get(token.name, "")
        return (
            *(token.name, token.role.value, standing, token.created, token.expires, last),
            quota_text(token.quota),
        )

    titles = ("NAME", "ROLE", "STATE", "MADE", "EXPIRES", "LAST USED", "QUOTA")
    rows = [shown(token) for token in tokens.all()]
    if args.json:
        keys = ("name", "role", "state", "created", "expires", "lastUsed", "quota")
        print(json.dumps({"tokens": [dict(zip(keys, row, strict=True)) for row in rows]}, indent=2))
    else:
        print(columns(titles, rows))
    return 0
