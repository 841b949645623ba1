"""`wizard.py volume`: volumes from the terminal, through the service."""

from __future__ import annotations

import argparse

from workbench.table import columns
from workbench.verbs._service import connect, report, service_options

EXAMPLES = """\
  wizard.py volume create data --size 20GB
  wizard.py volume list
  wizard.py volume resize data 30GB          in its place; no set may be running on it
  wizard.py volume history data
  wizard.py volume delete data
"""
_WAYS = {
    "create": "make a volume",
    "list": "show all volumes",
    "info": "show a volume",
    "history": "show the sizes that a volume had",
    "resize": "give a volume another size; what is in it stays",
    "delete": "delete a volume that no set binds",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `volume`."""
    ways = parser.add_subparsers(dest="way", required=True, metavar="|".join(_WAYS))
    for name, help_ in _WAYS.items():
        way = ways.add_parser(name, help=help_, allow_abbrev=False)
        if name != "list":
            way.add_argument("name", metavar="VOLUME")
        if name == "resize":
            way.add_argument("size", help="such as 30GB")
        if name == "create":
            way.add_argument("--size", default="", help="such as 20GB; default: no limit")
        service_options(way)


def run(args: argparse.Namespace) -> int:
    """Send the request of the subcommand and print the response; return the exit code."""
    from workbench.replicasets.client import part

    client = connect(args)
    path = "" if args.way == "list" else f"/volumes/{part(args.name)}"
    if args.way == "list":
        data = client.all_pages("/volumes", "volumes")
        rows = [(v["name"], str(v["version"]), v["size"], v["driver"], v["owner"]) for v in data["volumes"]]
        return report(args, data, columns(("NAME", "VERSION", "SIZE", "DRIVER", "OWNER"), rows))
    if args.way == "create":
        data = client("POST", "/volumes", {"name": args.name, "size": args.size})
        return report(args, data, f"{args.name} is created, {data['size'] or 'without a limit'}")
    if args.way == "resize":
        data = client("PATCH", f"{path}/size", {"size": args.size})
        return report(args, data, f"{args.name} has {data['size']}")
    if args.way == "delete":
        return report(args, client("DELETE", path), f"{args.name} is deleted")
    data = client("GET", path if args.way == "info" else f"{path}/history")
    listed = [data["Info"]] if args.way == "info" else [each["status"] for each in data["history"]]
    versions = [
        (str(v["version"]), v["opt"]["DriverOpts"].get("size", ""), v["opt"]["Driver"], v["createTime"]) for v in listed
    ]
    return report(args, data, columns(("VERSION", "SIZE", "DRIVER", "MADE"), versions))
