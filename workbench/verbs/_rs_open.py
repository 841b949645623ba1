"""`rs open`: the address of a set's IDE, with its token."""

from __future__ import annotations

import argparse
import ipaddress
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from workbench.replicasets.client import Client


def open_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `rs open`."""
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port inside, where several are published")
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="open no browser")


def open_(client: Client, path: str, args: argparse.Namespace) -> int:
    """Print the address, and open it where there is a display and a terminal."""
    from workbench.launch.opening import has_display, open_in_browser
    from workbench.notes import print_note
    from workbench.verbs._service import report

    if (entered := _through_service(client, path, args.port)) is not None:
        address = entered["address"]
        report(args, entered, address)
        print_note("this link counts once, for a minute")
        if args.browser and not args.json and sys.stdout.isatty() and has_display() and not open_in_browser(address):
            print_note("no browser could be opened: open the address yourself")
        return 0
    data = client("GET", f"{path}/address", port=args.port)
    host, tunnel = reached_at(data["host"], client.host, data["port"])
    token = f"?token={quote(data['token'], safe='')}" if data["token"] else ""
    address = f"http://{host}:{data['port']}{quote(data['path'])}{token}"
    report(args, {**data, "address": address}, address)
    if data["tunnel"]:
        print_note(f"from outside of the cluster first: {data['tunnel']}, then localhost in the place of {host}")
    if tunnel:
        print_note(f"its port is published on {client.host} alone; from here first: {tunnel}")
    if not token:
        print_note("no token of it is known: none was given, and none is in its log")
    is_for_eyes = (
        args.browser and not args.json and not tunnel and not data["tunnel"] and sys.stdout.isatty() and has_display()
    )
    if is_for_eyes and not open_in_browser(address):
        print_note("no browser could be opened: open the address yourself")
    return 0


def _through_service(client: Client, path: str, port: int) -> dict[str, Any] | None:
    """Return the address at which the service itself leads to the set, with a ticket; None when it leads to none."""
    if not client("GET", "/resources/engine").get("workbenches"):
        return None
    data: dict[str, Any] = client("POST", f"{path}/session", port=port)
    base = data["url"] or f"{client.scheme}://{_bracketed(client.host)}:{data['port']}"
    return {**data, "address": f"{base}{data['path']}#ticket={data['ticket']}"}


def reached_at(publish: str, service: str, port: int) -> tuple[str, str]:
    """Return the host of an address that is published at `publish`, and the command that makes it reachable from here.

    `service` is where the service is reached: on this machine, or on another one.
    """
    if _is_loopback(publish):
        is_here = _is_loopback(service) or service == publish
        return _bracketed(publish), "" if is_here else f"ssh -N -L {port}:{_bracketed(publish)}:{port} {service}"
    return _bracketed(service if publish in ("", "0.0.0.0", "::") else publish), ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
