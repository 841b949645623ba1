"""`wizard.py sbom`: the packages of a recipe or of an image, as a CycloneDX document."""

from __future__ import annotations

import argparse
import os

from workbench.commands import here
from workbench.errors import WorkbenchError
from workbench.verbs.build import backend_of, backend_options

EXAMPLES = """\
  wizard.py sbom recipes/TAG                                  what the recipe installs: needs no image
  wizard.py sbom localhost/workbench-images:TAG               what is in the image, listed in a container of it
  wizard.py sbom localhost/workbench-images:TAG --recipe recipes/TAG   … with the hashes of its lock
  wizard.py sbom recipes/TAG --out TAG.cdx.json
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `sbom`."""
    parser.add_argument("subject", metavar="RECIPE|IMAGE", help="recipe folder, or the name of an image that is here")
    parser.add_argument("--recipe", metavar="FOLDER", default="", help="of an image: the recipe it was built from")
    backend_options(parser)
    parser.add_argument("--out", metavar="FILE", default="", help="write it there instead of printing it")


def run(args: argparse.Namespace) -> int:
    """Print the SBOM, or write it."""
    from workbench.attest.records import recipe_sbom
    from workbench.files import print_or_write

    text = recipe_sbom(args.subject) if os.path.isdir(args.subject) else _of_image(args)
    print_or_write(text, args.out)
    return 0


def _of_image(args: argparse.Namespace) -> str:
    from workbench.attest.installed import installed_packages
    from workbench.attest.locked import locked_packages
    from workbench.attest.sbom import sbom, with_lock
    from workbench.names import is_image
    from workbench.recipes.read import read_files, read_manifest

    image, recipe = args.subject, args.recipe
    store = backend_of(args).store if is_image(image) else None
    inspected = store.inspect(image) if store else None
    if store is None or inspected is None:
        raise WorkbenchError(
            f"{image} is neither a recipe folder nor an image that is here",
            hint=f"name a folder that `{here('new')}` wrote, or an image that `podman images` or `docker images` shows",
        )
    packages = installed_packages(image, store)
    if recipe:
        packages = with_lock(packages, locked_packages(read_files(recipe), read_manifest(recipe).selection.python))
    return sbom(image.rpartition(":")[2], packages, image_id=inspected.id)
