"""`wizard.py serve`: the service that runs replica sets."""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import TYPE_CHECKING

from workbench.errors import UsageError, WorkbenchError

if TYPE_CHECKING:
    from workbench.replicasets.builds.queue import Builds
    from workbench.replicasets.engines.protocol import EngineService
    from workbench.replicasets.service import ReplicaSets
    from workbench.replicasets.settings import Settings

KUBERNETES = "kubernetes"
EXAMPLES = """\
  wizard.py serve                                       on http://127.0.0.1:2378, state in /var/lib/workbench
  wizard.py serve --preflight                           what works here, and why not: limits, pausing, ports ...
  wizard.py serve --fetch-terminal                      what the page's terminal is made of, with npm
  wizard.py serve --root /srv/shared --ports 40000-40999
  wizard.py serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
  wizard.py serve --workbenches 2379                    sets' IDEs at http://127.0.0.1:2379/s/NAME/, after the login
  wizard.py serve --compat --no-token                   for clients of gpu-docker-api on this machine
  wizard.py serve --store etcd://127.0.0.1:2379 --engine unix:///run/podman/podman.sock
  wizard.py serve --engine kubernetes --namespace team  sets are Pods of the cluster of the kubeconfig, or of this Pod
  wizard.py serve --builds                              whoever operates may build images from the page
  wizard.py serve --disk-limit 50GB --keep-versions 5   what each version may hold, and how many of them
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
    parser.add_argument(
        "--compat",
        action="store_true",
        help="answer clients of gpu-docker-api as it does: HTTP 200 with a code, its time format, bodies of any type",
    )
    parser.add_argument(
        "--no-token", action="store_true", help="with --compat, on loopback: whoever is on this machine may operate"
    )
    parser.add_argument(
        "--cors", metavar="ORIGIN", action="append", default=[], help="pages of that site may use it; repeatable"
    )
    parser.add_argument(
        "--see",
        choices=("own", "all"),
        default="own",
        help="what tokens of the role operate see: their own sets, volumes and images, or everybody's (own)",
    )
    parser.add_argument("--state", metavar="DIR", default="/var/lib/workbench", help="folder of all that is kept")
    parser.add_argument("--store", metavar="FILE|etcd://HOST:PORT", default="", help="default: a file in --state")
    parser.add_argument(
        "--root", metavar="DIR", action="append", default=[], help="a folder below which may be bound; repeatable"
    )
    parser.add_argument(
        "--keep-versions", type=int, default=0, metavar="N", help="of each set, the current one too; default: all"
    )
    parser.add_argument(
        "--disk-limit",
        metavar="SIZE",
        default="",
        help="what a version may change on its image: 50GB; default: no limit",
    )
    parser.add_argument(
        "--gpu-kind", metavar="KIND", default="nvidia.com/gpu", help="kind of the CDI devices, resource of Kubernetes"
    )
    parser.add_argument("--ports", metavar="A-B", default="40000-65535", help="the host's ports to give to sets")
    parser.add_argument("--publish", metavar="ADDRESS", default="127.0.0.1", help="where sets' ports are (127.0.0.1)")
    parser.add_argument(
        "--workbenches",
        metavar="[ADDRESS:]PORT",
        default="",
        help="serve sets' IDEs too, below /s/NAME/ of another port, after the service's login",
    )
    parser.add_argument(
        "--workbenches-url",
        metavar="URL",
        default="",
        help="where browsers find that; https://*.example.org gives each set a host of its own",
    )
    parser.add_argument(
        "--engine", metavar="unix://SOCKET|kubernetes", default="", help="default: a podman that serve starts"
    )
    parser.add_argument("--namespace", metavar="NAME", default="", help="of Kubernetes; default: the kubeconfig's")
    parser.add_argument(
        "--kubeconfig", metavar="FILE", default="", help="default: this Pod's, KUBECONFIG, ~/.kube/config"
    )
    parser.add_argument(
        "--site", metavar="FILE", default="", help="of Kubernetes: where Pods may be, as for `export kubernetes`"
    )
    parser.add_argument("--preflight", action="store_true", help="try what sets need, report that and end")
    parser.add_argument("--no-preflight", action="store_true", help="do not try at start what sets need")
    parser.add_argument(
        "--builds",
        metavar="ROLE",
        nargs="?",
        const="operate",
        default="",
        choices=["operate", "admin"],
        help="let that role (operate) build images from the page: a build runs code on this machine; default: nobody",
    )
    parser.add_argument("--ca-bundle", metavar="FILE", default="", help="for builds, as `build` takes it")
    parser.add_argument(
        "--fetch-terminal", action="store_true", help="fetch what the page's terminal is made of, with npm, and end"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; or try what sets need."""
    from workbench.locks import sole
    from workbench.replicasets.api.tokens import Tokens
    from workbench.replicasets.startup import check_state

    if bool(args.tls_cert) != bool(args.tls_key):
        raise UsageError("--tls-cert and --tls-key go together")
    if args.tls_cert:
        from workbench.replicasets.api.tls import check_certificate

        check_certificate(args.tls_cert, args.tls_key)
    state = os.path.abspath(args.state)
    tokens = Tokens(state, sees_all=args.see == "all")
    check_state(state)
    if args.fetch_terminal:
        return _fetch(state)
    with sole(os.path.join(state, "service.lock")) as other:
        if other:
            raise WorkbenchError(
                f"a service runs on this folder already{f' (process {other})' if other > 0 else ''}",
                where=state,
                hint="stop that one, or choose another folder by --state",
            )
        for path in tokens.begin():
            print(f"token: {path}", file=sys.stderr)
        return _serve(args, state, tokens)


