"""What `export kubernetes` and `export notebook` take, and the workbench that it says."""

from __future__ import annotations

import argparse
import secrets
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.catalog.reader import open_catalogue
from workbench.commands import here
from workbench.errors import UsageError, WorkbenchError
from workbench.notes import print_note

if TYPE_CHECKING:
    from workbench.export.kubernetes import Workbench

_SITE_LISTS = {
    "pull_secrets": ("--pull-secret", "NAME", "Secret to pull the image with"),
    "tolerations": ("--toleration", "KEY[=VALUE][:EFFECT]", "taint of nodes that it may run on"),
    "nodes": ("--node", "LABEL=VALUE", "label of the nodes that it runs on"),
    "env": ("--env", "NAME=VALUE", "variable"),
}
_SITE_TEXTS = {
    "storage_class": ("--storage-class", "NAME", "storage class of the volume (default: the cluster's)"),
    "service_account": ("--service-account", "NAME", "service account of the pod (default: the namespace's)"),
    "runtime_class": ("--runtime-class", "NAME", "runtime class of the pod"),
    "shm": ("--shm", "SIZE", "of /dev/shm (default: 64 MB, and with GPUs what --memory leaves)"),
}
_ALLOW = "NAMESPACE[/LABEL=VALUE] | /LABEL=VALUE | CIDR"


def cluster_options(parser: argparse.ArgumentParser) -> None:
    """Add what only manifests of our own take."""
    from workbench.export.kubernetes import KINDS, Workbench

    default = Workbench("", "")
    parser.add_argument("--kind", choices=KINDS, default=default.kind, help=f"({default.kind})", dest="object")
    parser.add_argument("--prefix", metavar="PATH", default="", help="path that it serves below (NB_PREFIX)")
    parser.add_argument(
        "--token-secret",
        metavar="NAME",
        default="",
        help="a Secret that exists, whose key `token` opens it (default: one is written, but below --prefix, where the "
        "platform decides who comes in)",
    )
    parser.add_argument(
        "--allow-from",
        metavar="WHO",
        action="append",
        default=[],
        help=f"who may connect to it, {_ALLOW} (default: nobody but `kubectl port-forward`)",
    )


def workbench_options(parser: argparse.ArgumentParser) -> None:
    """Add what every workbench takes."""
    from workbench.export.kubernetes import Workbench

    default = Workbench("", "")
    parser.add_argument("--name", default="", help="name of the workbench (default: IDE and bundle)")
    parser.add_argument("--namespace", default="", help="namespace (default: whatever kubectl is set to)")
    parser.add_argument("--size", default=default.storage, help=f"of the volume ({default.storage})")
    parser.add_argument("--claim", metavar="NAME", default="", help="a volume claim that exists (default: a new one)")
    parser.add_argument("--cpu", default=default.cpu, help=f"cores ({default.cpu})")
    parser.add_argument("--memory", default=default.memory, help=f"({default.memory})")
    parser.add_argument(
        "--gpus", metavar="N", type=int, default=None, help="(1 for recipes on CUDA or ROCm, else none)"
    )
    parser.add_argument("--any-user", action="store_true", help="let the platform pick the user, as OpenShift does")
    parser.add_argument("--site", metavar="FILE", default="", help="TOML file with the cluster's defaults for these:")
    for key, (flag, metavar, text) in _SITE_TEXTS.items():
        parser.add_argument(flag, metavar=metavar, default="", dest=key, help=text)
    for key, (flag, metavar, text) in _SITE_LISTS.items():
        parser.add_argument(flag, metavar=metavar, action="append", default=[], dest=key, help=f"{text}; repeatable")


def workbench_of(args: argparse.Namespace, kind: str = "") -> Workbench:
    """Return the workbench of a recipe folder and flags, checked; raises WorkbenchError for one that cannot be."""
    from workbench.catalog.bases import NVIDIA
    from workbench.export.kubernetes import Workbench, check_workbench
    from workbench.export.site import read_site, site_of
    from workbench.export.software import RUNTIME, describe

    recipe = describe(open_catalogue(args.catalog), args.folder)
    if recipe.ide.image_type == RUNTIME:
        raise UsageError(f"{recipe.tag} has no IDE, so there is no page to serve")
    flags = {key: getattr(args, key) for key in (*_SITE_TEXTS, *_SITE_LISTS)}
    flags["allow_from"] = getattr(args, "allow_from", [])
    workbench = Workbench(
        name=args.name or f"{recipe.selection.ide}-{recipe.selection.bundle}".lower(),
        image=recipe.image(args.repo),
        kind=kind or args.object,
        namespace=args.namespace,
        prefix=getattr(args, "prefix", "").rstrip("/"),
        storage=args.size,
        cpu=args.cpu,
        memory=args.memory,
        gpus=(1 if recipe.accelerator else 0) if args.gpus is None else args.gpus,
        accelerator=recipe.accelerator or NVIDIA,
        own_user=not args.any_user,
        claim=args.claim,
        version=f"{recipe.selection.release}_{recipe.selection.date}",
        site=site_of(read_site(args.site) if args.site else {}, flags),
    )
    _check_pullable(check_workbench(workbench), args)
    return workbench


def on_cluster(workbench: Workbench, args: argparse.Namespace) -> Workbench:
    """Return the workbench with the token that opens it: of a Secret that exists, or of one that is written.

    Below a prefix the platform decides who comes in. A pod of this machine's image is for podman, which has no such
    Secrets before 4.4: its log has the token.
    """
    from workbench.export.kubernetes import POD, check_workbench

    if args.token_secret:
        return check_workbench(replace(workbench, secret=args.token_secret))
    if workbench.prefix or (workbench.kind == POD and workbench.image.startswith("localhost/")):
        return workbench
    return replace(workbench, secret=f"{workbench.name}-token", token=secrets.token_hex(24))


def ways_in(workbench: Workbench) -> tuple[str, ...]:
    """Return how a workbench with a token is opened from a machine with kubectl, and applied again."""
    where = f" --namespace {workbench.namespace}" if workbench.namespace else ""
    show = "-o go-template='{{.data.token | base64decode}}'"
    return (
        f"open it: `kubectl port-forward{where} service/{workbench.name} 8888`, http://127.0.0.1:8888/?token=TOKEN",
        f"its token: `kubectl get secret{where} {workbench.secret} {show}`",
        "each export has a new one, which a pod that runs does not know: "
        f"from the next on, give `--token-secret {workbench.secret}`",
    )


def _check_pullable(workbench: Workbench, args: argparse.Namespace) -> None:
    """Raise WorkbenchError for an image that only this machine has, unless a pod or --repo asks for that."""
    from workbench.export.kubernetes import POD

    if not workbench.image.startswith("localhost/"):
        return
    push = here(f"build {shlex.quote(args.folder)} --push REPO")
    cure = f"push it with `{push}`, and give `--repo REPO`"
    if args.repo or workbench.kind == POD:
        where = "`podman kube play` runs it here" if workbench.kind == POD else "nodes that have it already start it"
        print_note(f"only this machine has {workbench.image}: {where}; for a cluster, {cure}")
        return
    raise WorkbenchError(f"no cluster can pull {workbench.image}: only this machine has it", hint=cure)
