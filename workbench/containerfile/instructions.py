"""What each instruction does to the stage that it stands in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.containerfile.build_plan import BuildStep, Copy, Folder, PlannedStage, Run, RunMount
from workbench.containerfile.config import Config
from workbench.containerfile.flags import FLAGS, SWITCHES, flags_of, mount, permissions
from workbench.containerfile.health import health_check
from workbench.containerfile.heredocs import SCRIPTS, command_of, copied_files
from workbench.containerfile.parser import Instruction, instructions
from workbench.containerfile.remote import Remote, is_address, remote
from workbench.containerfile.scope import Scope
from workbench.containerfile.signals import is_signal
from workbench.containerfile.sources import inside, sources_of
from workbench.containerfile.stages import Origin, Stage, check_qualified, origin_of
from workbench.errors import WorkbenchError

_ONBUILD = re.compile(r"^\s*ONBUILD\s*", re.IGNORECASE)
_NETWORKS = {"default": "", "host": "host", "none": "none"}
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?(?::[A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?")


class StageBuilder:
    """A stage while its instructions are read: what it knows, its config, and the steps so far.

    `above` are the stages before it, `inherited` the variables of the one that it stands on, `exists` tells whether
    the folder beside the Containerfile has a path or anything that matches it, and `section` the section of a line.
    """

    def __init__(
        self,
        stage: Stage,
        config: Mapping[str, Any],
        *,
        above: Sequence[Stage],
        inherited: Mapping[str, str],
        exists: Callable[[str], bool],
        section: Callable[[int], str],
    ) -> None:
        self.stage, self.above = stage, above
        self.config = Config(config)
        self.first_folder = self.config.folder
        self.scope = Scope(
            self.config.environment,
            stage.arguments,
            stage.global_arguments,
            inherited=inherited,
            escape=stage.head.escape,
        )
        self.exists, self.section = exists, section
        self.steps: list[BuildStep] = []

    def expanded(self, word: str) -> str:
        """Return a word with the variables that are known here."""
        return self.scope.expanded(word)

    def origin(self, name: str) -> Origin:
        """Return what `from=name` of a mount means here; raises WorkbenchError when that is nothing to mount."""
        origin = origin_of(name, self.above, numbers=False)
        if origin.image:
            check_qualified(origin.image, f"--from={name}")
        return origin

    def built(self) -> PlannedStage:
        """Return the stage as it is now."""
        stage = self.stage
        return PlannedStage(
            stage.name, stage.base, stage.line, tuple(self.steps), self.config.image(), self.first_folder
        )


def _title(item: Instruction) -> str:
    words = [item.word, *item.flags]
    if item.json:
        words.append("[" + ", ".join(f'"{word}"' for word in item.args) + "]")
    else:
        words += item.args
    return " ".join(" ".join(words).split())


def _arg(stage: StageBuilder, item: Instruction) -> None:
    flags_of(item, ())
    stage.scope.declare(item)


def _env(stage: StageBuilder, item: Instruction) -> None:
    flags_of(item, ())
    stage.scope.take(item)


def _label(stage: StageBuilder, item: Instruction) -> None:
    flags_of(item, ())
    for name, value in stage.scope.pairs(item).items():
        stage.config.label(name, value)


def _run(stage: StageBuilder, item: Instruction) -> None:
    if stage.steps and isinstance(stage.steps[-1], Folder) and stage.steps[-1].path == stage.config.folder:
        # podman makes the folder of a WORKDIR for the step that needs it: a command's belongs to its user.
        stage.steps[-1] = replace(stage.steps[-1], user=stage.config.user)
    flags = flags_of(item, FLAGS["RUN"], repeated=("mount",))
    network = flags.get("network", ["default"])[0]
    if network not in _NETWORKS:
        raise WorkbenchError(f"RUN --network={network} is not supported", hint=f"there is {', '.join(_NETWORKS)}")
    words, script = command_of(item)
    if not item.heredocs and not any(word.strip() for word in words):
        raise WorkbenchError("RUN is followed by a command")
    mounts = tuple(mount(text, stage.expanded, stage.origin, stage.config.absolute) for text in flags.get("mount", ()))
    agents = [one for one in mounts if one.kind == "ssh"]
    mounts = tuple(_placed(one, agents) for one in mounts)
    environment = dict(stage.scope.variables)
    if agents:
        # Programs find the agent by it (ssh-agent(1)).
        environment.setdefault("SSH_AUTH_SOCK", _placed(agents[0], agents).target)
    for one in mounts:
        if one.origin is not None and one.origin.is_context and not stage.exists(inside(one.source)):
            raise WorkbenchError(f"RUN --mount: the folder has no {one.source}")
    if script is not None:
        mounts += (RunMount("script", SCRIPTS.rstrip("/"), file=script),)
    stage.steps.append(
        Run(
            item.line, _title(item), stage.section(item.line),
            arguments=words if item.json else (*stage.config.shell, *words),
            environment=tuple(sorted(environment.items())),
            folder=stage.config.folder, user=stage.config.user, network=_NETWORKS[network], mounts=mounts,
        )
    )  # fmt: skip


def _placed(mount: RunMount, agents: Sequence[RunMount]) -> RunMount:
    """Return a mount with its target: the socket of an agent that has none is where BuildKit's frontend has it."""
    if mount.kind != "ssh" or mount.target:
        return mount
    return replace(mount, target=f"/run/buildkit/ssh_agent.{agents.index(mount)}")


