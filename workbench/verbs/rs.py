"""`wizard.py rs`: replica sets from the terminal, through the service."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.table import columns
from workbench.verbs import _rs_copy, _rs_open, _rs_output, _rs_queue, _rs_terminal, _rs_upgrade
from workbench.verbs._progress import followed
from workbench.verbs._service import comes_up, connect, ports_text, report, service_options

if TYPE_CHECKING:
    from workbench.replicasets.client import Client

EXAMPLES = """\
  wizard.py rs run recipes/TAG --gpus 1 --port 8888          a recipe that was built; its name is made of the tag
  wizard.py rs run localhost/mine:1 --name foo --volume data:/data --memory 8GB
  wizard.py rs run localhost/mine:1 --name bar --cmd sleep infinity
  wizard.py rs run recipes/TAG --gpus 4 --wait               busy GPUs are waited for in turn; see `rs queue`
  wizard.py rs list
  wizard.py rs list --watch                                  until Ctrl-C; with --json a line for each change
  wizard.py rs patch foo --gpus 2                            a new version, with the whole system disk
  wizard.py rs open foo                                      its IDE, in a browser where there is one
  wizard.py rs history foo
  wizard.py rs diff foo 1 2                                  files and packages that changed
  wizard.py rs rollback foo 1
  wizard.py rs upgrade foo                                   the same recipe's newest image; what you changed goes along
  wizard.py rs upgrade foo --image localhost/mine:2 --dry-run
  wizard.py rs commit foo mine:1                             an image of your own; `rs run mine:1` finds it
  wizard.py rs prune foo --keep 5 --dry-run
  wizard.py rs exec foo -- nvidia-smi                        ends with the program's exit code
  wizard.py rs exec -it foo                                  a shell in it; `-- CMD` for something else
  wizard.py rs exec -i foo -- psql <dump.sql                 -i alone pipes standard input to its end
  wizard.py rs logs foo --follow --tail 20                   until its container ends, or Ctrl-C
  wizard.py rs logs foo --version 1 --since 2h
  wizard.py rs wait foo --for ready --timeout 120            0: it is; 4: never by itself; 5: not in time
  wizard.py rs cp ./data foo:/opt/app-root/src               and `rs cp foo:/opt/app-root/src/out ./out`
  wizard.py rs run localhost/mine:1 --name baz --restart on-failure --grace 30 --shm 4GB
  wizard.py rs stop foo --grace 60                           and `restart` to go on with it
"""

# What may take so long that its steps are shown.
_LONG = ("run", "patch", "rollback", "upgrade", "restart", "commit", "prune", "delete")
# What may need GPUs that others hold.
_CLAIMING = ("run", "patch", "rollback", "upgrade", "restart")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `rs`."""
    from workbench.replicasets.options import OPTIONS

    ways = parser.add_subparsers(dest="way", required=True, metavar="|".join(WAYS))
    made = {name: ways.add_parser(name, help=help_, allow_abbrev=False) for name, (_, help_) in WAYS.items()}
    for name, way in made.items():
        if name not in ("run", "list", "quota", "cp", "queue"):
            way.add_argument("name", metavar="SET")
        service_options(way)
        if name in _LONG:
            way.add_argument("--quiet", action="store_true", help="do not show the steps that it is at")
        if name in _CLAIMING:
            _rs_queue.turn_arguments(way)
    run_ = made["run"]
    run_.add_argument("image", metavar="RECIPE|TAG|IMAGE", help="a recipe folder, its tag, or any image")
    run_.add_argument("--name", default="", help="default: made of the tag")
    run_.add_argument("--env", metavar="NAME=VALUE", action="append", default=[], help="repeatable")
    run_.add_argument(
        "--cmd", nargs=argparse.REMAINDER, default=[], help="last of all: what to run instead of the image's own"
    )
    patch_ = made["patch"]
    patch_.add_argument("--rebind", metavar="OLD:DEST=NEW:DEST", default="", help="put one bind in another's place")
    for way in (run_, patch_):
        way.add_argument("--gpus", type=int, metavar="N")
        way.add_argument(
            "--port",
            metavar="PORT",
            action="append",
            help="publish 8888 or 53/udp on the host; repeatable; default: none",
        )
        for option in OPTIONS:
            choices = option.choices or None
            way.add_argument(option.flag, type=option.type, metavar=option.metavar, help=option.help, choices=choices)
    run_.add_argument(
        "--volume", metavar="SRC:DEST[:ro]", action="append", default=[], help="volume or folder; repeatable"
    )
    made["list"].add_argument("--watch", action="store_true", help="go on, and show what changes as it changes")
    made["rollback"].add_argument("version", type=int)
    for name in ("stop", "restart", "rollback"):
        made[name].add_argument(
            "--grace", type=int, metavar="SECONDS", help="how long it may take to end after SIGTERM; default: its own"
        )
    made["prune"].add_argument("--keep", type=int, default=0, metavar="N", help="default: what the service keeps")
    made["prune"].add_argument("--dry-run", action="store_true", help="only show what would be removed")
    made["commit"].add_argument("image", metavar="NAME[:TAG]", help="of the new image, which is the set owner's")
    made["history"].add_argument("--limit", type=int, default=0, metavar="N", help="the newest ones only")
    _rs_copy.copy_arguments(made["cp"])
    _rs_open.open_arguments(made["open"])
    _rs_output.diff_arguments(made["diff"])
    _rs_output.logs_arguments(made["logs"])
    _rs_output.wait_arguments(made["wait"])
    _rs_terminal.exec_arguments(made["exec"])
    _rs_upgrade.upgrade_arguments(made["upgrade"])


