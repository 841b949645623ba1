"""`wizard.py size`: what is in an image, by package, with its bytes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from workbench.verbs.build import backend_of, backend_options

if TYPE_CHECKING:
    from workbench.images.sizes.image_sizes import ImageSizes

EXAMPLES = """\
  wizard.py size recipes/TAG                                  the image of a recipe
  wizard.py size localhost/workbench-images:TAG --top 50      an image by its name
  wizard.py size recipes/TAG --html size.html                 a picture, and a table of everything
  wizard.py size recipes/TAG --json                           for a program
"""
_TOP = 25


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `size`."""
    parser.description = (
        "Measure an image in a container of it, without network: every file once, by the package that it belongs to, "
        "or by its folder where it is no package's."
    )
    parser.add_argument("subject", metavar="RECIPE|IMAGE", help="recipe folder, or the name of an image that is here")
    parser.add_argument("--top", type=int, default=_TOP, metavar="N", help=f"show the N largest, 0 for all ({_TOP})")
    parser.add_argument("--html", metavar="FILE", default="", help="write a page with a picture and all parts")
    backend_options(parser)
    parser.add_argument("--json", action="store_true", help="report as JSON: all parts")


def run(args: argparse.Namespace) -> int:
    """Measure the image and print what is in it; with --html, write the page."""
    from workbench.commands import here
    from workbench.errors import UsageError
    from workbench.files import write_whole
    from workbench.images.sizes.image_sizes import image_sizes

    if args.top < 0:
        raise UsageError(f"--top {args.top} is no number of rows", hint="0 shows all")
    hint = f"`{here('build')} {args.subject}` builds it" if os.path.isdir(args.subject) else ""
    sizes = image_sizes(_image(args.subject), backend_of(args).store, hint)
    if args.html:
        from workbench.images.sizes.treemap import page

        write_whole(args.html, page(sizes))
        print(f"{args.html} has the picture", file=sys.stderr)
    if args.json:
        parts = [asdict(part) for part in sizes.parts]
        head = {"image": sizes.image, "bytes": sizes.bytes, "files": sizes.files, "layers": sizes.stored}
        print(json.dumps({**head, "parts": parts}, indent=2))
    else:
        print(_text(sizes, args.top))
    return 0


def _image(subject: str) -> str:
    """Return the name of the image that is meant, which a recipe's folder names too."""
    from workbench.catalog.releases import LOCAL_REPOSITORY
    from workbench.errors import WorkbenchError
    from workbench.names import is_image
    from workbench.recipes.read import read_manifest

    if os.path.isdir(subject):
        return f"{LOCAL_REPOSITORY}:{read_manifest(subject).tag}"
    if not is_image(subject):
        raise WorkbenchError(f"{subject} is neither a recipe folder nor the name of an image")
    return subject


def _text(sizes: ImageSizes, top: int) -> str:
    from workbench.byte_size import byte_size
    from workbench.images.sizes.image_sizes import KINDS
    from workbench.table import columns

    def share(count: int) -> str:
        return f"{count / sizes.bytes:.1%}" if sizes.bytes else "-"

    kinds = [(kind.name, byte_size(kind.bytes), share(kind.bytes), f"{kind.files:,}") for kind in sizes.by_kind()]
    shown = sizes.parts[:top] if top else sizes.parts
    rows = [
        (KINDS[part.kind], part.name, part.version or "-", byte_size(part.bytes), share(part.bytes)) for part in shown
    ]
    lines = [
        f"{sizes.image}: {byte_size(sizes.bytes)} in {sizes.files:,} files",
        "",
        columns(("WHAT", "SIZE", "SHARE", "FILES"), kinds),
        "",
        columns(("WHAT", "NAME", "VERSION", "SIZE", "SHARE"), rows),
    ]
    if len(shown) < len(sizes.parts):
        rest = sizes.bytes - sum(part.bytes for part in shown)
        lines.append(f"{len(sizes.parts) - len(shown)} more, {byte_size(rest)} in all: --top 0 shows them")
    if (hidden := sizes.stored - sizes.bytes) > 0:
        why = "what later layers replace or remove, folders, and what an archive adds to each file"
        lines += ["", f"Its layers hold {byte_size(hidden)} more: {why}."]
    return "\n".join(lines)
