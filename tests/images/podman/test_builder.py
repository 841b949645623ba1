from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests.agents import agent
from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.engine import TINY, Engine
from tests.images.recipes import BASE, IMAGE, OK, TAG, recipe
from tests.images.test_network import CERTIFICATE, bundle
from workbench.commands import here
from workbench.errors import UsageError, WorkbenchError
from workbench.images.podman.builder import PodmanBuilder, check_options
from workbench.images.request import BuildRequest


class Noted:
    """A Watcher that keeps what it receives."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, str]] = []
        self.lines: list[str] = []

    def step(self, number: int, total: int, title: str) -> None:
        self.steps.append((number, total, title))

    def line(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def unbuilt(engine: Engine) -> Engine:
    """The engine without the image that these tests build."""
    engine.try_("untag", IMAGE, IMAGE)
    return engine


def test_a_recipe_is_built_and_labelled(unbuilt: Engine, tmp_path: Path) -> None:
    folder = recipe(tmp_path, unbuilt)
    # Another test may have built the same steps, and a step out of the cache says nothing.
    done = wizard("build", folder, "--log-dir", tmp_path / "logs", "--no-cache")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{IMAGE}\n"
    config = json.loads(unbuilt("image", "inspect", "--format", "{{json .Config}}", IMAGE))
    assert config["User"] == "1001"
    assert config["Labels"]["io.workbench-images.tag"] == TAG
    assert config["Labels"]["io.workbench-images.release"] == "2026a"
    assert config["Labels"]["release"] == "2026a"
    assert unbuilt("run", "--rm", "--user", "12345:0", IMAGE, "sh", "-c", "id -u; pwd") == "12345\n/opt/app-root/src"
    (log,) = (tmp_path / "logs").iterdir()
    assert "attrs==25.1.0" in log.read_text()
    # The note is for an image that has no Python to ask; what to do with the image comes last.
    builder, shown_log, *shown, note, run_it, remove_it = done.stderr.splitlines()
    assert run_it == f"  run it         podman run --rm -it {IMAGE} bash"
    assert remove_it == f"  its image too  podman rmi {IMAGE}"
    assert builder == "builder: podman: it is installed"
    assert note.startswith(f"note: the SBOM lists what the recipe installs: {IMAGE} cannot list its packages: ")
    assert shown_log == f"log: {log}"
    assert [line for line in shown[:-1] if not line.startswith("[")] == [
        *("Base image", "Python packages of the bundle plain", "The IDE editor"),
    ]
    steps = [line.partition("]")[2].split()[0] for line in shown[:-1] if line.startswith("[")]
    assert steps == [f"{number}/{len(steps)}" for number in range(1, len(steps) + 1)]
    assert shown[-1].startswith(f"built {IMAGE} in ")


def test_as_json(unbuilt: Engine, tmp_path: Path) -> None:
    done = wizard("build", recipe(tmp_path, unbuilt), "--log-dir", tmp_path / "logs", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (report,) = json.loads(done.stdout)
    assert (report["tag"], report["image"], report["changed"]) == (TAG, IMAGE, {})
    assert report["id"].removeprefix("sha256:") == unbuilt("image", "inspect", "--format", "{{.Id}}", IMAGE)
    assert Path(report["log"]).is_file()
    assert report["commands"]["run"] == f"podman run --rm -it {IMAGE} bash"


def test_a_failing_step_shows_the_end_of_its_log_and_leaves_no_tag(unbuilt: Engine, tmp_path: Path) -> None:
    folder = recipe(tmp_path, unbuilt, "RUN for i in $(seq 30); do echo line $i; done; exit 7\n")
    before = unbuilt.names()
    done = wizard("build", folder, "--log-dir", tmp_path / "logs")
    (log,) = (tmp_path / "logs").iterdir()
    assert done.returncode == 1
    assert done.stdout == ""
    # How many steps the labels are is podman's to say: 4 makes one of each, 5 one of them all.
    counted = re.search(r"^STEP 5/(\d+): ", log.read_text(), re.MULTILINE)
    assert counted is not None
    error = f"error: building {TAG} failed with exit code 7 in step 5 of {counted[1]}: RUN for i in $(seq 30)"
    assert error in done.stderr
    assert f"the whole log is {log}" in done.stderr.splitlines()[-1]
    shown = [line for line in done.stderr.splitlines() if line.startswith("  | ")]
    assert len(shown) == 20
    assert "  | line 30" in shown and "  | line 1" not in shown
    assert log.read_text().splitlines()[-20:] == [line.removeprefix("  | ") for line in shown]
    assert unbuilt.names() == before
    assert unbuilt.containers() == ""


def test_a_refused_certificate_has_a_hint(unbuilt: Engine, tmp_path: Path) -> None:
    folder = recipe(tmp_path, unbuilt, "RUN echo 'curl: (60) SSL certificate problem: self-signed' >&2; exit 60\n")
    done = wizard("build", folder, "--log-dir", tmp_path / "logs")
    assert done.stderr.splitlines()[-1].startswith(
        "  hint: a certificate was refused: on a network that inspects TLS, give --ca-bundle FILE; the whole log is "
    )


def test_a_failing_step_keeps_the_image_that_was_there(unbuilt: Engine, tmp_path: Path) -> None:
    unbuilt("tag", TINY, IMAGE)
    done = wizard("build", recipe(tmp_path, unbuilt, "RUN false\n"), "--log-dir", tmp_path / "logs")
    assert done.returncode == 1
    ids = [unbuilt("image", "inspect", "--format", "{{.Id}}", name) for name in (IMAGE, TINY)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_build_leaves_nothing(unbuilt: Engine, tmp_path: Path, number: signal.Signals) -> None:
    folder = recipe(tmp_path, unbuilt, "RUN trap '' INT TERM; echo begun; while :; do sleep 0.1; done\n")
    before = unbuilt.names()
    logs = tmp_path / "logs"
    command = [sys.executable, str(REPOSITORY / "wizard.py"), "build", str(folder), "--log-dir", str(logs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as building:
        wait_for_line(logs, "begun")
        building.send_signal(number)
        _, output = building.communicate(timeout=60)
    assert building.returncode == 130
    assert output.splitlines()[-1] == "interrupted"
    assert f"stopped: {IMAGE} was not made or changed" in output
    assert unbuilt.names() == before
    assert unbuilt.containers() == ""


def test_options_reach_the_engine(unbuilt: Engine, tmp_path: Path) -> None:
    folder = recipe(tmp_path, unbuilt, 'ARG WORD\nRUN echo "the word is $WORD"\n')
    (folder / "notes.txt").write_text("of the user's own")
    (folder / "start.sh").write_text("#!/bin/sh\nexec other\n")
    done = wizard(
        *("build", folder, "--log-dir", tmp_path / "logs"),
        *("--engine-option=--build-arg=WORD=sesame", "--engine-option=--annotation=told=yes"),
    )
    assert done.returncode == 0, done.stderr
    (log,) = (tmp_path / "logs").iterdir()
    assert "the word is sesame" in log.read_text()
    changed = f"note: {folder} was changed by hand since it was composed: notes.txt (added), start.sh (changed)."
    assert changed in done.stderr
    assert json.loads(unbuilt("image", "inspect", "--format", "{{json .Annotations}}", IMAGE))["told"] == "yes"


@pytest.mark.parametrize("option", ["jobs=2", "-", "--", "", "--tag=mine", "-tmine", "--iidfile=x", "-f", "--file=x"])
def test_options_that_are_not_the_users(option: str) -> None:
    with pytest.raises(UsageError):
        check_options((option,))


def test_a_further_index_is_given_to_its_step_and_leaves_no_trace(
    unbuilt: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = "RUN --mount=type=secret,id=ROCM_INDEX_URL,mode=0444 grep -c secret@index /run/secrets/ROCM_INDEX_URL\n"
    folder = recipe(tmp_path, unbuilt, run + "RUN test ! -e /run/secrets/ROCM_INDEX_URL\n")
    (folder / "requirements.txt").write_text("--extra-index-url ${ROCM_INDEX_URL}\nsix==1.17.0\n")
    flags = ("build", folder, "--log-dir", tmp_path / "logs")
    monkeypatch.delenv("ROCM_INDEX_URL", raising=False)
    refused = wizard(*flags)
    assert (refused.returncode, "and ROCM_INDEX_URL is not set" in refused.stderr) == (1, True)
    # podman would take a variable of a secret's name in place of its file.
    monkeypatch.setenv("ROCM_INDEX_URL", "https://me:secret@index.example.com/simple")
    done = wizard(*flags)
    assert done.returncode == 0, done.stderr
    assert "index.example.com" not in unbuilt("image", "inspect", IMAGE) + unbuilt("history", "--no-trunc", IMAGE)


@pytest.mark.thorough
def test_a_step_is_given_the_mirror_of_open_vsx_where_there_is_one(
    unbuilt: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = "RUN --mount=type=secret,id=WORKBENCH_OPENVSX,mode=0444 "
    for address, test in (("", "! -e"), ("https://me:secret@mirror.example.com", "-s")):
        monkeypatch.setenv("WORKBENCH_OPENVSX", address)
        folder = recipe(tmp_path / test, unbuilt, f"{step}test {test} /run/secrets/WORKBENCH_OPENVSX\n")
        done = wizard("build", folder, "--log-dir", tmp_path / "logs")
        assert done.returncode == 0, done.stderr
    assert "mirror.example.com" not in unbuilt("image", "inspect", IMAGE) + unbuilt("history", "--no-trunc", IMAGE)


def test_a_bundle_is_used_and_leaves_no_trace(unbuilt: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@index.example.com/simple")
    run = 'RUN cat "$PIP_CERT" "$APT_CONFIG" && grep -c secret "$PIP_CONFIG_FILE" && echo https://me:secret@x.example.com\n'
    folder = recipe(tmp_path, unbuilt, run)
    recorded = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = wizard("build", folder, "--log-dir", tmp_path / "logs", "--ca-bundle", bundle(tmp_path))
    assert done.returncode == 0, done.stderr
    (log,) = (tmp_path / "logs").iterdir()
    assert CERTIFICATE in log.read_text()
    assert "https://***@x.example.com" in log.read_text()
    # Nowhere: not in the recipe, the log, what was shown, the image's settings and history, or its files.
    left = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    records = {path.name: left.pop(path).decode() for path in left.keys() - recorded}
    assert left == recorded
    assert sorted(records) == ["provenance.json", "sbom.cdx.json"]
    described = unbuilt("image", "inspect", IMAGE)
    for text in (
        *records.values(),
        log.read_text(),
        done.stderr,
        described.replace("https://me:secret@x.example.com", ""),
    ):
        assert "me:secret" not in text
    assert [line for line in json.loads(described)[0]["Config"]["Env"] if not line.startswith("PATH=")] == []
    unbuilt("save", "--format=docker-archive", "--output", str(tmp_path / "image.tar"), IMAGE)
    assert not [name for name in layer_files(tmp_path / "image.tar") if "workbench-" in name or name.startswith("dev/")]


def test_a_base_that_is_missing(unbuilt: Engine, tmp_path: Path) -> None:
    folder = recipe(tmp_path, unbuilt)
    unbuilt("untag", BASE, BASE)
    done = wizard("build", folder, "--log-dir", tmp_path / "logs")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "builder: podman: it is installed",
        f"error: {folder}: the base image {BASE} is not on this machine",
        f"  hint: make it with `{here('base --os c9s --python 3.11 --release 2026a --date 20261122')}`, "
        "or compose the recipe on another base",
    ]
    assert list((tmp_path / "logs").iterdir()) == []


def test_a_base_in_a_registry_is_pulled(unbuilt: Engine, registry: str, tmp_path: Path) -> None:
    image = f"{registry}/pulled/base:1"
    unbuilt("push", TINY, f"docker://{image}")
    noted = Noted()
    request = BuildRequest(("localhost/pulled:1",), str(tmp_path), f"FROM {image}\nRUN echo hello\n")
    PodmanBuilder().build(request, noted)
    assert noted.lines[0] == f"{image} is not on this machine: podman pulls it"
    assert "hello" in noted.lines
    assert "localhost/pulled:1" in unbuilt.names()


def test_steps_are_counted_over_all_stages(engine: Engine, tmp_path: Path) -> None:
    text = f"ARG ROOT=none\nFROM ${{ROOT}} AS one\nRUN echo x >/x\nFROM {TINY}\nCOPY --from=one /x /x\nENV A=1\n"
    noted = Noted()
    request = BuildRequest(
        ("localhost/stages:1", "localhost/stages:2"), str(tmp_path), text, {"a": "b"}, {"ROOT": TINY}, cache=False
    )
    built = PodmanBuilder().build(request, noted)
    totals = [total for _, total, _ in noted.steps]
    assert [number for number, _, _ in noted.steps] == list(range(1, totals[-1] + 1))
    # podman 5 makes one step of the three labels.
    assert totals in ([8] * 8, [6] * 6)
    assert noted.steps[1][2] == "RUN echo x >/x"
    assert {"localhost/stages:1", "localhost/stages:2"} <= engine.names()
    assert engine("image", "inspect", "--format", "{{.Id}}", built.image) == built.id.removeprefix("sha256:")


def test_what_the_oci_format_lacks_is_kept(engine: Engine, tmp_path: Path) -> None:
    text = f'FROM {TINY}\nSHELL ["/bin/sh", "-ec"]\nHEALTHCHECK CMD true\n'
    PodmanBuilder().build(BuildRequest(("localhost/docker:1",), str(tmp_path), text), Noted())
    kept = json.loads(engine("image", "inspect", "--format", "{{json .HealthCheck}}", "localhost/docker:1"))
    assert kept["Test"] == ["CMD-SHELL", "true"]


def test_a_short_name_is_refused(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="FROM debian:12 does not name its registry"):
        PodmanBuilder().build(BuildRequest(("localhost/x:1",), str(tmp_path), "FROM debian:12\n"), Noted())


def test_several_folders_are_read_before_the_first_is_built(unbuilt: Engine, tmp_path: Path) -> None:
    folder = recipe(tmp_path, unbuilt, OK)
    done = wizard("build", folder, tmp_path / "nothing", "--log-dir", tmp_path / "logs")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}/nothing: there is no such recipe folder")
    assert not (tmp_path / "logs").exists()
    assert IMAGE not in unbuilt.names()


def wait_for_line(logs: Path, text: str, which: str = "*") -> None:
    """Wait until a log has a line that is `text`, or begins with it where that ends in a blank."""
    deadline = time.monotonic() + 60
    while not any(
        line == text or (text.endswith(" ") and line.startswith(text))
        for log in logs.glob(which)
        for line in log.read_text().splitlines()
    ):
        assert time.monotonic() < deadline, f"{text!r} never came"
        time.sleep(0.05)


def layer_files(archive: Path) -> list[str]:
    """Return the paths in all layers of a saved image."""
    names: list[str] = []
    with tarfile.open(archive) as image:
        for member in image:
            if os.path.basename(member.name) == "layer.tar" or member.name.endswith(".tar"):
                layer = image.extractfile(member)
                if layer is not None:
                    with tarfile.open(fileobj=layer) as files:
                        names += [name.removeprefix("./") for name in files.getnames()]
    assert "bin/busybox" in names
    return names


def test_a_step_uses_the_secrets_and_the_agent_that_it_names(unbuilt: Engine, tmp_path: Path) -> None:
    mounts = "--mount=type=ssh --mount=type=secret,id=key,mode=0444"
    run = f'RUN {mounts} test -S "$SSH_AUTH_SOCK" && cp /run/secrets/key /tmp/k'
    folder = recipe(tmp_path / "recipe", unbuilt, f"{run}\nRUN test ! -e /run/secrets/key\n")
    (tmp_path / "key.txt").write_text("it opens\n")
    with agent(tmp_path) as socket:
        given = ("--secret", f"key={tmp_path}/key.txt", "--ssh", "default")
        environment = {**unbuilt.env, "SSH_AUTH_SOCK": socket}
        done = wizard("build", folder, *given, "--log-dir", tmp_path / "logs", "--no-cache", env=environment)
    assert done.returncode == 0, done.stderr
    assert unbuilt("run", "--rm", IMAGE, "cat", "/tmp/k") == "it opens"
    for file in (tmp_path / "logs").iterdir():
        assert "it opens" not in file.read_text()
