"""What the subverbs share that run a model: its folder or image, and the flags of its container."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.errors import UsageError, WorkbenchError
from workbench.notes import print_note
from workbench.verbs.build import backend_of, step_options
from workbench.verbs.model.making import build_values, prepared_model, secret_option
from workbench.verbs.model.options import resolving_options

if TYPE_CHECKING:
    from workbench.models.model import Model

_FOLDER = "."


def what_argument(parser: argparse.ArgumentParser) -> None:
    """Add the model."""
    parser.add_argument(
        "what",
        metavar="DIR|IMAGE",
        nargs="?",
        default=_FOLDER,
        help="folder with a cog.yaml, or an image of a model (default: this folder)",
    )


def container_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a container that runs a model."""
    parser.add_argument(
        *("-e", "--env"),
        metavar="NAME[=VALUE]",
        action="append",
        default=[],
        help="a variable of the model, without a value this shell's own; repeatable",
    )
    parser.add_argument("--no-gpus", dest="gpus", action="store_false", help="give it none of the GPUs CDI knows")


def setup_option(parser: argparse.ArgumentParser) -> None:
    """Add the flag of how long a setup may take."""
    parser.add_argument(
        "--setup-timeout", metavar="SECONDS", type=float, default=300.0, help="how long its setup may take (300)"
    )


def building_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the build, which podman does: it runs the image too."""
    group = parser.add_argument_group("building, where the folder has changed")
    resolving_options(group)
    secret_option(group)
    step_options(group)
    parser.set_defaults(backend="podman", buildkit="", buildkit_certs="")


def variables(given: list[str]) -> dict[str, str]:
    """Return the variables of --env; raises UsageError for one that is none, or has no value here."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or "\0" in text:
            raise UsageError(f"--env {text!r} is no variable", hint="write --env NAME=VALUE")
        if not equals and name not in os.environ:
            raise UsageError(f"--env {name}: this shell has no such variable", hint="write --env NAME=VALUE")
        found[name] = value if equals else os.environ[name]
    return found


def made_model(args: argparse.Namespace, check: Callable[[Model], object] = lambda _: None) -> Model:
    """Return the model that the arguments name, its image built where it is missing or its folder has changed.

    `check` is given the model before anything is built. Raises what preparing, building and inspecting raise.
    """
    from workbench.launch.preflight import check_user
    from workbench.models.config import FILE
    from workbench.models.inspection import image_model

    check_user()
    folder = args.what
    if not os.path.isfile(os.path.join(folder, FILE)):
        if os.path.isdir(folder):
            raise WorkbenchError(f"no {FILE} is in {os.path.abspath(folder)}", hint="name a folder or an image")
        model = image_model(_image(folder))
        check(model)
        return model
    from workbench.catalog.reader import open_catalogue
    from workbench.models.making import make_model

    backend = backend_of(args, tuple(args.options))
    catalogue = open_catalogue(args.catalog)
    prepared = prepared_model(args, folder, catalogue, backend, quiet=True, check=check)
    if not args.json:
        for note in prepared.model.resolved.notes:
            print_note(note)
    if make_model(catalogue, prepared, folder, backend, build_values(args, again=False)) is None and not args.json:
        print(f"{prepared.model.name} is up to date", file=sys.stderr)
    return prepared.model


def _image(text: str) -> str:
    from workbench.models.config import CogConfig
    from workbench.models.inspection import check_image
    from workbench.models.request import image_name

    return image_name(CogConfig(), "", check_image(text)) if "@" not in text else text