def run(args: argparse.Namespace) -> int:
    """Send the request of the subcommand and print the response; return the exit code."""
    return WAYS[args.way][0](connect(args), args)


def _path(args: argparse.Namespace) -> str:
    from workbench.replicasets.client import part

    return f"/replicaSet/{part(args.name)}"


def _run(client: Client, args: argparse.Namespace) -> int:
    from workbench.replicasets.options import OPTIONS

    image, name = _image(args.image)
    name = args.name or name
    if not name:
        raise UsageError("this image's set needs a name", hint="--name foo")
    body: dict[str, Any] = {"imageName": image, "replicaSetName": name, "gpuCount": args.gpus or 0, "env": args.env}
    body |= {"binds": [_bind(text) for text in args.volume], "cmd": args.cmd, "containerPorts": args.port or []}
    body |= {option.key: value for option in OPTIONS if (value := getattr(args, option.name)) is not None}
    with followed(client, name, args):
        data = _rs_queue.in_turn(client, name, args, lambda: client("POST", "/replicaSet", body))
    parts = [comes_up(data["name"], data), *data["gpus"], ports_text(data["ports"])]
    return report(args, data, "  ".join(filter(None, parts)))


def _image(text: str) -> tuple[str, str]:
    """Return the image that a recipe folder, a tag or an image name means, and a name for its set."""
    from workbench.catalog.releases import LOCAL_REPOSITORY
    from workbench.recipes.read import read_manifest

    if os.path.isdir(text):
        tag = read_manifest(text).tag
    elif "/" not in text and ":" not in text and text.count("_") == 2:
        tag = text
    else:
        return text, ""
    return f"{LOCAL_REPOSITORY}:{tag}", tag.partition("_")[0].replace("-", "_")[:48]


def _bind(text: str) -> dict[str, Any]:
    parts = text.split(":")
    if len(parts) not in (2, 3) or (len(parts) == 3 and parts[2] != "ro"):
        raise UsageError(f"{text!r} is not a bind", hint="write data:/data, or /srv/shared:/shared:ro")
    return {"src": parts[0], "dest": parts[1], "readOnly": len(parts) == 3}


# So much of why a set is pending is shown in a list; `rs info` shows all of it.
_REASON = 70
_TITLES = ("NAME", "VERSION", "STATE", "GPUS", "PORTS", "OWNER", "IMAGE")


def _list(client: Client, args: argparse.Namespace) -> int:
    if args.watch:
        return _watch(client, args)
    data = client.all_pages("/replicaSet", "replicaSets")
    return report(args, data, columns(_TITLES, [_row(each) for each in data["replicaSets"]]))


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    gpus, ports = " ".join(each["gpus"]), ports_text(each["ports"])
    return (each["name"], str(each["version"]), _state(each), gpus, ports, each["owner"], each["imageName"])


def _watch(client: Client, args: argparse.Namespace) -> int:
    """Show all sets, and each that changes as it changes: on a terminal the table anew, elsewhere a line for each."""
    import json

    known: dict[str, dict[str, Any]] = {}
    live, begun = sys.stdout.isatty() and not args.json, False
    for kind, data in client.events():
        if kind == "set":
            known[data["name"]] = data
        elif kind == "set-deleted":
            known.pop(data["name"], None)
        elif kind == "sync":
            begun = True
        else:
            continue
        if args.json:
            print(json.dumps({"event": kind, **data}), flush=True)
        elif live and begun:
            print("\x1b[H\x1b[2J" + columns(_TITLES, [_row(known[name]) for name in sorted(known)]), flush=True)
        elif not live and kind != "sync":
            gone = (data["name"], "", "deleted")
            print("  ".join(filter(None, _row(data) if kind == "set" else gone)), flush=True)
    print("the service ended the stream", file=sys.stderr)
    return 1


