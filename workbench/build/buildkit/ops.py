"""The vertices of a build graph: one function for each kind of step."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from workbench.build.buildkit import capabilities as caps
from workbench.build.buildkit import checks
from workbench.build.buildkit.checks import StepError
from workbench.build.buildkit.files import Action
from workbench.build.buildkit.mounts import Mount
from workbench.build.buildkit.pb import ops_pb2 as pb
from workbench.build.buildkit.vertex import NONE, Inputs, Output, Vertex
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
        attributes["http.perm"] = f"0{checks.mode(mode, 'the mode of a file,'):o}"
        needed.append(caps.HTTP_PERMISSIONS)
    return _source(url, attributes, needed, name)


def execute(
    root: Output | None,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    cwd: str,
    user: str,
    mounts: Sequence[Mount],
    network: str,
    proxies: Mapping[str, str],
    name: str,
    ignore_cache: bool,
) -> Vertex:
    """Return the step that runs a process in `root`; its output 0 is what became of it."""
    if not arguments:
        raise StepError("a step that runs nothing", hint="give a program and its arguments")
    checks.text(arguments[0], "the program to run")
    op, inputs, needed = pb.Op(), Inputs(), {caps.EXEC}
    told = op.exec
    told.meta.args.extend(checks.text(one, "an argument", empty=True) for one in arguments)
    told.meta.env.extend(f"{key}={value}" for key, value in checks.variables(environment).items())
    if "PATH" not in environment:
        needed.add(caps.EXEC_DEFAULT_PATH)
    told.meta.cwd, told.meta.user = cwd, user
    if told_network := _NETWORKS[checks.one_of(network, _NETWORKS, "the network")]:
        told.network = told_network
        needed.add(caps.EXEC_NETWORK)
    for key, value in proxies.items():
        setattr(told.meta.proxy_env, checks.one_of(key, _PROXIES, "the proxy"), checks.text(value, key, empty=True))
        needed.add(caps.EXEC_PROXY)
    number = inputs.add(root)
    told.mounts.add(input=number, dest="/", output=0)
    if number != NONE:
        needed.add(caps.MOUNT_BIND)
    outputs = 1
    # Sorted, so that their order makes no difference, and a folder stands before what is below it.
    for one in sorted(mounts, key=lambda mount: mount.dest):
        message = one.message(inputs)
        if message.dest == told.mounts[-1].dest:
            raise StepError(f"two mounts at {message.dest}")
        if message.output != NONE:
            message.output, outputs = outputs, outputs + 1
        told.mounts.append(message)
        needed.update(one.capabilities)
    return inputs.vertex(op, needed, name, ignore_cache)


def files(root: Output | None, actions: Sequence[Action], name: str, ignore_cache: bool) -> Vertex:
    """Return the step that does all `actions` to `root`, one after the other, as one layer."""
    if not actions:
        raise StepError("a step that changes no file")
    op, inputs = pb.Op(), Inputs()
    base = inputs.add(root)
    # The results of actions are numbered on from the inputs, so these must be known first.
    for one in actions:
        inputs.add(one.source)
    count = len(inputs)
    for done, one in enumerate(actions):
        op.file.actions.append(one.message(base, count + done - 1 if done else base, inputs))
    op.file.actions[-1].output = 0
    return inputs.vertex(op, {caps.FILE, *(cap for one in actions for cap in one.capabilities)}, name, ignore_cache)


def merge(trees: Sequence[Output], name: str) -> Vertex:
    """Return the step that lays `trees` over each other, the last on top."""
    op, inputs = pb.Op(), Inputs()
    op.merge.inputs.extend(pb.MergeInput(input=inputs.add(one)) for one in trees)
    return inputs.vertex(op, {caps.MERGE}, name)


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
