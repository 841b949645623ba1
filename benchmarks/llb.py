"""Emitting BuildKit graphs: milliseconds by the number of steps, beside protobuf itself and BuildKit's own parser."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import partial

from workbench.containerfile.parser import dockerfile
from workbench.images.buildkit.llb import capabilities as caps
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.pb import ops_pb2 as pb
from workbench.images.buildkit.llb.state import image

BASE = "localhost/base:1"
ROUNDS = 5


def llb() -> None:
    """BuildKit graphs of 10 to 10,000 steps: milliseconds to emit, and how they grow."""
    print(
        "LLB of n RUN steps, CPU time: ours (states, checked, and marshalled), the same bytes straight from protobuf,"
    )
    print("and only parsing the Containerfile with the parser of the package dockerfile")
    first = 0.0
    for steps in (10, 100, 1000, 10_000):
        if _ours(steps) != _plain(steps):
            raise SystemExit(f"the two graphs of {steps} steps are not the same")
        text = f"FROM {BASE}\n" + "".join(f"RUN {_command(number)}\n" for number in range(steps))
        ours, plain = _least(partial(_ours, steps)), _least(partial(_plain, steps))
        parser = _least(partial(dockerfile.parse_string, text))
        first = first or ours / steps
        print(
            f"  {steps:6d} steps  ours {ours * 1000:8.2f} ms, {ours / steps * 1e6:5.1f} µs a step,"
            f" {ours / steps / first:4.2f} of the first row (linear: 1.00)"
            f"   protobuf {plain * 1000:8.2f} ms, ratio {ours / plain:4.2f}"
            f"   parser {parser * 1000:8.2f} ms, ratio {ours / parser:4.2f}"
        )


def _command(number: int) -> str:
    return f"make part-{number}"


def _ours(steps: int) -> bytes:
    state = image(BASE).env("PATH", "/bin").workdir("/srv")
    for number in range(steps):
        state = state.run(_command(number), name=f"step {number}")
    return marshal(state).SerializeToString(deterministic=True)


def _plain(steps: int) -> bytes:
    """Return the same bytes with nothing but protobuf: no states, no checks."""
    definition = pb.Definition()
    listed = getattr(definition, "def")
    source = pb.SourceOp(identifier=f"docker-image://{BASE}", attrs={"image.resolvemode": "local"})
    op = pb.Op(source=source)
    needed, described = [caps.IMAGE, caps.IMAGE_RESOLVE_MODE], ""
    for number in range(steps + 1):
        data = op.SerializeToString(deterministic=True)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        listed.append(data)
        metadata = definition.metadata[digest]
        for capability in needed:
            metadata.caps[capability] = True
        if described:
            metadata.description[caps.NAME] = described
        last = [pb.Input(digest=digest)]
        if number == steps:
            break
        meta = pb.Meta(args=["/bin/sh", "-c", _command(number)], env=["PATH=/bin"], cwd="/srv")
        op = pb.Op(inputs=last, exec=pb.ExecOp(meta=meta, mounts=[pb.Mount(dest="/")]))
        needed, described = [caps.EXEC, caps.MOUNT_BIND, caps.DESCRIPTION], f"step {number}"
    listed.append(pb.Op(inputs=last).SerializeToString(deterministic=True))
    return definition.SerializeToString(deterministic=True)


def _least(what: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        before = time.process_time()
        what()
        times.append(time.process_time() - before)
    return min(times)
