"""The vertices of a build graph: one function for each kind of step."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.images.buildkit.llb import capabilities as caps
from workbench.images.buildkit.llb import checks
from workbench.images.buildkit.llb.checks import StepError
from workbench.images.buildkit.llb.files import Action
from workbench.images.buildkit.llb.mounts import ExecMount
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.vertex import Inputs, Output, Vertex
from workbench.names import is_image, is_qualified

RESOLVE_MODES = ("default", "pull", "local")
_NETWORKS = {"": pb.UNSET, "none": pb.NONE, "host": pb.HOST}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOCAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")


def image(ref: str, resolve_mode: str, name: str) -> Vertex:
    """Return the source that is the image `ref`."""
    checks.one_of(resolve_mode, RESOLVE_MODES, "the resolve mode")
    attributes = {} if resolve_mode == "default" else {"image.resolvemode": resolve_mode}
    needed = [caps.IMAGE, *([caps.IMAGE_RESOLVE_MODE] if attributes else [])]
    return _source(f"docker-image://{qualified(ref)}", attributes, needed, name)


def local(
    folder: str, include: Iterable[str], exclude: Iterable[str], shared_key: str, name: str, ignore_cache: bool
) -> Vertex:
    """Return the source that is the folder which a session serves as `folder`."""
    if _LOCAL.fullmatch(checks.text(folder, "the name of a folder")) is None:
        raise StepError(f"{folder!r} cannot name a folder", hint="use letters, digits, dots, hyphens and underscores")
    attributes = {"local.sharedkeyhint": checks.text(shared_key or folder, "the shared key")}
    needed = [caps.LOCAL, caps.LOCAL_SHARED_KEY]
    for key, patterns, capability in (
        ("local.includepattern", include, caps.LOCAL_INCLUDE),
        ("local.excludepatterns", exclude, caps.LOCAL_EXCLUDE),
    ):
        if listed := [checks.text(one, "a pattern of files") for one in patterns]:
            attributes[key] = json.dumps(listed, ensure_ascii=False)
            needed.append(capability)
    return _source(f"local://{folder}", attributes, needed, name, ignore_cache)


def http(url: str, checksum: str, filename: str, mode: int | None, name: str) -> Vertex:
    """Return the source that is one file, fetched by the daemon."""
    if not checks.text(url, "the address").startswith(("http://", "https://")) or re.search(r"\s", url):
        raise StepError(f"{url!r} is no http or https address")
    attributes, needed = {}, [caps.HTTP]
    if checksum:
        if _DIGEST.fullmatch(checksum) is None:
            raise StepError(f"{checksum!r} is no checksum", hint="write sha256: and 64 hexadecimal digits")
        attributes["http.checksum"] = checksum
        needed.append(caps.HTTP_CHECKSUM)
    if filename:
        if "/" in checks.text(filename, "the name of a file") or filename in (".", ".."):
            raise StepError(f"{filename!r} is no name of a file")
        attributes["http.filename"] = filename
    if mode is not None:
        attributes["http.perm"] = f"0{checks.mode(mode, 'the mode of a file'):o}"
        needed.append(caps.HTTP_PERMISSIONS)
    return _source(url, attributes, needed, name)


def git(url: str, ref: str, folder: str, checksum: str, keep_git: bool, name: str) -> Vertex:
    """Return the source that is a tree of the git repository at `url`, fetched by the daemon."""
    if not checks.text(url, "the address").startswith(("http://", "https://", "git://")) or re.search(r"[\s#]", url):
        raise StepError(f"{url!r} is no address of a git repository")
    fragment = f"#{ref}{f':{folder}' if folder else ''}" if ref or folder else ""
    attributes, needed = {"git.fullurl": url}, [caps.GIT, caps.GIT_FULL_URL]
    if folder:
        needed.append(caps.GIT_FOLDER)
    if checksum:
        attributes["git.checksum"] = checks.text(checksum, "the commit")
        needed.append(caps.GIT_CHECKSUM)
    if keep_git:
        attributes["git.keepgitdir"] = "true"
        needed.append(caps.GIT_KEEP)
    return _source(f"git://{url.partition('://')[2]}{fragment}", attributes, needed, name)


@dataclass(frozen=True, slots=True)
class SecretVariable:
    """A variable of one process whose value is the secret `id`; without that secret it is not set if `optional`."""

    name: str
    id: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Exec:
    """The step that runs a process in a tree; output 0 is that tree afterwards, and the writable mounts follow."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    cwd: str
    user: str
    mounts: Sequence[ExecMount] = ()
    network: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    ignore_cache: bool = False
    secret_variables: Sequence[SecretVariable] = ()

    def on(self, root: Output | None) -> Output:
        """Return the tree `root` after the process."""
        if not self.arguments:
            raise StepError("a step that runs nothing", hint="give a program and its arguments")
        checks.text(self.arguments[0], "the program to run")
        op, inputs, needed = pb.Op(), Inputs(), {caps.EXEC}
        message = op.exec
        message.meta.args.extend(checks.text(one, "an argument", empty=True) for one in self.arguments)
        message.meta.env.extend(f"{key}={value}" for key, value in checks.variables(self.environment).items())
        if "PATH" not in self.environment:
            needed.add(caps.EXEC_DEFAULT_PATH)
        message.meta.cwd, message.meta.user = self.cwd, self.user
        # Folders that are made for mounts go with them, and those above too. Without it, the last one alone goes.
        message.meta.removeMountStubsRecursive = True
        if network := _NETWORKS[checks.one_of(self.network, _NETWORKS, "the network")]:
            message.network = network
            needed.add(caps.EXEC_NETWORK)
        for key, value in self.proxies.items():
            setattr(
                message.meta.proxy_env, checks.one_of(key, _PROXIES, "the proxy"), checks.text(value, key, empty=True)
            )
            needed.add(caps.EXEC_PROXY)
        for secret in self.secret_variables:
            name = checks.text(secret.name, "the name of a variable")
            message.secretenv.add(
                ID=checks.text(secret.id, "the name of a secret"), name=name, optional=secret.optional
            )
            needed.add(caps.EXEC_SECRET_ENV)
        message.mounts.add(input=inputs.add(root), dest="/", output=0)
        if root is not None:
            needed.add(caps.MOUNT_BIND)
        outputs = 1
        for one in self._sorted():
            mount = one.message(inputs)
            if mount.dest == message.mounts[-1].dest:
                raise StepError(f"two mounts at {mount.dest}")
            if one.written:
                mount.output, outputs = outputs, outputs + 1
            message.mounts.append(mount)
            needed.update(one.capabilities)
        return Output(inputs.vertex(op, needed, self.name, self.ignore_cache, root=root, step=self))

    def number_of(self, dest: str) -> int:
        """Return the number of the output that is the writable mount at `dest`."""
        return 1 + [one.dest for one in self._sorted() if one.written].index(dest)

    def _sorted(self) -> list[ExecMount]:
        # Their order makes no difference, and a folder stands before what is below it.
        return sorted(self.mounts, key=lambda mount: mount.dest)