def _copy(stage: StageBuilder, item: Instruction) -> None:
    adds = item.word == "ADD"
    flags = flags_of(item, FLAGS[item.word], repeated=("exclude",), switches=SWITCHES)
    if len(item.args) < 2:
        raise WorkbenchError(f"{item.word} is followed by what to copy and where to")
    copied = sources_of(item, stage.scope, stage.above)
    sources, origin, target = copied.paths, copied.origin, stage.expanded(item.args[-1])
    if origin.image:
        check_qualified(origin.image, f"{item.word} --from={origin.image}")
    files = copied_files(item, stage.scope.variables)
    if not all(sources) or not target:
        raise WorkbenchError(f"{item.word}: a path is empty")
    if len(sources) + len(files) > 1 and not target.endswith("/") and target != ".":
        raise WorkbenchError(f"{item.word} of more than one source ends in a folder", hint=f"write {target}/")
    fetched = _fetched(stage, item, sources, flags) if origin.is_context else {}
    if origin.is_context:
        for source in sources:
            if source in fetched:
                continue
            # What a pattern with ** matches, only the copy finds out.
            if "**" not in source and not stage.exists(inside(source)):
                raise WorkbenchError(f"{item.word} {source}: the folder has no such file")
    owner = stage.expanded(flags.get("chown", [""])[0])
    if owner and not _OWNER.fullmatch(owner):
        raise WorkbenchError(f"{item.word} --chown={owner}: this is no owner", hint="write USER or USER:GROUP")
    stage.steps.append(
        Copy(
            item.line, _title(item), stage.section(item.line),
            origin=origin,
            sources=tuple(
                fetched.get(source) or _source(source, parents=flags.get("parents") == ["true"]) for source in sources
            ),
            target=stage.config.absolute(target),
            owner=f"{owner}:{owner}" if owner.isdigit() else owner,
            mode=permissions(stage.expanded(flags["chmod"][0])) if "chmod" in flags else None,
            # An archive that was fetched stays one, unless the flag says otherwise.
            unpack=flags["unpack"] == ["true"] if "unpack" in flags else adds and not fetched,
            link=flags.get("link") == ["true"],
            parents=flags.get("parents") == ["true"],
            exclude=tuple(stage.expanded(pattern) for pattern in flags.get("exclude", ())),
            files=files,
        )
    )  # fmt: skip


def _fetched(
    stage: StageBuilder, item: Instruction, sources: Sequence[str], flags: Mapping[str, list[str]]
) -> dict[str, Remote]:
    """Return which sources are addresses, and what they are."""
    addresses = [source for source in sources if is_address(source)]
    if addresses and item.word != "ADD":
        raise WorkbenchError(f"{item.word} {addresses[0]}: an address is for ADD")
    checksum = stage.expanded(flags.get("checksum", [""])[0])
    if checksum and (len(sources) != 1 or not addresses):
        raise WorkbenchError(f"{item.word} --checksum is of one address")
    if addresses and len(addresses) != len(sources) and "unpack" not in flags:
        raise WorkbenchError(f"{item.word} of files and addresses at once is not supported", hint="write two")
    keep_git = flags.get("keep-git-dir") == ["true"]
    return {source: remote(source, checksum=checksum, keep_git=keep_git) for source in addresses}


