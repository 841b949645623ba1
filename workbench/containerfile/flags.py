"""The flags of an instruction, and what `--mount` says."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Mapping

from workbench.containerfile.build_plan import RunMount
from workbench.containerfile.heredocs import check_files, command_of
from workbench.containerfile.parser import Instruction, directive
from workbench.containerfile.stages import Origin
from workbench.errors import WorkbenchError

_KINDS = {
    "cache": {"target", "id", "sharing", "from", "source", "mode", "uid", "gid", "readonly"},
    "secret": {"target", "id", "env", "required", "mode", "uid", "gid"},
    "bind": {"target", "from", "source", "readonly"},
    "tmpfs": {"target", "size"},
    "ssh": {"target", "id", "required", "mode", "uid", "gid"},
}
_SAME = {"dst": "target", "destination": "target", "src": "source", "ro": "readonly", "rw": "readwrite"}
# Of what is mounted, where nothing is said of it.
_MODES = {"cache": "0755", "ssh": "0600"}
_SHARINGS = ("shared", "private", "locked")
_FRONTEND = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?", re.IGNORECASE)
_MODE = re.compile(r"[0-7]{1,5}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIZE = re.compile(r"(?P<number>\d{1,15}(?:\.\d+)?) ?(?P<unit>[kmgtp]?)i?b?", re.IGNORECASE | re.ASCII)
_ID = re.compile(r"[A-Za-z0-9/._:@-]{1,200}")


# What these take in both ways of building; podman 4.3 refuses all else, --network too, which BuildKit takes.
FLAGS = {
    "RUN": ("mount", "network"),
    "COPY": ("from", "chown", "chmod", "link", "parents", "exclude"),
    "ADD": ("chown", "chmod", "link", "exclude", "checksum", "keep-git-dir", "unpack"),
}
# Those that may stand without a value.
SWITCHES = ("link", "parents", "keep-git-dir", "unpack")
# As chmod writes what it changes: u=rwX,go+r.
_SYMBOLIC = re.compile(r"[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+")


def check_buildable(item: Instruction) -> None:
    """Raise WorkbenchError for an instruction that no builder here builds: a flag that none takes, a wrong heredoc."""
    if item.word in FLAGS:
        flags_of(item, FLAGS[item.word], repeated=("mount", "exclude"), switches=SWITCHES)
    if item.word == "RUN":
        command_of(item)
    elif item.word in ("COPY", "ADD"):
        check_files(item)


def check_directives(text: str) -> None:
    """Raise WorkbenchError, with the line, for a directive that makes a Containerfile mean what nobody here knows."""
    line, frontend = directive(text, "syntax")
    if frontend and not _FRONTEND.fullmatch(frontend):
        raise WorkbenchError(
            f"# syntax={frontend} is not supported",
            hint="Containerfiles are read as docker/dockerfile reads them",
            where=str(line),
        )
    line, escape = directive(text, "escape")
    if escape not in ("", "\\", "`"):
        raise WorkbenchError(f"# escape={escape}: this is \\ or `", where=str(line))


def flags_of(
    item: Instruction, known: Collection[str], repeated: Collection[str] = (), switches: Collection[str] = ()
) -> dict[str, list[str]]:
    """Return the values of an instruction's flags by name; those of `switches` are true or false.

    Raises WorkbenchError for one that is not `known`, has no value, or stands twice and is not among the `repeated`.
    """
    found: dict[str, list[str]] = {}
    for flag in item.flags:
        name, equals, value = flag.removeprefix("--").partition("=")
        if name in known and name in switches:
            equals, value = "=", value.lower() if equals else "true"
            if value not in ("true", "false"):
                raise WorkbenchError(f"{item.word} {flag}: this is true or false")
        if name not in known or not equals:
            listed = ", ".join(f"--{one}=" for one in known)
            raise WorkbenchError(
                f"{item.word} {flag} is not supported", hint=f"{item.word} has {listed}" if listed else ""
            )
        if name in found and name not in repeated:
            raise WorkbenchError(f"{item.word} has --{name} twice")
        found.setdefault(name, []).append(value)
    return found


def permissions(text: str) -> int | str:
    """Return what --chmod says: a mode that is written as 0755, or changes such as u=rwX,go=rX as they are written.

    Raises WorkbenchError when it is none.
    """
    if text and all(_SYMBOLIC.fullmatch(part) for part in text.split(",")):
        return text
    if not re.match(r"[0-9]", text):
        raise WorkbenchError(f"{text!r} is no file mode", hint="write it as 0755 or as u=rwX,go=rX")
    return file_mode(text)


def file_mode(text: str) -> int:
    """Return a mode that is written as 0755; raises WorkbenchError when it is none."""
    if not _MODE.fullmatch(text) or int(text, 8) > 0o7777:
        raise WorkbenchError(f"{text!r} is no file mode", hint="write it as 0755")
    return int(text, 8)


def size_of(text: str) -> int:
    """Return how many bytes `text` is, which is written as 64m or 1.5GiB; raises WorkbenchError if it is no size."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise WorkbenchError(f"{text!r} is no size", hint="write it as 64m or 1g")
    return int(float(match["number"]) * 1024 ** (" kmgtp".index(match["unit"].lower() or " ")))


