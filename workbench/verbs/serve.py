"""`wizard.py serve`: the service that runs replica sets."""

from __future__ import annotations

import argparse
import os
import re
import sys

from workbench.errors import UsageError

EXAMPLES = """\
  wizard.py serve                                       on http://127.0.0.1:2378, state in /var/lib/workbench
  wizard.py serve --root /srv/shared --ports 40000-40999
  wizard.py serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
  wizard.py serve --store etcd://127.0.0.1:2379 --engine unix:///run/podman/podman.sock
  wizard.py serve --add-token root --role admin         may change what belongs to others
  wizard.py serve --add-token anna --role operate --quota sets=2,gpus=1,memory=16GB
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `serve`."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=2378, help="port to listen on, 0 for any (2378)")
    parser.add_argument("--tls-cert", metavar="FILE", default="", help="certificate, and those above it, as PEM")
    parser.add_argument("--tls-key", metavar="FILE", default="", help="its key, as PEM")
    parser.add_argument(
        "--insecure", action="store_true", help="listen beyond this machine without TLS: tokens can be read on the way"
    )
    parser.add_argument("--state", metavar="DIR", default="/var/lib/workbench", help="folder of all that is kept")
    parser.add_argument("--store", metavar="FILE|etcd://HOST:PORT", default="", help="default: a file in --state")
    parser.add_argument(
        "--root", metavar="DIR", action="append", default=[], help="a folder below which may be bound; repeatable"
    )
    parser.add_argument(
        "--keep-versions", type=int, default=0, metavar="N", help="of each set, the current one too; default: all"
    )
    parser.add_argument("--gpu-kind", metavar="KIND", default="nvidia.com/gpu", help="kind of the CDI devices")
    parser.add_argument("--ports", metavar="A-B", default="40000-65535", help="the host's ports to give to sets")
    parser.add_argument("--publish", metavar="ADDRESS", default="127.0.0.1", help="where sets' ports are (127.0.0.1)")
    parser.add_argument("--engine", metavar="unix://SOCKET", default="", help="default: a podman that serve starts")
    parser.add_argument("--add-token", metavar="NAME", default="", help="make a token, print it and end")
    parser.add_argument("--role", choices=("read", "operate", "admin"), default="operate", help="of the token to make")
    parser.add_argument(
        "--quota",
        metavar="LIMITS",
        default="",
        help="of its sets and volumes: sets=2,gpus=1,memory=16GB,volumes=2,disk=100GB",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; or make a token."""
    from workbench.replicasets.api.tokens import Tokens, parse_quota
    from workbench.replicasets.values import Role

    if bool(args.tls_cert) != bool(args.tls_key):
        raise UsageError("--tls-cert and --tls-key go together")
    if args.tls_cert:
        from workbench.replicasets.api.tls import check_certificate

        check_certificate(args.tls_cert, args.tls_key)
    state = os.path.abspath(args.state)
    tokens = Tokens(state)
    if args.quota and not args.add_token:
        raise UsageError("--quota is for --add-token")
    quota = parse_quota(args.quota)
    _make(state)
    for path in tokens.begin():
        print(f"token: {path}", file=sys.stderr)
    if args.add_token:
        print(tokens.add(args.add_token, Role(args.role), quota))
        return 0
    return _serve(args, state, tokens)


def _make(state: str) -> None:
    from workbench.errors import WorkbenchError

    try:
        os.makedirs(state, mode=0o700, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"cannot be made: {error.strerror}", where=state, hint="choose one by --state") from None


def _serve(args: argparse.Namespace, state: str, tokens: object) -> int:
    from workbench.replicasets.api.app import make_app
    from workbench.replicasets.api.audit import Audit
    from workbench.replicasets.api.serving import is_loopback, leaving, listen, reconciling, serve
    from workbench.replicasets.api.tokens import Tokens
    from workbench.replicasets.engines.opening import engine_service
    from workbench.replicasets.service import ReplicaSets
    from workbench.replicasets.settings import Settings
    from workbench.replicasets.watching import watching

    assert isinstance(tokens, Tokens)
    match = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", args.ports)
    if match is None or not 0 <= args.port <= 65535:
        raise UsageError("--port is a number to 65535, --ports a range such as 40000-40999")
    engine = None if args.engine else engine_service(state)
    settings = Settings(
        engine=args.engine or (engine.address if engine else ""),
        store=args.store or os.path.join(state, "replicasets.db"),
        roots=tuple(os.path.abspath(root) for root in args.root),
        first_port=int(match[1]),
        last_port=int(match[2]),
        publish=args.publish,
        gpu_kind=args.gpu_kind,
        keep_versions=args.keep_versions,
        volumes=os.path.join(state, "volumes"),
    )
    listening = listen(args.host, args.port)
    plain = not args.tls_cert and not is_loopback(listening)
    if plain and not args.insecure:
        listening.close()
        raise UsageError(
            f"{args.host} is not this machine alone: tokens could be read on the way",
            hint="--tls-cert and --tls-key, or --insecure when something before it speaks TLS",
        )
    service = ReplicaSets(settings)

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        with leaving(), reconciling(service, engine, report), watching(service, report):
            host, port = listening.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"http{'s' if args.tls_cert else ''}://{shown}:{port}", flush=True)
            if plain:
                print("warning: not on loopback, and without TLS: tokens can be read on the way", file=sys.stderr)
            app = make_app(service, tokens, Audit(os.path.join(state, "audit.log")))
            serve(app, listening, args.tls_cert, args.tls_key)
    finally:
        if engine is not None:
            engine.close()
        service.close()
    return 0
