"""`wizard.py tag`: take a tag apart, or put one together."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from workbench.catalog.reader import read_catalogue
from workbench.catalog.views import every_bundle, every_ide
from workbench.names import python_folder
from workbench.tag import Tag, format_tag, parse_tag

EXAMPLES = """\
  wizard.py tag parse cuda-jupyter-minimal-c9s-py312_2026a_20261122
  wizard.py tag format --cuda --ide jupyter --bundle minimal --os c9s --python 3.12 \\
      --release 2026a --date 20261122
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `tag`."""
    ways = parser.add_subparsers(dest="way", required=True, metavar="parse|format")
    parse = ways.add_parser("parse", help="print the parts of a tag")
    parse.add_argument("tag")
    put = ways.add_parser("format", help="print the tag of these parts")
    put.add_argument("--cuda", action="store_true", help="a CUDA image")
    for name in ("ide", "bundle", "os", "python", "release", "date"):
        put.add_argument(f"--{name}", required=True, metavar="X.Y" if name == "python" else "NAME")
    for way in (parse, put):
        way.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the parts of a tag, read against the catalogue, or the tag of parts."""
    if args.way == "format":
        parts = (args.cuda, args.ide, args.bundle, args.os, python_folder(args.python), args.release, args.date)
        tag = Tag(*parts)
        text = format_tag(tag)
        print(json.dumps({"tag": text}) if args.json else text)
        return 0
    catalogue = read_catalogue(args.catalog)
    tag = parse_tag(args.tag, every_ide(catalogue), every_bundle(catalogue), catalogue.systems.keys())
    data = asdict(tag)
    print(json.dumps(data) if args.json else "\n".join(f"{name:<8} {_word(value)}" for name, value in data.items()))
    return 0


def _word(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