def _serve(args: argparse.Namespace, state: str, tokens: object) -> int:
    from contextlib import ExitStack

    from workbench.catalog.releases import LOCAL_REPOSITORY
    from workbench.replicasets.api.app import make_app
    from workbench.replicasets.api.audit import Audit
    from workbench.replicasets.api.compat import Compat, checked_origins
    from workbench.replicasets.api.libraries import FOLDER, Libraries
    from workbench.replicasets.api.proxy.places import Site
    from workbench.replicasets.api.proxy.serving import Workbenches, serving
    from workbench.replicasets.api.serving import is_loopback, leaving, listen, reconciling, serve
    from workbench.replicasets.api.starting import failing_at_start
    from workbench.replicasets.api.tokens import Tokens
    from workbench.replicasets.engines.opening import engine_service
    from workbench.replicasets.operations.reach import PREFIX as REACHED
    from workbench.replicasets.quantities import size
    from workbench.replicasets.roots import is_below
    from workbench.replicasets.service import ReplicaSets
    from workbench.replicasets.settings import Settings
    from workbench.replicasets.startup import check_start
    from workbench.replicasets.watching import watching

    assert isinstance(tokens, Tokens)
    try:
        origins = checked_origins(args.cors)
    except ValueError as error:
        raise UsageError(f"{error} is no origin", hint="--cors https://pages.example.org, without a path") from None
    match = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", args.ports)
    if match is None or not 0 <= args.port <= 65535:
        raise UsageError("--port is a number to 65535, --ports a range such as 40000-40999")
    _check_builds(args)
    engine = None if args.engine else engine_service(state)
    settings = Settings(
        engine=_address(args) or (engine.address if engine else ""),
        store=args.store or os.path.join(state, "replicasets.db"),
        roots=tuple(os.path.abspath(root) for root in args.root),
        first_port=int(match[1]),
        last_port=int(match[2]),
        publish=args.publish,
        gpu_kind=args.gpu_kind,
        keep_versions=args.keep_versions,
        disk=size(args.disk_limit) if args.disk_limit else 0,
        volumes=os.path.join(state, "volumes"),
        engine_log=engine.log if engine else "",
        mounts=os.path.join(state, "mounts"),
        reserved=(LOCAL_REPOSITORY,),
        proxied=bool(args.workbenches),
    )
    if any(is_below(os.path.realpath(state), root) for root in settings.roots):
        raise UsageError(
            f"{state} is below a --root: sets could read the service's tokens and change its store",
            hint="choose a folder of the sets' own, such as /srv/shared",
        )
    check_start(settings)
    if args.preflight:
        return _preflight(settings, engine)
    if args.workbenches_url and not args.workbenches:
        raise UsageError("--workbenches-url goes with --workbenches")
    site_url, place = _url(args), _door(args) if args.workbenches else None
    listening = listen(args.host, args.port)
    plain = not args.tls_cert and not is_loopback(listening)
    if plain and not args.insecure:
        listening.close()
        raise UsageError(
            f"{args.host} is not this machine alone: tokens could be read on the way",
            hint="--tls-cert and --tls-key, or --insecure when something before it speaks TLS",
        )
    if args.no_token and not (args.compat and is_loopback(listening)):
        listening.close()
        raise UsageError("--no-token is for --compat on loopback: elsewhere everybody could run containers here")
    service = ReplicaSets(settings)
    workbenches, door, builds = None, None, None
    if place is not None:
        door = listen(*place)
        number = door.getsockname()[1]
        plain = plain or (not args.tls_cert and not is_loopback(door))
        if plain and not args.insecure:
            door.close()
            listening.close()
            raise UsageError(
                f"{args.workbenches} is not this machine alone: sessions could be read on the way",
                hint="--tls-cert and --tls-key, or --insecure when something before it speaks TLS",
            )
        site = Site(number, site_url)
        page = "" if site.url else str(listening.getsockname()[1])
        workbenches = Workbenches(service, tokens, site, page)

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        with ExitStack() as stack:
            stack.enter_context(leaving())
            stack.enter_context(reconciling(service, engine, report))
            stack.enter_context(watching(service, report))
            if not args.no_preflight:
                failing_at_start(service, state, report)
            host, port = listening.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"http{'s' if args.tls_cert else ''}://{shown}:{port}", flush=True)
            if plain:
                print("warning: not on loopback, and without TLS: tokens can be read on the way", file=sys.stderr)
            if workbenches is not None and door is not None:
                stack.enter_context(serving(workbenches, door, args.tls_cert, args.tls_key))
                where = workbenches.site.url or f"port {workbenches.site.port} of this host"
                report(f"sets' IDEs: {where}, below {REACHED}NAME/")
            audit = Audit(os.path.join(state, "audit.log"))
            compat, libraries = Compat(args.compat, args.no_token, origins), Libraries(os.path.join(state, FOLDER))
            builds = _builds(args, state, service)
            app = make_app(
                service, tokens, audit, compat=compat, libraries=libraries, workbenches=workbenches, builds=builds
            )
            serve(app, listening, args.tls_cert, args.tls_key)
    finally:
        if builds is not None:
            builds.close()
        if engine is not None:
            engine.close()
        service.close()
        tokens.flush()
    return 0