def _source(source: str, *, parents: bool) -> str:
    """Return a source as an absolute path; with its parents kept, `/./` says where those begin."""
    before, pivot, after = source.partition("/./") if parents else (source, "", "")
    return f"/{inside(before)}/./{inside(after)}" if pivot else f"/{inside(source)}"


def _one(stage: StageBuilder, item: Instruction) -> str:
    """Return the one word that the instruction has, expanded."""
    flags_of(item, ())
    value = stage.expanded(item.args[0]).strip() if len(item.args) == 1 else ""
    if not value:
        raise WorkbenchError(f"{item.word} is followed by one word")
    return value


def _user(stage: StageBuilder, item: Instruction) -> None:
    stage.config.user = _one(stage, item)
    if not _OWNER.fullmatch(stage.config.user):
        raise WorkbenchError(f"USER {stage.config.user}: this is no user", hint="write USER or USER:GROUP")


def _workdir(stage: StageBuilder, item: Instruction) -> None:
    written = _one(stage, item)
    path = stage.config.absolute(written).rstrip("/") or "/"
    stage.config.folder = written if written.startswith("/") else path
    if path != "/":
        stage.steps.append(Folder(item.line, _title(item), stage.section(item.line), path=path))


def _expose(stage: StageBuilder, item: Instruction) -> None:
    flags_of(item, ())
    ports = [port for word in item.args for port in stage.expanded(word).split()]
    if not ports:
        raise WorkbenchError("EXPOSE names no port")
    for port in ports:
        stage.config.expose(port)


def _volume(stage: StageBuilder, item: Instruction) -> None:
    flags_of(item, ())
    words = [stage.expanded(word) for word in item.args]
    paths = [stage.config.absolute(word).rstrip("/") for word in words]
    if not paths or not all(paths):
        raise WorkbenchError("VOLUME names no folder")
    for word, path in zip(words, paths, strict=True):
        stage.config.volume(word)
        stage.steps.append(Folder(item.line, _title(item), stage.section(item.line), path=path))


def _command(stage: StageBuilder, item: Instruction) -> None:
    flags_of(item, ())
    if not item.args and not item.json:
        raise WorkbenchError(f"{item.word} is followed by a command")
    set_command = stage.config.command if item.word == "CMD" else stage.config.entrypoint
    set_command(item.args, plain=not item.json)


def _shell(stage: StageBuilder, item: Instruction) -> None:
    flags_of(item, ())
    if not item.json or not item.args:
        raise WorkbenchError("SHELL is followed by words in JSON form", hint='write SHELL ["/bin/bash", "-c"]')
    stage.config.shell = item.args


def _stop_signal(stage: StageBuilder, item: Instruction) -> None:
    signal = _one(stage, item)
    if not is_signal(signal):
        raise WorkbenchError(f"STOPSIGNAL {signal}: this is no signal")
    stage.config.stop_signal(signal)


def _maintainer(stage: StageBuilder, item: Instruction) -> None:
    flags_of(item, ())
    if not any(item.args):
        raise WorkbenchError("MAINTAINER is followed by a name")
    stage.config.author = " ".join(item.args)


def trigger_of(item: Instruction) -> Instruction:
    """Return the instruction behind an ONBUILD; raises WorkbenchError where there can be none such."""
    text = _ONBUILD.sub("", item.original)
    try:
        found = instructions(f"# escape={item.escape}\n{text}")
    except WorkbenchError as error:
        raise WorkbenchError(f"ONBUILD {text}: {error.message}") from None
    if len(found) != 1 or found[0].word not in DISPATCH or found[0].word in ("ONBUILD", "MAINTAINER"):
        raise WorkbenchError(f"ONBUILD {text or '…'} is not supported", hint="it is followed by another instruction")
    return replace(found[0], line=item.line, end=item.end)


def _onbuild(stage: StageBuilder, item: Instruction) -> None:
    trigger_of(item)
    stage.config.triggers = [*stage.config.triggers, _ONBUILD.sub("", item.original)]


def _health(stage: StageBuilder, item: Instruction) -> None:
    stage.config.health(health_check(item))


DISPATCH: Mapping[str, Callable[[StageBuilder, Instruction], None]] = {
    "ADD": _copy,
    "ARG": _arg,
    "CMD": _command,
    "COPY": _copy,
    "ENTRYPOINT": _command,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _health,
    "LABEL": _label,
    "ONBUILD": _onbuild,
    "MAINTAINER": _maintainer,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
