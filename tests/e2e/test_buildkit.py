"""The second builder, through `wizard.py`: the same recipe in, the same image out, nothing left when it is ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import dockerd as daemons
from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.dockerd import Dockerd
from tests.engine import TINY, BaseChoice, Engine, ca_bundle
from tests.images.podman.test_builder import wait_for_line
from tests.images.recipes import BASE, IMAGE, recipe
from tests.images_equal import differences, of_dockerd, of_podman
from tests.release.sets import CUDA, EDITOR, LAYER, RUNTIME, SET, TAGS, build_set, make_set
from tests.vsix import without_extensions

pytestmark = pytest.mark.thorough

# What both builders make: IDE and bundle. The slow one has a stage of its own, in which VS Code is compiled.
RECIPES = [
    ("jupyter", "minimal"),
    pytest.param("runtime", "minimal", marks=pytest.mark.slow),
    pytest.param("tensorboard", "minimal", marks=pytest.mark.slow),
    pytest.param("vscode", "datascience", marks=pytest.mark.slow),
]


# Two builds, and for whoever runs this file alone those of the base, on a machine that may do other things too.
@pytest.mark.timeout(2700)
@pytest.mark.parametrize(("ide", "bundle"), RECIPES)
def test_both_builders_make_the_same_image(
    engine: Engine, base: BaseChoice, dockerd_online: Dockerd, ide: str, bundle: str, tmp_path: Path
) -> None:
    recipe = composed(engine, base, ide, bundle, tmp_path)
    image = f"localhost/workbench-images:{recipe.name}"
    logs = ("--log-dir", tmp_path / "logs")
    first = wizard("build", recipe, "--backend=podman", *ca_bundle(), *logs)
    assert (first.returncode, first.stdout) == (0, f"{image}\n"), first.stderr
    second = wizard("build", recipe, *ca_bundle(), *logs, env=dockerd_online.env)
    assert (second.returncode, second.stdout) == (0, f"{image}\n"), second.stderr
    assert f"builder: buildkit at {dockerd_online.address}: WORKBENCH_BUILDER requests it\n" in second.stderr
    found = differences(of_podman(engine, image), of_dockerd(dockerd_online, image))
    assert found == [], "\n".join(map(str, found))


def composed(engine: Engine, base: BaseChoice, ide: str, bundle: str, folder: Path) -> Path:
    """Compose a recipe on the base and return its folder."""
    flags = [*base.flags(), "--base=standard", f"--bundle={bundle}", f"--ide={ide}", "--out", str(folder)]
    # Open VSX is not reached here.
    flags += ["--catalog", str(without_extensions(folder / "catalogue"))] if ide == "vscode" else []
    done = wizard("new", *flags, env=engine.env)
    assert done.returncode == 0, done.stderr
    return folder / f"{ide}-{bundle}-{base.os}-py311_{base.release}_{base.date}"


# A step that ignores signals, reports that it has begun, and never ends.
WAITS = "RUN trap '' INT TERM; echo begun; while :; do sleep 0.1; done\n"


@contextmanager
def building(folder: Path, dockerd: Dockerd) -> Iterator[subprocess.Popen[str]]:
    """Yield `wizard.py build` of a recipe that WAITS, in the middle of its step."""
    logs = folder / "logs"
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "build", str(folder), "--log-dir", str(logs)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **dockerd.env}
    ) as running:
        try:
            wait_for_line(logs, "begun")
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_build_leaves_nothing(
    engine: Engine, dockerd: Dockerd, tmp_path: Path, number: signal.Signals
) -> None:
    with building(recipe(tmp_path / "waits", engine, WAITS), dockerd) as running:
        # The base was brought over for it, and stays for the next time.
        before = dockerd.names()
        assert BASE in before
        assert any("begun" in word for command in dockerd.steps() for word in command)
        running.send_signal(number)
        _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "interrupted"
    assert f"stopped: {IMAGE} was not made or changed" in stderr
    dockerd.settled()
    assert json.loads(dockerd("GET", "/containers/json", all="1")) == []
    assert dockerd.names() == before
    # The daemon is none the worse for it.
    again = wizard("build", recipe(tmp_path / "ends", engine), "--log-dir", tmp_path, env=dockerd.env)
    assert (again.returncode, again.stdout) == (0, f"{IMAGE}\n"), again.stderr
    dockerd("DELETE", f"/images/{IMAGE}", force="1")


def test_a_daemon_that_is_killed_in_the_middle(engine: Engine, dockerd: Dockerd, tmp_path: Path) -> None:
    with daemons.started() as other:
        with building(recipe(tmp_path, engine, WAITS), other) as running:
            other.kill()
            out, stderr = running.communicate(timeout=60)
        assert (running.returncode, out) == (1, "")
        lines = stderr.splitlines()
        assert f"error: the BuildKit at {other.address} went away" in lines
        assert lines[-1].startswith("  hint: see in its log why it ended, start it and build again")
        assert "Traceback" not in stderr
    assert engine.try_("image", "exists", IMAGE).returncode != 0


def test_a_socket_that_is_not_ours(engine: Engine, tmp_path: Path, short_path: Path) -> None:
    folder = recipe(tmp_path, engine)
    path = short_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        os.chown(path, 1, 1)
        path.chmod(0o600)
        # As root, but without root's right to open everything.
        command = ["setpriv", "--bounding-set=-dac_override", sys.executable, str(REPOSITORY / "wizard.py")]
        arguments = ["build", str(folder), "--backend=buildkit", f"--buildkit=unix://{path}"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    first, hint = done.stderr.splitlines()
    assert first == f"error: {path} is not yours to use" or "permission" in first
    assert "docker" in hint


def test_what_is_not_a_buildkit(engine: Engine, tmp_path: Path, short_path: Path) -> None:
    folder = recipe(tmp_path, engine)
    path = short_path / "some.sock"

    class Other(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"SSH-2.0-Other\r\n")

    with socketserver.UnixStreamServer(str(path), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = wizard("build", folder, f"--buildkit=unix://{path}")
        server.shutdown()
    assert (done.returncode, done.stdout) == (1, "")
    message = f"error: what listens at unix://{path} is no BuildKit and no Docker Engine"
    assert done.stderr.splitlines()[0] == message


def test_the_images_are_where_the_builder_keeps_them(engine: Engine, dockerd: Dockerd, tmp_path: Path) -> None:
    folder = recipe(tmp_path, engine)
    done = wizard("build", folder, "--log-dir", tmp_path / "logs", "--json", env=dockerd.env)
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert report["image"] == IMAGE
    assert report["id"] == dockerd.image(IMAGE)["Id"]
    assert engine.try_("image", "exists", IMAGE).returncode == 1
    statement = json.loads((folder / "provenance.json").read_text())
    assert "dockerd" in json.dumps(statement["predicate"]["runDetails"])
    dockerd("DELETE", f"/images/{IMAGE}", force="1")


def test_a_set_is_built_goes_on_and_is_pushed(
    engine: Engine, dockerd_online: Dockerd, registry: str, tmp_path: Path
) -> None:
    catalogue = make_set(tmp_path)
    env = {**engine.env, **dockerd_online.env}

    def statuses() -> dict[str, str]:
        done = build_set(tmp_path, "--json", env=env)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert all(row["size"] > 1_000_000 for row in rows)
        return {row["tag"]: row["status"] for row in rows}

    try:
        assert statuses() == dict.fromkeys(TAGS, "built")
        assert statuses() == dict.fromkeys(TAGS, "up to date")
        layer = catalogue / "cuda-layer/base/Containerfile"
        layer.write_text(layer.read_text().replace("cuda", "more"))
        assert statuses() == {**dict.fromkeys(TAGS, "up to date"), LAYER: "built", CUDA: "built"}
        assert not {name for name in engine.names() if name.rpartition(":")[2] in TAGS}
        where = ("--catalog", catalogue, "--recipes", tmp_path / "recipes")
        pushed = wizard("push", f"{registry}/by/buildkit", *SET, *where, "--json", env=env)
        assert pushed.returncode == 0, pushed.stderr
        assert {row["tag"] for row in json.loads(pushed.stdout) if row["status"] == "pushed"} >= set(TAGS)
    finally:
        for name in dockerd_online.names() - {TINY}:
            dockerd_online.request("DELETE", f"/images/{name}", force="1")


def test_an_interrupted_set_leaves_no_step(engine: Engine, dockerd: Dockerd, tmp_path: Path) -> None:
    make_set(tmp_path, {"bundles/python_packages.snippet": WAITS})
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "images", *SET, "--jobs=2"]
    command += ["--catalog", str(tmp_path / "catalogue"), "--recipes", str(tmp_path / "recipes")]
    with subprocess.Popen(
        [*command, "--log-dir", str(tmp_path / "logs")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **dockerd.env},
    ) as running:
        try:
            for tag in (EDITOR, RUNTIME):
                wait_for_line(tmp_path / "logs", "begun", f"{tag}.*")
            running.send_signal(signal.SIGINT)
            _, stderr = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "interrupted"
    dockerd.settled()
    assert not {name for name in dockerd.names() if EDITOR in name or RUNTIME in name}
    for name in dockerd.names() - {TINY}:
        dockerd("DELETE", f"/images/{name}", force="1")