@dataclass(frozen=True, slots=True)
class FileChanges:
    """The step that does all `actions` to a tree, one after the other, as one layer."""

    actions: Sequence[Action]
    name: str = ""
    ignore_cache: bool = False

    def on(self, root: Output | None) -> Output:
        """Return the tree `root` after the actions."""
        if not self.actions:
            raise StepError("a step that changes no file")
        op, inputs = pb.Op(), Inputs()
        base = inputs.add(root)
        # The results of actions are numbered on from the inputs, so these must be known first.
        for one in self.actions:
            inputs.add(one.source)
        count = len(inputs)
        for done, one in enumerate(self.actions):
            op.file.actions.append(one.message(base, count + done - 1 if done else base, inputs))
        op.file.actions[-1].output = 0
        needed = {caps.FILE, *(capability for one in self.actions for capability in one.capabilities)}
        return Output(inputs.vertex(op, needed, self.name, self.ignore_cache, root=root, step=self))


@dataclass(frozen=True, slots=True)
class Merge:
    """The step that lays trees over another, the last on top."""

    trees: Sequence[Output]
    name: str = ""

    def on(self, root: Output | None) -> Output:
        """Return `root` with the trees over it; what is empty makes no difference."""
        trees = [root, *self.trees] if root else list(self.trees)
        if len(trees) == 1:
            return trees[0]
        op, inputs = pb.Op(), Inputs()
        op.merge.inputs.extend(pb.MergeInput(input=inputs.add(one)) for one in trees)
        return Output(inputs.vertex(op, {caps.MERGE}, self.name, root=root, step=self))


def diff(lower: Output | None, upper: Output | None, name: str) -> Vertex:
    """Return the step whose tree is what `upper` has changed of `lower`, removals included."""
    op, inputs = pb.Op(), Inputs()
    op.diff.lower.input = inputs.add(lower)
    op.diff.upper.input = inputs.add(upper)
    return inputs.vertex(op, {caps.DIFF}, name)


def qualified(ref: str) -> str:
    """Return the reference of an image in full: `busybox` is `docker.io/library/busybox:latest`."""
    if not is_image(ref):
        raise StepError(f"{ref!r} is no image")
    full = ref if is_qualified(ref) else f"docker.io/{ref}" if "/" in ref else f"docker.io/library/{ref}"
    return full if "@" in full or ":" in full.rpartition("/")[2] else f"{full}:latest"


def _source(
    identifier: str, attributes: Mapping[str, str], needed: Iterable[str], name: str, ignore_cache: bool = False
) -> Vertex:
    op = pb.Op(source=pb.SourceOp(identifier=identifier, attrs=attributes))
    return Inputs().vertex(op, needed, name, ignore_cache)