def _state(found: dict[str, Any]) -> str:
    """Return the state of a set as people read it: `exited (1)`, `restarting (137 SIGKILL, 3 times)`."""
    ending = found["ending"]
    if found["state"] == "pending" and found["problem"]:
        return f"pending ({textwrap.shorten(found['problem'], _REASON, placeholder='...')})"
    if ending is None or found["state"] in ("running", "pending", "paused", "stopped"):
        return str(found["state"])
    code = "" if ending["exitCode"] is None else str(ending["exitCode"])
    times = f"{ending['restarts']} times" if found["state"] == "restarting" and ending["restarts"] > 1 else ""
    reason = ending["reason"] if code else ""
    inside = ", ".join(filter(None, (" ".join(filter(None, (code, reason))), times)))
    return f"{found['state']} ({inside})" if inside else str(found["state"])


def _quota(client: Client, args: argparse.Namespace) -> int:
    from workbench.replicasets.quantities import size_text

    data = client("GET", "/resources/quota")
    rows = []
    for what, most in data["limits"].items():
        have = data["used"][what]
        text = size_text if what in ("memory", "disk") else str
        rows.append((what, text(have) or "0", "" if most is None else text(most)))
    return report(args, data, columns((data["name"].upper(), "HAS", "MAY HAVE"), rows))


def _info(client: Client, args: argparse.Namespace) -> int:
    from workbench.replicasets.options import OPTIONS

    data = client("GET", _path(args))
    found = data["Info"]
    host, ending = found["hostConfig"], found["ending"]
    rows = [
        ("version", str(found["version"])),
        ("state", f"{_state(found)}, container {found['live']}"),
        ("ended", " ".join(filter(None, (ending["at"], ending["reason"]))) if ending else ""),
        ("starts", ending["startsAt"] if ending and found["state"] == "restarting" else ""),
        ("problem", found["problem"]),
        ("image", found["config"]["Image"]),
        ("GPUs", " ".join(found["gpus"])),
        ("ports", ports_text(found["ports"])),
        ("binds", " ".join(host["Binds"])),
        *((option.title, option.shown(host[option.docker])) for option in OPTIONS),
        ("owner", found["owner"]),
        ("made", found["createTime"]),
        *(("note", each) for each in found["notes"]),
    ]
    text = columns(("NAME", args.name), [row for row in rows if row[1]])
    if found["lastLines"]:
        text = "\n".join([text, "", "It wrote last:", *found["lastLines"]])
    return report(args, data, text)


def _history(client: Client, args: argparse.Namespace) -> int:
    data = client("GET", f"{_path(args)}/history", limit=args.limit)
    rows = [
        (str(v["version"]), v["createTime"], " ".join(v["status"]["gpus"]), str(v["status"]["origin"] or "image"))
        for v in data["history"]
    ]
    text = columns(("VERSION", "MADE", "GPUS", "FROM"), rows)
    notes = [f"version {v['version']}: {each}" for v in data["history"] for each in v["status"]["notes"]]
    return report(args, data, "\n".join([text, *notes]))


def _patch(client: Client, args: argparse.Namespace) -> int:
    from workbench.replicasets.options import OPTIONS

    body: dict[str, Any] = {}
    if args.gpus is not None:
        body["gpuPatch"] = {"gpuCount": args.gpus}
    for option in OPTIONS:
        if (value := getattr(args, option.name)) is not None:
            body[option.patch[0]] = {option.patch[1]: value}
    if args.port is not None:
        body["portPatch"] = {"containerPorts": [port for port in args.port if port]}
    if args.rebind:
        old, _, new = args.rebind.partition("=")
        body["volumePatch"] = {"oldBind": _bind(old), "newBind": _bind(new)}
    if not body:
        raise UsageError("there is nothing to change", hint="`rs restart` makes it anew as it is")
    return _changed(client, args, _path(args), body)


def _rollback(client: Client, args: argparse.Namespace) -> int:
    return _changed(client, args, f"{_path(args)}/rollback", {"version": args.version}, **_grace(args))


def _restart(client: Client, args: argparse.Namespace) -> int:
    return _changed(client, args, f"{_path(args)}/restart", **_grace(args))


def _grace(args: argparse.Namespace) -> dict[str, int]:
    return {} if getattr(args, "grace", None) is None else {"grace": args.grace}


