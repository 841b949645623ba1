"""`wizard.py tag`: take a tag apart, or put one together."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict

from workbench.catalog.bases import image_stems
from workbench.catalog.questions import by_name
from workbench.catalog.reader import open_catalogue
from workbench.catalog.views import every_name
from workbench.errors import EXIT_OK
from workbench.names import python_folder
from workbench.tag import Tag, format_tag, parse_base_tag, parse_tag
from workbench.verbs._answers import answer_flags, given_answers

EXAMPLES = """\
  wizard.py tag parse cuda-jupyter-minimal-c9s-py312_2026a_20261122
  wizard.py tag parse cuda-bookworm-py311-runtime-cudnn_2026a_20261122    bases and CUDA layers too
  wizard.py tag format --cuda --ide jupyter --bundle minimal --os c9s --python 3.12 \\
      --release 2026a --date 20261122
"""
_PARTS = ("ide", "bundle", "os", "python", "release", "date")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `tag`."""
    ways = parser.add_subparsers(dest="way", required=True, metavar="parse|format")
    parse = ways.add_parser("parse", help="print the parts of a tag")
    parse.add_argument("tag")
    put = ways.add_parser("format", help="print the tag of these parts")
    prefix = put.add_mutually_exclusive_group()
    prefix.add_argument("--prefix", metavar="WORD", default="", help="what the base puts before it, such as rocm")
    prefix.add_argument("--cuda", dest="prefix", action="store_const", const="cuda", help="the same as --prefix cuda")
    answer_flags(put, _PARTS, required=True)
    for way in (parse, put):
        way.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the parts of a tag, read against the catalogue, or the tag of parts."""
    if args.way == "format":
        parts = {**given_answers(args, _PARTS), "python": python_folder(args.python)}
        text = format_tag(Tag(prefix=args.prefix, **parts))
        print(json.dumps({"tag": text}) if args.json else text)
        return EXIT_OK
    catalogue = open_catalogue(args.catalog)
    ides, bundles, oses = (every_name(catalogue, by_name(name)) for name in ("ide", "bundle", "os"))
    bases = [base for release in catalogue.releases.values() for base in release.bases.values()]
    prefixes = {base.prefix for base in bases}
    if base := parse_base_tag(args.tag, image_stems(bases), oses):
        return _show(asdict(base), args.json)
    tag = parse_tag(args.tag, ides, bundles, oses, sorted(prefixes - {""}))
    parts = asdict(tag)
    data = {"cuda": parts.pop("prefix") == "cuda", **parts}
    if tag.prefix not in ("", "cuda"):
        data["prefix"] = tag.prefix
    return _show(data, args.json)


def _show(data: Mapping[str, object], as_json: bool) -> int:
    print(json.dumps(data) if as_json else "\n".join(f"{name:<8} {_word(value)}" for name, value in data.items()))
    return EXIT_OK


def _word(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