def _door(args: argparse.Namespace) -> tuple[str, int]:
    """Return the address and the port that --workbenches names; without an address it is the service's own."""
    host, _, port = args.workbenches.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{args.workbenches} is no port", hint="--workbenches 2379 or --workbenches 0.0.0.0:2379")
    return host.strip("[]") or args.host, int(port)


def _url(args: argparse.Namespace) -> str:
    from workbench.replicasets.api.proxy.places import checked_url

    try:
        return checked_url(args.workbenches_url) if args.workbenches_url else ""
    except ValueError:
        hint = "--workbenches-url https://lab.example.org, or https://*.example.org, without a path"
        raise UsageError(f"{args.workbenches_url} is no address", hint=hint) from None


def _check_builds(args: argparse.Namespace) -> None:
    if args.ca_bundle and not args.builds:
        raise UsageError("--ca-bundle goes with --builds")
    if args.builds and args.engine == KUBERNETES:
        raise UsageError("--builds is for podman: images of a cluster come from its registry")
    if args.builds and args.no_token:
        raise UsageError("--builds needs tokens: with --no-token any program of this machine could build")


def _builds(args: argparse.Namespace, state: str, service: ReplicaSets) -> Builds | None:
    """Return the builds that the flags allow, None for none."""
    if not args.builds:
        return None
    from workbench.replicasets.builds.queue import Builds
    from workbench.replicasets.values import Role
    from workbench.verbs._builds import CatalogueRecipes

    ca_bundle = os.path.abspath(args.ca_bundle) if args.ca_bundle else ""
    recipes = CatalogueRecipes(args.catalog, os.path.join(state, "recipes"), ca_bundle)
    return Builds(recipes, os.path.join(state, "builds"), Role(args.builds), check_image=service.check_image)


def _fetch(state: str) -> int:
    from workbench.replicasets.api.libraries import FOLDER, fetch

    os.makedirs(state, mode=0o700, exist_ok=True)
    folder = os.path.join(state, FOLDER)
    for name in fetch(folder):
        print(f"{name} is in {folder}")
    return 0


def _address(args: argparse.Namespace) -> str:
    """Return the address of the engine that the flags name, "" for none."""
    from workbench.replicasets.engines.opening import kubernetes_address

    if args.engine != KUBERNETES:
        if args.namespace or args.kubeconfig or args.site:
            raise UsageError("--namespace, --kubeconfig and --site go with --engine kubernetes")
        return str(args.engine)
    if args.root:
        raise UsageError("--root is for folders of this machine: Pods run on nodes", hint="use volumes")
    kubeconfig = os.path.abspath(args.kubeconfig) if args.kubeconfig else ""
    return kubernetes_address(kubeconfig, args.namespace, _placing(args.site) if args.site else None)


def _placing(path: str) -> dict[str, object]:
    """Return what the file of a site says about Pods and claims, as fields of Placing."""
    from workbench.export.site import read_site, site_of

    site = site_of(read_site(path), {})
    if site.allow_from:
        print(f"note: allow_from of {path} is for exports: the service makes no NetworkPolicies", file=sys.stderr)
    return {
        "pod": site.pod_fields(),
        "env": dict(site.env),
        "storage_class": site.storage_class,
        "shm": site.shm,
    }


def _preflight(settings: Settings, engine: EngineService | None) -> int:
    from workbench.replicasets.service import ReplicaSets

    service, failed = ReplicaSets(settings), False
    try:
        if engine is not None:
            engine.ensure()
        for finding in service.preflight():
            failed |= bool(finding.reason) and finding.essential
            print(finding.line, flush=True)
    finally:
        if engine is not None:
            engine.close()
        service.close()
    return int(failed)