def _changed(client: Client, args: argparse.Namespace, path: str, body: object = None, **params: int) -> int:
    with followed(client, args.name, args):
        data = _rs_queue.in_turn(client, args.name, args, lambda: client("PATCH", path, body, **params))
    return report(args, data, "\n".join([comes_up(data["containerName"], data), *data.get("notes", ())]))


def _commit(client: Client, args: argparse.Namespace) -> int:
    with followed(client, args.name, args):
        data = client("POST", f"{_path(args)}/commit", {"newImageName": args.image})
    return report(args, data, data["imageName"])


def _prune(client: Client, args: argparse.Namespace) -> int:
    with followed(client, args.name, args):
        data = client("POST", f"{_path(args)}/prune", {"keep": args.keep, "dryRun": args.dry_run})
    rows = [(str(each["version"]), _megabytes(each["bytes"])) for each in data["versions"]]
    lines = [columns(("VERSION", "FREED"), rows)] if rows else []
    lines.append(f"{_megabytes(data['bytes'])} at least {'would be' if args.dry_run else 'are'} free")
    if data["kept"]:
        lines.append(f"kept, because later versions are based on them: {', '.join(map(str, data['kept']))}")
    return report(args, data, "\n".join(lines))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _delete(client: Client, args: argparse.Namespace) -> int:
    with followed(client, args.name, args):
        data = client("DELETE", _path(args))
    return report(args, data, f"{args.name} is deleted")


def _plain(way: str, outcome: str) -> Callable[[Client, argparse.Namespace], int]:
    def do(client: Client, args: argparse.Namespace) -> int:
        return report(args, client("PATCH", f"{_path(args)}/{way}", **_grace(args)), f"{args.name} {outcome}")

    return do


def _exec(client: Client, args: argparse.Namespace) -> int:
    if args.interactive or args.tty:
        return _rs_terminal.attach(client, _path(args), args)
    if not args.words:
        raise UsageError("there is no command", hint=f"`rs exec -it {args.name}` opens a shell")
    seconds = 3600 if args.seconds is None else args.seconds
    body = {"cmd": args.words, "workDir": args.workdir or "/", "seconds": seconds, "maxBytes": 64 << 20}
    if args.json:
        data = client("POST", f"{_path(args)}/execute", body)
        return report(args, data, "") or int(data["exitCode"] != 0)
    for line in client.lines(f"{_path(args)}/execute", body, stream=True):
        if "text" in line:
            _rs_output.show(line)
        elif "msg" in line:
            from workbench.errors import WorkbenchError

            raise WorkbenchError(line["msg"])
        elif line["exitCode"] < 0:
            print("ended: " + ("it ran out of time" if line["timedOut"] else "it wrote too much"), file=sys.stderr)
            return 1
        else:
            return int(line["exitCode"])
    return 1


WAYS: dict[str, tuple[Callable[[Client, argparse.Namespace], int], str]] = {
    "run": (_run, "run a new set"),
    "list": (_list, "show all sets"),
    "queue": (_rs_queue.queue, "show which sets wait for GPUs"),
    "cancel": (_rs_queue.cancel, "have a set wait no more for GPUs"),
    "quota": (_quota, "show what you may hold, and what you hold"),
    "info": (_info, "show a set"),
    "history": (_history, "show a set's versions"),
    "patch": (_patch, "change GPUs, ports, binds, CPUs or memory"),
    "rollback": (_rollback, "return to an older version's disk and settings"),
    "upgrade": (
        lambda client, args: _rs_upgrade.upgrade(client, f"{_path(args)}/upgrade", args),
        "go on with a newer image, and with what was changed in the set",
    ),
    "stop": (_plain("stop", "is stopped"), "stop a set; its GPUs are free"),
    "restart": (_restart, "start a set anew, stopped or not"),
    "pause": (_plain("pause", "is paused"), "freeze a set; it keeps its GPUs"),
    "continue": (_plain("continue", "goes on"), "let a paused set go on"),
    "commit": (_commit, "make an image of a set's system disk"),
    "exec": (_exec, "run a program in a set; -it for a terminal in it"),
    "logs": (lambda client, args: _rs_output.logs(client, _path(args), args), "show what a set wrote, and writes"),
    "wait": (lambda client, args: _rs_output.wait(client, _path(args), args), "wait until a set runs, or is stopped"),
    "cp": (_rs_copy.copy, "copy files into a set, or out of it"),
    "diff": (
        lambda client, args: _rs_output.diff(client, _path(args), args),
        "show the files and packages that changed between two versions",
    ),
    "open": (lambda client, args: _rs_open.open_(client, _path(args), args), "open the IDE of a set, with its token"),
    "prune": (_prune, "remove a set's oldest versions, disks and all"),
    "delete": (_delete, "delete a set, all its versions and disks"),
}
