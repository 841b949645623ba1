"""What the verbs that use the service share: its address, the token, and how responses are printed."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.replicasets.client import Client


def service_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags for the service's address and the token."""
    parser.add_argument(
        "--address", metavar="URL", default="", help="default: WORKBENCH_ADDRESS, http://127.0.0.1:2378"
    )
    parser.add_argument(
        "--ca",
        metavar="FILE",
        default="",
        help="certificates to trust an https service by; default: WORKBENCH_CA, the system's",
    )
    parser.add_argument("--token", default="", help="better kept in WORKBENCH_TOKEN, or in a file")
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        default="",
        help="default: WORKBENCH_TOKEN_FILE, /var/lib/workbench/operate.token",
    )
    parser.add_argument("--json", action="store_true", help="print the service's response")


def connect(args: argparse.Namespace) -> Client:
    """Return the client that the flags and the environment name."""
    from workbench.replicasets.client import ADDRESS, Client, find_token

    address = args.address or os.environ.get("WORKBENCH_ADDRESS", "") or ADDRESS
    ca = args.ca or os.environ.get("WORKBENCH_CA", "")
    return Client(address, find_token(args.token, args.token_file), ca)


def report(args: argparse.Namespace, data: object, text: str) -> int:
    """Print a response's data as JSON, or `text` for people; return the exit code."""
    print(json.dumps(data, indent=2) if args.json else text)
    return 0


def comes_up(container: str, data: Mapping[str, Any]) -> str:
    """Return how a container stands that was started: it runs, or why it is pending."""
    return f"{container} is pending: {data['waiting']}" if data.get("waiting") else f"{container} runs"


def ports_text(ports: Sequence[Mapping[str, Any]]) -> str:
    """Return ports as `40000->8888`, with the protocol where it is not tcp; without a port of a host just `8888`."""
    ends = {"tcp": "", "udp": "/udp"}
    hosts = (f"{port['host']}->" if port["host"] else "" for port in ports)
    return " ".join(
        f"{host}{port['container']}{ends[port['protocol']]}" for host, port in zip(hosts, ports, strict=True)
    )
