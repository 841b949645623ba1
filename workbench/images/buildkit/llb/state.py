"""States, in which build graphs are written: a tree of files, and the environment of the next process in it.

    base = image("localhost/base:1")
    tools = base.run("apt-get update && apt-get install -y git", mounts=[cache("/var/cache/apt", "apt")])
    done = tools.copy(local("context"), "/src", "/opt/src", owner="1001:0").workdir("/opt/src")

Nothing is built here. A state is never changed: every call gives a new one, and equal calls give equal
bytes (`workbench.images.buildkit.llb.marshal`). A wrong argument is a StepError at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.images.buildkit.llb import checks, files, ops
from workbench.images.buildkit.llb.files import Action
from workbench.images.buildkit.llb.mounts import ExecMount
from workbench.images.buildkit.llb.ops import SecretVariable
from workbench.images.buildkit.llb.vertex import GraphStep, HasOutput, Output

SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True)
class GraphState:
    """A tree (`output`, None when it is empty) and how the next process in it starts.

    `variables` are sorted by name; `user` "" is root, or whatever the daemon takes.
    """

    output: Output | None = None
    variables: tuple[tuple[str, str], ...] = ()
    cwd: str = "/"
    account: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables by name."""
        return dict(self.variables)

    def env(self, name: str, value: str) -> GraphState:
        """Set a variable for the processes to come; no step by itself."""
        return replace(self, variables=tuple(checks.variables({**self.environment, name: value}).items()))

    def workdir(self, path: str) -> GraphState:
        """Set the folder of the processes to come; no step by itself, and none that makes the folder."""
        return replace(self, cwd=checks.path(path, "the working directory").rstrip("/") or "/")

    def user(self, account: str) -> GraphState:
        """Set the `USER[:GROUP]` of the processes to come, "" for the daemon's choice; no step by itself."""
        if account:
            checks.account(account, "the user")
        return replace(self, account=account)

    def run(
        self,
        command: str | Sequence[str],
        *,
        shell: Sequence[str] = SHELL,
        env: Mapping[str, str] | None = None,
        cwd: str = "",
        user: str = "",
        mounts: Iterable[ExecMount] = (),
        network: str = "",
        proxies: Mapping[str, str] | None = None,
        name: str = "",
        ignore_cache: bool = False,
        secret_variables: Iterable[SecretVariable] = (),
    ) -> GraphState:
        """Run a program with its arguments, or text with the `shell`.

        `env`, `cwd` and `user` are for this step only, before the state's own. `network` is "" for the
        daemon's, "none" or "host". `proxies` (`http_proxy`, …) are given to the process, and the step is
        not cached by them.
        """
        start = self.workdir(cwd) if cwd else self
        start = start.user(user) if user else start
        arguments = (*shell, checks.text(command, "the command")) if isinstance(command, str) else tuple(command)
        return self._then(
            ops.Exec(
                arguments,
                {**self.environment, **(env or {})},
                start.cwd,
                start.account,
                tuple(mounts),
                network,
                proxies or {},
                name,
                ignore_cache,
                tuple(secret_variables),
            )
        )

    def change(self, *actions: Action, name: str = "", ignore_cache: bool = False) -> GraphState:
        """Do several `actions` (of `workbench.images.buildkit.llb.files`) as one step and one layer."""
        return self._then(ops.FileChanges(actions, name, ignore_cache))

    def copy(
        self,
        source: HasOutput,
        src: str,
        dest: str,
        *,
        owner: str = "",
        mode: int | None = None,
        wildcard: bool = False,
        empty_wildcard: bool = False,
        contents_only: bool = False,
        create_dest: bool = False,
        follow: bool = False,
        unpack: bool = False,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        name: str = "",
        ignore_cache: bool = False,
    ) -> GraphState:
        """Copy `src` out of `source` to `dest`: see files.copy."""
        action = files.copy(
            source,
            src,
            dest,
            owner=owner,
            mode=mode,
            wildcard=wildcard,
            empty_wildcard=empty_wildcard,
            contents_only=contents_only,
            create_dest=create_dest,
            follow=follow,
            unpack=unpack,
            include=include,
            exclude=exclude,
        )
        return self.change(action, name=name, ignore_cache=ignore_cache)

    def mkfile(self, path: str, data: bytes, *, mode: int = 0o644, owner: str = "", name: str = "") -> GraphState:
        """Write a file: see files.mkfile."""
        return self.change(files.mkfile(path, data, mode=mode, owner=owner), name=name)

    def mkdir(
        self, path: str, *, mode: int = 0o755, owner: str = "", parents: bool = False, name: str = ""
    ) -> GraphState:
        """Make a folder: see files.mkdir."""
        return self.change(files.mkdir(path, mode=mode, owner=owner, parents=parents), name=name)

    def rm(self, path: str, *, missing_ok: bool = False, wildcard: bool = False, name: str = "") -> GraphState:
        """Remove a path: see files.rm."""
        return self.change(files.rm(path, missing_ok=missing_ok, wildcard=wildcard), name=name)

    def symlink(self, target: str, path: str, *, owner: str = "", name: str = "") -> GraphState:
        """Make a symbolic link: see files.symlink."""
        return self.change(files.symlink(target, path, owner=owner), name=name)

    def _then(self, step: GraphStep) -> GraphState:
        return replace(self, output=step.on(self.output))


