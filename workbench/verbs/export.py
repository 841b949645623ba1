"""`wizard.py export`: what platforms import of recipes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

from workbench.catalog.reader import open_catalogue
from workbench.commands import examples as shown
from workbench.errors import UsageError
from workbench.notes import print_note
from workbench.recipes.write import DEFAULT_OUT
from workbench.verbs._answers import answer_flags
from workbench.verbs._cluster import cluster_options, on_cluster, ways_in, workbench_of, workbench_options
from workbench.verbs.recipes import set_options

EXAMPLES = """\
  wizard.py export imagestream recipes/jupyter-* --repo quay.io/team/images | oc apply -f -
  wizard.py export elyra recipes/runtime-* --repo quay.io/team/images --out runtime-images
  wizard.py export bake --release 2026a --date 20261122 --repo quay.io/team/images --out docker-bake.json
  wizard.py export kubernetes recipes/TAG --repo quay.io/team/images | kubectl apply -f -
  wizard.py export notebook recipes/TAG --repo quay.io/team/images --namespace mine | kubectl apply -f -
  wizard.py export workspacekind --release 2026a --date 20261122 --repo quay.io/team/images | kubectl apply -f -
`wizard.py export imagestream --help` shows what that one takes.
"""

_REPO = "repository that the images are in (default: the release's)"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the kinds and their flags."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)

    def kind(name: str, text: str, examples: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        found: argparse.ArgumentParser = kinds.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"examples:\n{shown(examples)}",
            formatter_class=parser.formatter_class,
            allow_abbrev=False,
        )
        found.set_defaults(export=run)
        return found

    stream = kind(
        "imagestream",
        "image streams for Open Data Hub and OpenShift AI: workbenches with the versions of their locks",
        "  wizard.py export imagestream recipes/jupyter-* --repo quay.io/team/images --out streams.yaml\n"
        "  wizard.py export imagestream recipes/jupyter-minimal-*_2026a_* recipes/jupyter-minimal-*_2025b_*   "
        "one stream, two releases\n",
        _image_streams,
    )
    elyra = kind(
        "elyra",
        "runtime images for Elyra's pipelines, one JSON file each",
        "  wizard.py export elyra recipes/runtime-* --repo quay.io/team/images --out runtime-images\n",
        _elyra,
    )
    bake = kind(
        "bake",
        "docker-bake.json of a release's standard set with its graph, for BuildKit",
        "  wizard.py export bake --release 2026a --date 20261122 --repo quay.io/team/images --out docker-bake.json\n"
        "  docker buildx bake --file docker-bake.json --push     in the folder of that file\n",
        _bake,
    )
    cluster = kind(
        "kubernetes",
        "a workbench for Kubernetes: stateful set or pod, volume, token, service, and who may connect",
        "  wizard.py export kubernetes recipes/TAG --repo quay.io/team/images | kubectl apply -f -\n"
        "  wizard.py export kubernetes recipes/TAG --repo quay.io/team/images --site site.toml   "
        "with what the cluster wants\n"
        "  wizard.py export kubernetes recipes/TAG --repo quay.io/team/images --allow-from ingress-nginx "
        "--env WORKBENCH_HOSTS=lab.example.org\n"
        "  wizard.py export kubernetes recipes/cuda-TAG --repo quay.io/team/images --gpus 2 --memory 32Gi\n"
        "  wizard.py export kubernetes recipes/TAG --kind Pod --repo localhost/workbench-images | podman kube play -\n",
        _kubernetes,
    )
    notebook = kind(
        "notebook",
        "a workbench for Kubeflow Notebooks 1.x: Notebook and volume",
        "  wizard.py export notebook recipes/TAG --repo quay.io/team/images --namespace mine | kubectl apply -f -\n"
        "  wizard.py export notebook recipes/cuda-TAG --repo quay.io/team/images --gpus 1 --memory 32Gi\n",
        _notebook,
    )
    workspaces = kind(
        "workspacekind",
        "what Kubeflow Notebooks 2 offer: a WorkspaceKind for each IDE, with the images of a release's standard set",
        "  wizard.py export workspacekind --release 2026a --date 20261129 --repo quay.io/team/images "
        "| kubectl apply -f -\n"
        "  wizard.py export workspacekind --release 2026a --date 20261129 --older 20261122 --older 20261115   "
        "those redirect\n"
        "  wizard.py export workspacekind recipes/jupyter-*_2026a_* recipes/jupyter-*_2025b_*   "
        "these recipes, of two releases\n",
        _workspace_kinds,
    )
    for each in (stream, elyra):
        each.add_argument("folders", metavar="FOLDER", nargs="+", help="recipe folder, as `new` writes it")
    for each in (cluster, notebook):
        each.add_argument("folder", metavar="FOLDER", help="recipe folder, as `new` writes it")
    set_options(bake)
    _kind_options(workspaces)
    for each in (bake, workspaces):
        each.add_argument("--recipes", metavar="DIR", default=DEFAULT_OUT, help=f"recipe folders ({DEFAULT_OUT})")
    for each in (stream, elyra, bake, cluster, notebook, workspaces):
        each.add_argument("--repo", metavar="REPO", default="", help=_REPO)
        what = "folder for the files" if each is elyra else "write it there instead of printing it"
        each.add_argument("--out", metavar="DIR" if each is elyra else "FILE", default="", help=what)
    cluster_options(cluster)
    workbench_options(cluster)
    workbench_options(notebook)


def _kind_options(parser: argparse.ArgumentParser) -> None:
    from workbench.export.workspace_kind import NAMESPACE

    parser.add_argument("folders", metavar="FOLDER", nargs="*", help="recipe folders (default: the standard set's)")
    answer_flags(parser, ("release", "date"))
    parser.add_argument(
        "--older",
        metavar="DATE",
        action="append",
        default=[],
        help="the images of that day are in the registry too: hidden, and redirected to the newer ones",
    )
    parser.add_argument("--namespace", default=NAMESPACE, help=f"where the kinds' pictures are kept ({NAMESPACE})")


def run(args: argparse.Namespace) -> int:
    """Write the requested kind."""
    if args.repo:
        from workbench.names import is_image, is_qualified, with_tag

        if not is_image(args.repo) or with_tag(args.repo, "x") != f"{args.repo}:x" or not is_qualified(args.repo):
            raise UsageError(
                f"{args.repo!r} is not a repository", hint="write it as quay.io/team/images, without a tag"
            )
    return int(args.export(args))


def _image_streams(args: argparse.Namespace) -> int:
    from workbench.export.imagestream import image_streams
    from workbench.export.software import describe

    catalogue = open_catalogue(args.catalog)
    streams = image_streams([describe(catalogue, folder) for folder in args.folders], args.repo)
    return _print(_yaml(streams), args.out)


def _elyra(args: argparse.Namespace) -> int:
    from workbench.export.elyra import runtime_image
    from workbench.export.software import describe

    if len(args.folders) > 1 and not args.out:
        raise UsageError("several runtime images are several files", hint="name a folder for them with --out")
    catalogue = open_catalogue(args.catalog)
    recipes = [describe(catalogue, folder) for folder in args.folders]
    found = {f"{recipe.tag}.json": runtime_image(recipe, args.repo) for recipe in recipes}
    for name, data in found.items():
        _print(_json(data), os.path.join(args.out, name) if args.out else "")
    return 0


def _bake(args: argparse.Namespace) -> int:
    from workbench.export.bake import bake_file
    from workbench.release.requests import SetOptions, set_requests
    from workbench.release.standard import images

    catalogue = open_catalogue(args.catalog)
    found = images(catalogue, args.release, args.date)
    options = SetOptions(pinned=True)
    requests = set_requests(catalogue, found, args.release, args.date, args.recipes, options)
    repository = args.repo or catalogue.releases[args.release].repository
    folder = os.path.dirname(os.path.abspath(args.out)) if args.out else os.getcwd()
    return _print(_json(bake_file(found, requests, repository, folder)), args.out)


def _kubernetes(args: argparse.Namespace) -> int:
    from workbench.export.kubernetes import manifests

    workbench = on_cluster(workbench_of(args), args)
    code = _print(_yaml(manifests(workbench)), args.out)
    if workbench.token:
        for text in ways_in(workbench):
            print_note(text)
    return code


def _notebook(args: argparse.Namespace) -> int:
    from workbench.export.notebook import notebook_manifests

    return _print(_yaml(notebook_manifests(workbench_of(args, kind="Notebook"))), args.out)


def _workspace_kinds(args: argparse.Namespace) -> int:
    from workbench.export.kubernetes import Workbench, check_workbench
    from workbench.export.software import RUNTIME, describe
    from workbench.export.workspace_kind import workspace_kinds
    from workbench.names import check_date
    from workbench.release.standard import images

    if args.folders and (args.release or args.date):
        raise UsageError("name recipe folders, or a release and a date, not both")
    if not args.folders and not (args.release and args.date):
        raise UsageError("name the standard set with --release and --date, or recipe folders")
    for date in args.older:
        check_date(date)
    check_workbench(Workbench("x", "", namespace=args.namespace))
    catalogue = open_catalogue(args.catalog)
    if args.folders:
        recipes = [describe(catalogue, folder) for folder in args.folders]
    else:
        found = images(catalogue, args.release, args.date).values()
        every = [describe(catalogue, os.path.join(args.recipes, image.tag)) for image in found if image.selection]
        # Runtimes are of the set, and for pipelines.
        recipes = [recipe for recipe in every if recipe.ide.image_type != RUNTIME]
    return _print(_yaml(workspace_kinds(recipes, args.repo, args.older, args.namespace)), args.out)


def _yaml(documents: list[dict[str, Any]]) -> str:
    from workbench.export.documents import as_yaml

    return as_yaml(documents)


def _json(data: dict[str, Any]) -> str:
    import json

    return f"{json.dumps(data, indent=2, ensure_ascii=False)}\n"


def _print(text: str, path: str) -> int:
    from workbench.files import print_or_write

    print_or_write(text, path)
    return 0
