"""From a build plan to the state that makes its image's files: stages beside each other, sections forked and joined."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from workbench.containerfile.build_plan import BuildPlan, BuildStep, Copy, Folder, PlannedStage, Run, RunMount
from workbench.containerfile.heredocs import InlineFile
from workbench.containerfile.remote import Remote, RemoteFile
from workbench.containerfile.sections import are_independent
from workbench.containerfile.stages import Origin
from workbench.images.buildkit.graph.downloads import keeping
from workbench.images.buildkit.llb import files, mounts
from workbench.images.buildkit.llb.files import Action
from workbench.images.buildkit.llb.ops import SecretVariable
from workbench.images.buildkit.llb.state import GraphState, git, http, image, local, merge, scratch

# The name under which a build's session serves the folder beside the Containerfile.
CONTEXT = "context"
# Where in the tree that a cache begins with its first folder is.
_FIRST = "/cache"


@dataclass(frozen=True, slots=True)
class Fork:
    """Two sections that were built beside each other: the state before them, and each of the two."""

    base: GraphState
    sections: tuple[str, ...]
    branches: tuple[GraphState, ...]

    @property
    def name(self) -> str:
        """What their joining is called."""
        return f"join {' and '.join(self.sections)}"


@dataclass(frozen=True, slots=True)
class StepContext:
    """What all steps of a build have during the build only, of which nothing is in the image.

    `network` is the one of steps that name none; `variables` are those that the steps have already;
    `secrets` maps paths inside to the session's ids;
    `downloads` says whether package managers keep theirs, and `kinds` which images may share them;
    `groups` are the users' groups by number, by image, and `looked_up` the images where the daemon can look
    users up; with `fresh`, no step is taken out of the cache; where the daemon `merges`, what is linked stands on
    nothing; `join` joins a fork, None builds one section
    after the other.
    """

    network: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    downloads: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    looked_up: frozenset[str] = frozenset()
    fresh: bool = False
    merges: bool = False
    ignored: tuple[str, ...] = ()
    shared_key: str = ""
    join: Callable[[Fork], GraphState] | None = None


class Emitter:
    """Makes the states of a plan's stages, each once; `forks` are those that were joined, `titles` the named steps."""

    def __init__(self, plan: BuildPlan, context: StepContext) -> None:
        self.plan, self.context = plan, context
        self.forks: list[Fork] = []
        self.titles: list[str] = []
        self._stages: dict[int, GraphState] = {}
        self._folder = local(CONTEXT, exclude=context.ignored, shared_key=context.shared_key, name="the recipe's files")

    def state(self) -> GraphState:
        """Return the state of the last stage, and so of the image."""
        for number in self.plan.needed():
            self._stages[number] = self._stage(self.plan.stages[number])
        return self._stages[len(self.plan.stages) - 1]

    def _origin(self, origin: Origin) -> GraphState:
        if origin.stage is not None:
            return self._stages[origin.stage]
        if not origin.image:
            return self._folder
        return image(origin.image, name=f"the image {origin.image}")

    def _root(self, stage: PlannedStage) -> str:
        """Return the image at the bottom of a stage, "" for none."""
        while stage.base.stage is not None:
            stage = self.plan.stages[stage.base.stage]
        return stage.base.image

    def _stage(self, stage: PlannedStage) -> GraphState:
        base = stage.base
        root = self._root(stage)
        state = scratch() if base.is_context else self._origin(base)
        groups = [list(steps) for _, steps in itertools.groupby(stage.steps, key=lambda step: step.section)]
        folders = set() if base.is_context else {stage.first_folder}
        while groups:
            group = groups.pop(0)
            if groups and self.context.join is not None and _may_fork(group, groups[0], folders):
                other = groups.pop(0)
                fork = Fork(
                    state,
                    (group[0].section, other[0].section),
                    (self._steps(state, group, root), self._steps(state, other, root)),
                )
                self.forks.append(fork)
                state = self._joined(fork, self.context.join)
                group += other
            else:
                state = self._steps(state, group, root)
            folders |= {step.path for step in group if isinstance(step, Folder)}
        return state

    def _joined(self, fork: Fork, join: Callable[[Fork], GraphState]) -> GraphState:
        """Return the joined state; a fresh one too: it is known by what its branches do, not by what comes of that."""
        state = join(fork)
        if not self.context.fresh or state.output is None:
            return state
        output = state.output
        return replace(state, output=replace(output, vertex=replace(output.vertex, ignore_cache=True)))

    def _steps(self, state: GraphState, steps: Sequence[BuildStep], root: str) -> GraphState:
        for step in steps:
            self.titles.append(step.title)
            if isinstance(step, Run):
                state = self._run(state, step, root)
            elif isinstance(step, Copy):
                state = self._copy(state, step)
            else:
                # As with podman, the command of an unknown user runs in group 0, and its folder is of its own group.
                owner = self._numbers(step.user, root, unknown=step.user)
                made = files.mkdir(step.path, parents=True, owner=owner)
                state = state.change(made, name=step.title, ignore_cache=self.context.fresh)
        return state

    def _copy(self, state: GraphState, step: Copy) -> GraphState:
        source = self._origin(step.origin) if step.paths else scratch()
        # What comes from the folder is root's, whoever owns it on this machine; the rest keeps its owner.
        owner = step.owner or ("0:0" if step.origin.is_context else "")
        actions = [
            files.copy(
                source,
                path or "/",
                step.target,
                owner=owner,
                mode=step.mode,
                wildcard=True,
                empty_wildcard=True,
                contents_only=True,
                create_dest=True,
                follow=True,
                unpack=step.unpack,
                include=include,
                exclude=step.exclude,
            )
            for path, include in map(_selected if step.parents else _whole, step.paths)
        ]
        actions += [_fetched(each, step) for each in step.fetched]
        actions += [
            files.copy(_inline(file), f"/{file.name}", step.target, owner=step.owner, mode=step.mode, create_dest=True)
            for file in step.files
        ]
        # With a mode, BuildKit's frontend copies onto the stage.
        if step.link and self.context.merges and step.mode is None:
            linked = scratch().change(*actions, name=step.title, ignore_cache=self.context.fresh)
            return replace(state, output=merge([state, linked]).output)
        return state.change(*actions, name=step.title, ignore_cache=self.context.fresh)

    def _run(self, state: GraphState, step: Run, root: str) -> GraphState:
        # A cache is its user's, and what number a name has, only the image knows.
        numbered = step.user in ("", "root") or step.user.replace(":", "").isdigit()
        step, managers = keeping(step, self.context.variables) if self.context.downloads and numbered else (step, ())
        made = [self._mount(mount) for mount in step.mounts if mount.target]
        secrets = [
            SecretVariable(mount.variable, mount.id, not mount.required) for mount in step.mounts if mount.variable
        ]
        taken = {mount.dest for mount in made}
        for manager in managers:
            name = f"workbench-{manager.name}-{self.context.kinds.get(root, 'other')}-{step.user or 'root'}"
            made.append(_cache(manager.folder, name, "shared", 0o755, self._numbers(step.user or "0", root)))
            if manager.file:
                made.append(mounts.secret(manager.file, manager.file.rpartition("/")[2], mode=0o444))
        made += [
            mounts.secret(path, name, mode=0o444) for path, name in self.context.secrets.items() if path not in taken
        ]
        return state.run(
            step.arguments,
            env=dict(step.environment),
            cwd=step.folder,
            user=self._user(step.user, root),
            mounts=made,
            network=step.network or self.context.network,
            proxies=self.context.proxies,
            name=step.title,
            ignore_cache=self.context.fresh,
            secret_variables=secrets,
        )

    def _user(self, user: str, root: str) -> str:
        """Return the user as the daemon can look it up: it does so only where the image has a list of groups."""
        return user if root in self.context.looked_up else self._numbers(user, root)

    def _numbers(self, user: str, root: str, unknown: str = "0") -> str:
        """Return a user's number with that of the group, which is `unknown` for an unknown user; a name as it is."""
        number = "0" if user == "root" else user
        return f"{number}:{self.context.groups.get(root, {}).get(number, unknown)}" if number.isdigit() else user

    def _mount(self, mount: RunMount) -> mounts.ExecMount:
        if mount.kind == "secret":
            owner = f"{mount.uid}:{mount.gid}"
            return mounts.secret(mount.target, mount.id, mode=mount.mode, owner=owner, optional=not mount.required)
        if mount.kind == "ssh":
            owner = f"{mount.uid}:{mount.gid}"
            return mounts.ssh(mount.target, mount.id, mode=mount.mode, owner=owner, optional=not mount.required)
        if mount.kind == "tmpfs":
            return mounts.tmpfs(mount.target, size=mount.size)
        if mount.file is not None:
            return mounts.bind(mount.target, _inline(mount.file, 0o755))
        source = "/" + mount.source.strip("/")
        if mount.kind == "bind":
            return mounts.bind(
                mount.target, self._origin(mount.origin or Origin()), selector=source, readonly=mount.readonly
            )
        if mount.origin is None:
            return _cache(mount.target, mount.id, mount.sharing, mount.mode, f"{mount.uid}:{mount.gid}")
        return mounts.cache(
            mount.target, mount.id, sharing=mount.sharing, tree=self._origin(mount.origin), selector=source
        )


