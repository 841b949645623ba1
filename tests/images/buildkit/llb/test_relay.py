"""A BuildKit that a program reaches: in a container, in a pod, behind SSH."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import buildkitd
from tests.engine import TINY, Engine
from tests.images.buildkit.llb.fake import Running
from workbench.errors import UsageError
from workbench.images.buildkit.llb.address import parse
from workbench.images.buildkit.llb.client import connect
from workbench.images.buildkit.llb.failures import NoSocketError, NotBuildKitError
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.sockets import is_engine
from workbench.images.buildkit.llb.state import scratch

# Stands for docker, kubectl and ssh: writes its words down, and carries bytes as `buildctl dial-stdio` does.
PROGRAM = """\
#!{python}
import json, os, socket, sys, threading
with open({log!r}, "a") as log:
    print(json.dumps(sys.argv[1:]), file=log)
daemon = socket.socket(socket.AF_UNIX)
daemon.connect({path!r})
def up():
    while data := os.read(0, 65536):
        daemon.sendall(data)
    daemon.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := daemon.recv(65536):
    os.write(1, data)
"""
DIAL = ["buildctl", "dial-stdio"]
COMMANDS = {
    "docker-container://builder": ["docker", "exec", "-i", "builder", *DIAL],
    "docker-container://builder?context=far": ["docker", "--context=far", "exec", "-i", "builder", *DIAL],
    "nerdctl-container://b?namespace=ns": ["nerdctl", "--namespace=ns", "exec", "-i", "b", *DIAL],
    "podman-container://buildx_buildkit_a0": ["podman", "exec", "-i", "buildx_buildkit_a0", *DIAL],
    "kube-pod://buildkitd-0": ["kubectl", "exec", "-i", "buildkitd-0", "--", *DIAL],
    "kube-pod://b?context=me@eu:6443/x&namespace=ci&container=c": [
        *("kubectl", "--context=me@eu:6443/x", "--namespace=ci", "exec", "--container=c", "-i", "b", "--", *DIAL)
    ],
    "ssh://build.example.org": ["ssh", "-T", "--", "build.example.org", *DIAL],
    "ssh://me@build:2222/run/user/1000/bk.sock": [
        *(
            "ssh",
            "-T",
            "-p2222",
            "-lme",
            "--",
            "build",
            "buildctl",
            "--addr=unix:///run/user/1000/bk.sock",
            "dial-stdio",
        )
    ],
}


@pytest.mark.parametrize("text", COMMANDS)
def test_the_commands(text: str) -> None:
    address = parse(text)
    assert list(address.relay) == COMMANDS[text]
    assert str(address) == text and parse(str(address)) == address and not address.is_local


@pytest.mark.parametrize(
    "text",
    [
        *("docker-container://", "docker-container://-name", "docker-container://a/b", "docker-container://a b"),
        *("docker-container://a?namespace=x", "docker-container://a?context=", "docker-container://a?context=-x"),
        *(
            "kube-pod://a?context=$(id)",
            "kube-pod://a;id",
            "podman-container://a#b",
            "ssh://",
            "ssh://-oProxyCommand=id",
        ),
        *(
            "ssh://me:secret@host",
            "ssh://-x@host",
            "ssh://host/a;id",
            "ssh://host/$(id)",
            "ssh://host:x",
            "ssh://a?b=c",
        ),
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)
    with pytest.raises(UsageError):
        parse("podman-container://a", "/certificates")


@given(st.from_regex(r"(ssh|kube-pod|docker-container)://[!-~]*", fullmatch=True))
def test_no_word_of_an_address_is_an_option_or_a_command(text: str) -> None:
    try:
        relay = parse(text).relay
    except UsageError:
        return
    assert all(word and not set(word) & set(" \t\n;&|$`'\"\\<>(){}*?!#~") for word in relay)
    assert [word for word in relay if word.startswith("-")] == [
        word for word in relay if word.startswith(("-T", "-p", "-l", "--", "-i"))
    ]


@pytest.mark.parametrize("program", ["docker", "podman", "kubectl", "ssh"])
def test_a_build_through_a_program(
    program: str, daemon: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = next(text for text, words in COMMANDS.items() if words[:1] == [program])
    log = tmp_path / "log"
    path = daemon.address.removeprefix("unix://")
    (tmp_path / program).write_text(PROGRAM.format(python=sys.executable, log=str(log), path=path))
    (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with connect(text) as client:
        assert not client.is_engine
        assert client.capabilities()
        client.solve_frontend("dockerfile.v0", {})
    assert set(log.read_text().splitlines()) == {json.dumps(COMMANDS[text][1:])}


def test_what_a_program_says_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoSocketError) as caught, connect("kube-pod://b"):
        pass
    assert caught.value.message == "kube-pod://b cannot be reached: kubectl is not installed"
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho 'pods \"b\" not found' >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    with pytest.raises(NoSocketError) as caught, connect("kube-pod://b"):
        pass
    assert caught.value.message == 'kube-pod://b cannot be reached: pods "b" not found'
    assert "`kubectl exec -i b -- buildctl dial-stdio`" in caught.value.hint
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(NotBuildKitError, match="what listens at kube-pod://b is no BuildKit"), connect("kube-pod://b"):
        pass


def test_what_a_program_wrote_before_it_ended_is_read() -> None:
    address = parse("kube-pod://b")
    near, far = socket.socketpair()
    far.sendall(b"hello\n")
    far.close()
    with near, pytest.raises(NotBuildKitError, match="what listens at kube-pod://b is no BuildKit"):
        is_engine(near, address)


@pytest.mark.thorough
def test_a_real_buildkitd_through_a_real_container(engine: Engine) -> None:
    """A container that has the daemon's socket and buildctl, as moby's own image has them."""
    if why := buildkitd.missing():
        pytest.skip(why)
    program = Path(os.environ[buildkitd.BUILDKITD]).with_name("buildctl")
    if not program.exists():
        pytest.skip(f"no buildctl beside the program that {buildkitd.BUILDKITD} names")
    with buildkitd.started() as address:
        path = address.removeprefix("unix://")
        volumes = [f"--volume={program}:/bin/buildctl:ro", f"--volume={path}:/run/buildkit/buildkitd.sock"]
        engine("run", "--detach", "--name", "relayed", *volumes, TINY, "sleep", "1000")
        try:
            with connect("podman-container://relayed") as client:
                assert not client.is_engine
                assert "mergeop" in client.capabilities() and client.version()
                found: list[bytes] = []

                def build(gateway: Gateway) -> BuildResult:
                    ref = gateway.solve(marshal(scratch().mkfile("/a", b"b")))
                    found.append(ref.read_file("/a"))
                    return BuildResult(ref, {})

                client.build(build)
            assert found == [b"b"]
        finally:
            engine("rm", "--force", "--time", "0", "relayed")
        with pytest.raises(NoSocketError, match="relayed"), connect("podman-container://relayed"):
            pass