def number(text: str, what: str) -> int:
    """Return a user's or group's number; raises WorkbenchError when it is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise WorkbenchError(f"{what} is a number, not {text!r}")
    return int(text)


def mount(
    text: str, variables: Callable[[str], str], origin: Callable[[str], Origin], absolute: Callable[[str], str]
) -> RunMount:
    """Return the mount that the value of `--mount` describes.

    `variables` expands a value, `origin` finds what `from` names, `absolute` makes a target one.
    Raises WorkbenchError for what is unknown, missing or cannot be read.
    """
    options: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name = _SAME.get(name.strip().lower(), name.strip().lower())
        value = variables(value) if equals else "true"
        if name == "readwrite":
            name, value = "readonly", "false" if _truth("readwrite", value) else "true"
        if name in options:
            raise WorkbenchError(f"--mount has {name} twice")
        options[name] = value
    kind = options.pop("type", "bind")
    if kind not in _KINDS:
        raise WorkbenchError(f"--mount=type={kind} is not supported", hint=f"there is {', '.join(_KINDS)}")
    for name in options:
        if name not in _KINDS[kind]:
            raise WorkbenchError(
                f"--mount=type={kind} has no option {name}", hint=f"it has {', '.join(sorted(_KINDS[kind]))}"
            )
    return _run_mount(kind, options, origin, absolute)


def _run_mount(
    kind: str, options: Mapping[str, str], origin: Callable[[str], Origin], absolute: Callable[[str], str]
) -> RunMount:
    target, source, id_ = options.get("target", ""), options.get("source", ""), options.get("id", "")
    variable = options.get("env", "")
    if variable and not _VARIABLE.fullmatch(variable):
        raise WorkbenchError(f"--mount: {variable!r} is no name of a variable")
    if kind == "secret":
        if not id_ and not target:
            raise WorkbenchError("--mount=type=secret names neither an id nor a target")
        id_ = id_ or posixpath.basename(target)
        target = target or (f"/run/secrets/{id_}" if id_ and not variable else "")
    if kind == "ssh":
        id_ = id_ or "default"
    elif not target and not variable:
        # The folder that the command runs in (BuildKit 0.32).
        target = absolute(".").rstrip("/") or "/"
    target = absolute(target) if target else ""
    if target and target.rstrip("/") == "":
        raise WorkbenchError("--mount cannot have / as its target")
    if kind == "cache":
        id_ = id_ or target
    # A cache without an id has its target as one, whatever that is.
    if id_ and not _ID.fullmatch(id_) and (kind != "cache" or "id" in options):
        raise WorkbenchError(f"--mount: {id_!r} is no id")
    sharing = options.get("sharing", "shared").lower()
    if sharing not in _SHARINGS:
        raise WorkbenchError(f"--mount: sharing is one of {', '.join(_SHARINGS)}, not {sharing!r}")
    if ".." in source.split("/"):
        raise WorkbenchError(f"--mount: the source {source} leads out of where it is")
    place = origin(options["from"]) if "from" in options else Origin() if kind == "bind" else None
    return RunMount(
        kind,
        target,
        origin=place,
        source=source,
        id=id_,
        sharing=sharing,
        mode=file_mode(options.get("mode", _MODES.get(kind, "0400"))),
        uid=number(options.get("uid", "0"), "--mount: uid"),
        gid=number(options.get("gid", "0"), "--mount: gid"),
        readonly=_truth("readonly", options.get("readonly", "true" if kind == "bind" else "false")),
        required=_truth("required", options.get("required", "false")),
        size=size_of(options["size"]) if "size" in options else 0,
        variable=variable,
    )


def _truth(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false", "1", "0"):
        raise WorkbenchError(f"--mount: {name} is true or false, not {value!r}")
    return value.lower() in ("true", "1")