def _fetched(remote: Remote, step: Copy) -> Action:
    """Return the copy of what the daemon fetches; it keeps the permissions that it comes with."""
    if isinstance(remote, RemoteFile):
        tree = http(remote.url, checksum=remote.checksum, filename=remote.name, name=f"fetch {remote.url}")
        path = f"/{remote.name}"
    else:
        tree = git(
            remote.url, remote.ref, remote.folder, checksum=remote.checksum, keep_git=remote.keep_git,
            name=f"fetch {remote.url}",
        )  # fmt: skip
        path = "/"
    return files.copy(
        tree,
        path,
        step.target,
        owner=step.owner,
        mode=step.mode,
        contents_only=path == "/",
        create_dest=True,
        unpack=step.unpack,
        exclude=step.exclude,
    )


def _whole(source: str) -> tuple[str, tuple[str, ...]]:
    return source, ()


def _selected(source: str) -> tuple[str, tuple[str, ...]]:
    """Return the folder at which a source's parents begin, and the pattern of what is copied out of it."""
    before, pivot, after = source.partition("/./")
    return (before, (after,)) if pivot else ("/", (source.lstrip("/"),))


def _inline(file: InlineFile, mode: int = 0o644) -> GraphState:
    """Return a tree that has nothing but a file of the Containerfile's own."""
    return scratch().mkfile(f"/{file.name}", file.data, mode=mode, name=f"the heredoc {file.name}")


def _cache(target: str, name: str, sharing: str, mode: int, owner: str) -> mounts.ExecMount:
    title = f"the first folder of the cache {name}"
    first = scratch().mkdir(_FIRST, mode=mode, owner=owner, name=title)
    if mode & 0o022:
        # A daemon makes folders under its umask; what it copies, it gives the requested mode.
        first = scratch().copy(first, _FIRST, _FIRST, mode=mode, owner=owner, name=title)
    return mounts.cache(target, name, sharing=sharing, tree=first, selector=_FIRST)


def _may_fork(one: Sequence[BuildStep], other: Sequence[BuildStep], folders: set[str]) -> bool:
    """Return whether two sections can be built beside each other: by what is known of them, and by their folders.

    The second must not stand in a folder that only the first makes, as it would make one itself.
    """
    if not one[0].section or not are_independent(one[0].section, other[0].section):
        return False
    made = {step.path for step in one if isinstance(step, Folder)} - folders
    return all(any(isinstance(step, Run) for step in steps) for steps in (one, other)) and not any(
        isinstance(step, Run) and step.folder in made for step in other
    )