def scratch() -> GraphState:
    """Return the empty tree."""
    return GraphState()


def image(ref: str, *, resolve_mode: str = "local", name: str = "") -> GraphState:
    """Return the tree of an image; its config is not part of it (a gateway build reads that).

    `resolve_mode`: "local" takes what is in the daemon's store and queries a registry only for what is not
    there, "pull" always queries it, "default" is the daemon's choice.
    """
    return GraphState(Output(ops.image(ref, resolve_mode, name)))


def local(
    folder: str,
    *,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    shared_key: str = "",
    name: str = "",
    ignore_cache: bool = False,
) -> GraphState:
    """Return the folder that the build's session serves under the name `folder`.

    `include` and `exclude` are patterns of paths. What was sent under the same `shared_key` (`folder`
    when "") before is sent again only where it changed.
    """
    return GraphState(Output(ops.local(folder, include, exclude, shared_key, name, ignore_cache)))


def http(url: str, *, checksum: str = "", filename: str = "", mode: int | None = None, name: str = "") -> GraphState:
    """Return a tree with one file, which the daemon fetches; `checksum` is `sha256:…`."""
    return GraphState(Output(ops.http(url, checksum, filename, mode, name)))


def git(
    url: str, ref: str = "", folder: str = "", *, checksum: str = "", keep_git: bool = False, name: str = ""
) -> GraphState:
    """Return the tree of a git repository at a branch, tag or commit, which the daemon fetches.

    `folder` is the part of it, `checksum` the commit that it must be; with `keep_git`, `.git` is in the tree.
    """
    return GraphState(Output(ops.git(url, ref, folder, checksum, keep_git, name)))


def merge(states: Iterable[GraphState], *, name: str = "") -> GraphState:
    """Lay trees over each other, the last on top; variables, folder and user are those of the first.

    For daemons with the capability `mergeop`; `workbench.images.buildkit.llb.joins` does it on all.
    """
    given = list(states)
    trees = [one.output for one in given if one.output is not None]
    first = given[0] if given else GraphState()
    return replace(first, output=ops.Merge(trees[1:], name).on(trees[0]) if trees else None)


def diff(lower: GraphState, upper: GraphState, *, name: str = "") -> GraphState:
    """Return the tree of what `upper` has changed of `lower`; the rest is `upper`'s. Needs `diffop`."""
    if lower.output == upper.output:
        return replace(upper, output=None)
    if lower.output is None:
        return upper
    return replace(upper, output=Output(ops.diff(lower.output, upper.output, name)))
