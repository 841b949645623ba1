"""What each instruction does to the stage that it stands in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from workbench.containerfile.config import Config
from workbench.containerfile.context import inside, is_there
from workbench.containerfile.flags import file_mode, flags_of, mount
from workbench.containerfile.health import health_check
from workbench.containerfile.parser import Instruction
from workbench.containerfile.plan import Copy, Folder, Origin, Run, Stage
from workbench.containerfile.words import expanded
from workbench.errors import WorkbenchError

_NETWORKS = {"default": "", "host": "host", "none": "none"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?(?::[A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|git@", re.IGNORECASE)


class StageInTheMaking:
    """A stage while its instructions are read: what is declared, its config, and the steps so far."""

    def __init__(
        self,
        name: str,
        below: Origin,
        line: int,
        config: Mapping[str, Any],
        *,
        arguments: Mapping[str, str],
        globals: Mapping[str, str],
        used: set[str],
        folder: str,
        section: Callable[[int], str],
        origin: Callable[[str], Origin],
    ) -> None:
        self.name, self.below, self.line = name, below, line
        self.config = Config(config)
        self.begins = self.config.folder
        self.declared: dict[str, str] = {}
        self.arguments, self.globals, self.used = arguments, globals, used
        self.folder, self.section, self.origin = folder, section, origin
        self.steps: list[Run | Copy | Folder] = []

    @property
    def variables(self) -> dict[str, str]:
        """What is known here: arguments, and the environment, which goes before them."""
        return {**self.declared, **self.config.environment}

    def expanded(self, word: str) -> str:
        """Return a word with what is known here."""
        return expanded(word, self.variables)

    def finished(self) -> Stage:
        """Return the stage as it is now."""
        return Stage(self.name, self.below, self.line, tuple(self.steps), self.config.image(), self.begins)


def _title(item: Instruction) -> str:
    words = [item.word, *item.flags]
    if item.json:
        words.append("[" + ", ".join(f'"{word}"' for word in item.args) + "]")
    else:
        words += item.args
    return " ".join(" ".join(words).split())


def _arg(stage: StageInTheMaking, item: Instruction) -> None:
    flags_of(item, ())
    if not item.args:
        raise WorkbenchError("ARG names nothing")
    for argument in item.args:
        name, equals, default = argument.partition("=")
        if not _NAME.fullmatch(name):
            raise WorkbenchError(f"ARG {name!r}: this is no name of a variable")
        if name in stage.arguments:
            stage.used.add(name)
            stage.declared[name] = stage.arguments[name]
        elif equals:
            stage.declared[name] = stage.expanded(default)
        elif name in stage.globals:
            stage.declared[name] = stage.globals[name]


def _pairs(stage: StageInTheMaking, item: Instruction) -> dict[str, str]:
    """Return the names and values of ENV and LABEL, all of them expanded with what was known before."""
    flags_of(item, ())
    if not item.args or len(item.args) % 2:
        raise WorkbenchError(f"{item.word} is followed by NAME=value")
    known = stage.variables
    found = {}
    for name, value in zip(item.args[::2], item.args[1::2], strict=True):
        name = expanded(name, known)
        if not name or "=" in name or "\0" in name:
            raise WorkbenchError(f"{item.word} {name!r}: this is no name")
        found[name] = expanded(value, known)
    return found


def _env(stage: StageInTheMaking, item: Instruction) -> None:
    stage.config.environment.update(_pairs(stage, item))


def _label(stage: StageInTheMaking, item: Instruction) -> None:
    for name, value in _pairs(stage, item).items():
        stage.config.label(name, value)


def _run(stage: StageInTheMaking, item: Instruction) -> None:
    if stage.steps and isinstance(stage.steps[-1], Folder) and stage.steps[-1].path == stage.config.folder:
        # podman makes the folder of a WORKDIR for the step that needs it: a command's belongs to its user.
        stage.steps[-1] = replace(stage.steps[-1], user=stage.config.user)
    flags = flags_of(item, ("mount", "network"), repeated=("mount",))
    network = flags.get("network", ["default"])[0]
    if network not in _NETWORKS:
        raise WorkbenchError(f"RUN --network={network} is not supported", hint=f"there is {', '.join(_NETWORKS)}")
    if not any(word.strip() for word in item.args):
        raise WorkbenchError("RUN is followed by a command")
    mounts = tuple(mount(text, stage.expanded, stage.origin, stage.config.absolute) for text in flags.get("mount", ()))
    for one in mounts:
        if one.origin is not None and one.origin.is_context and not is_there(stage.folder, inside(one.source)):
            raise WorkbenchError(f"RUN --mount: the folder has no {one.source}")
    stage.steps.append(
        Run(
            item.line, _title(item), stage.section(item.line),
            arguments=item.args if item.json else (*stage.config.shell, *item.args),
            environment=tuple(sorted(stage.variables.items())),
            folder=stage.config.folder, user=stage.config.user, network=_NETWORKS[network], mounts=mounts,
        )
    )  # fmt: skip


def _copy(stage: StageInTheMaking, item: Instruction) -> None:
    adds = item.word == "ADD"
    flags = flags_of(item, ("chown", "chmod") if adds else ("from", "chown", "chmod"))
    if len(item.args) < 2:
        raise WorkbenchError(f"{item.word} is followed by what to copy and where to")
    *sources, target = (stage.expanded(word) for word in item.args)
    if not all(sources) or not target:
        raise WorkbenchError(f"{item.word}: a path is empty")
    if len(sources) > 1 and not target.endswith("/") and target != ".":
        raise WorkbenchError(f"{item.word} of more than one source ends in a folder", hint=f"write {target}/")
    origin = stage.origin(stage.expanded(flags["from"][0])) if "from" in flags else Origin()
    if origin.is_context:
        for source in sources:
            if _ADDRESS.match(source):
                raise WorkbenchError(f"{item.word} {source} is not supported", hint="fetch it in a RUN, and check it")
            if not is_there(stage.folder, inside(source)):
                raise WorkbenchError(f"{item.word} {source}: the folder has no such file")
    owner = stage.expanded(flags.get("chown", [""])[0])
    if owner and not _OWNER.fullmatch(owner):
        raise WorkbenchError(f"{item.word} --chown={owner}: this is no owner", hint="write USER or USER:GROUP")
    stage.steps.append(
        Copy(
            item.line, _title(item), stage.section(item.line),
            origin=origin,
            sources=tuple("/" + inside(source) for source in sources),
            target=stage.config.absolute(target),
            owner=f"{owner}:{owner}" if owner.isdigit() else owner,
            mode=file_mode(stage.expanded(flags["chmod"][0])) if "chmod" in flags else None,
            unpack=adds,
        )
    )  # fmt: skip


def _one(stage: StageInTheMaking, item: Instruction) -> str:
    """Return the one word that the instruction has, expanded."""
    flags_of(item, ())
    value = stage.expanded(item.args[0]).strip() if len(item.args) == 1 else ""
    if not value:
        raise WorkbenchError(f"{item.word} is followed by one word")
    return value


def _user(stage: StageInTheMaking, item: Instruction) -> None:
    stage.config.user = _one(stage, item)
    if not _OWNER.fullmatch(stage.config.user):
        raise WorkbenchError(f"USER {stage.config.user}: this is no user", hint="write USER or USER:GROUP")


def _workdir(stage: StageInTheMaking, item: Instruction) -> None:
    path = stage.config.absolute(_one(stage, item)).rstrip("/") or "/"
    stage.config.folder = path
    if path != "/":
        stage.steps.append(Folder(item.line, _title(item), stage.section(item.line), path=path))


def _expose(stage: StageInTheMaking, item: Instruction) -> None:
    flags_of(item, ())
    ports = [port for word in item.args for port in stage.expanded(word).split()]
    if not ports:
        raise WorkbenchError("EXPOSE names no port")
    for port in ports:
        stage.config.expose(port)


def _volume(stage: StageInTheMaking, item: Instruction) -> None:
    flags_of(item, ())
    paths = [stage.config.absolute(stage.expanded(word)).rstrip("/") for word in item.args]
    if not paths or not all(paths):
        raise WorkbenchError("VOLUME names no folder")
    for path in paths:
        stage.config.volume(path)
        stage.steps.append(Folder(item.line, _title(item), stage.section(item.line), path=path))


def _command(stage: StageInTheMaking, item: Instruction) -> None:
    flags_of(item, ())
    if not item.args and not item.json:
        raise WorkbenchError(f"{item.word} is followed by a command")
    said = stage.config.command if item.word == "CMD" else stage.config.entrypoint
    said(item.args, plain=not item.json)


def _shell(stage: StageInTheMaking, item: Instruction) -> None:
    flags_of(item, ())
    if not item.json or not item.args:
        raise WorkbenchError("SHELL is followed by words in JSON form", hint='write SHELL ["/bin/bash", "-c"]')
    stage.config.shell = item.args


def _stop_signal(stage: StageInTheMaking, item: Instruction) -> None:
    signal = _one(stage, item)
    if not re.fullmatch(r"[0-9]{1,3}|(?:SIG)?[A-Za-z0-9+-]{2,12}", signal):
        raise WorkbenchError(f"STOPSIGNAL {signal}: this is no signal")
    stage.config.stop_signal(signal)


def _health(stage: StageInTheMaking, item: Instruction) -> None:
    stage.config.health(health_check(item))


DISPATCH: Mapping[str, Callable[[StageInTheMaking, Instruction], None]] = {
    "ADD": _copy,
    "ARG": _arg,
    "CMD": _command,
    "COPY": _copy,
    "ENTRYPOINT": _command,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _health,
    "LABEL": _label,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
