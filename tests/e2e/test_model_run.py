"""A model's whole way at the terminal: built when it has changed, run once, interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.command import ENTRY, wizard
from tests.engine import BaseChoice, Engine, ca_bundle

pytestmark = pytest.mark.thorough

# Where the machine is slow.
WAITS = "waiting for the setup of the model, for 300 s at most…\n"

CONFIG = "build:\n  python_version: '3.11'\npredict: predict.py:Predictor\ntrain: predict.py:train\n"
CODE = """\
import os, time
from cog import BasePredictor, Input, Path


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.name = os.environ["NAME"]

    def predict(
        self,
        text: Path = Input(description="what is shouted"),
        times: int = Input(default=1, ge=0, le=3),
        seconds: float = 0,
    ) -> Path:
        print("shouting", times)
        time.sleep(seconds)
        if times == 0:
            raise ValueError("nothing to shout")
        made = Path("/tmp/made.txt")
        made.write_text(text.read_text().upper() * times + self.name)
        return made


def train(text: Path, steps: int = Input(default=2, ge=1)) -> Path:
    made = Path("/tmp/weights.txt")
    made.write_text(text.read_text() * steps)
    return made
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that needs no package but cog."""
    folder = tmp_path_factory.mktemp("models") / "shouts"
    folder.mkdir()
    (folder / "cog.yaml").write_text(CONFIG)
    (folder / "predict.py").write_text(CODE)
    return folder


@pytest.fixture
def flags(store: Engine, base: BaseChoice, folder: Path) -> Iterator[list[object]]:
    """What every subverb is given; no container is left after it."""
    logs = ("--log-dir", folder.parent / "logs")
    yield [f"--release={base.release}", f"--os={base.os}", f"--date={base.date}", *ca_bundle(), *logs]
    assert store.containers() == ""


def test_a_model_runs_once_for_each_command(store: Engine, folder: Path, flags: list[object], tmp_path: Path) -> None:
    """It is built by the first; the model's output, log and error reach the terminal; nothing is left."""
    (tmp_path / "in.txt").write_text("hey ")
    common = ("model", "run", folder, "--env=NAME=you", "-i", "text=@in.txt", *flags)
    first = wizard(*common, "-i", "times=2", cwd=tmp_path, env=store.env)
    assert (first.returncode, first.stdout) == (0, "output.txt\n"), first.stderr
    assert (tmp_path / "output.txt").read_text() == "HEY HEY you"
    assert "built localhost/models/shouts:latest" in first.stderr and first.stderr.endswith("\nshouting 2\n")
    assert (folder / "model.lock").exists()
    failed = wizard(*common, "-i", "times=0", cwd=tmp_path, env=store.env)
    assert failed.returncode == 1
    assert failed.stderr.replace(WAITS, "") == (
        "localhost/models/shouts:latest is up to date\n"
        "shouting 0\n"
        "error: the prediction failed: ValueError: nothing to shout\n"
    )
    # Of the image alone, whose setup fails without the variable.
    setup = wizard("model", "run", "models/shouts", "-i", "text=data:,x", env={**store.env, "NAME": ""})
    assert setup.returncode == 1
    assert setup.stderr.replace(WAITS, "") == "error: the setup of the model failed: KeyError: 'NAME'\n"


@pytest.mark.slow
def test_a_model_serves_until_it_is_interrupted(store: Engine, folder: Path, flags: list[object]) -> None:
    command = [*ENTRY, "model", "serve", folder, "--env=NAME=you", "--json", *flags]
    with subprocess.Popen(
        list(map(str, command)), env={**os.environ, **store.env}, text=True, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        try:
            served = json.loads(child.stdout.readline())
            body = json.dumps({"input": {"text": "data:,hey%20"}}).encode()
            request = urllib.request.Request(served["address"], body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as response:
                assert json.load(response)["output"] == "data:text/plain;base64,SEVZIHlvdQ=="
            assert served["container"] in store("ps", "--format", "{{.Names}}")
            child.send_signal(signal.SIGTERM)
            assert (child.stdout.read(), child.wait(30)) == ("", 0)
        finally:
            child.kill()


@pytest.mark.slow
def test_a_command_runs_in_the_environment_on_the_folders_files(
    store: Engine, folder: Path, flags: list[object]
) -> None:
    script = "import cog, os; open('made', 'w').write(os.environ['WORD'] + cog.__version__); exit(7)"
    done = wizard("model", "exec", *flags, "--env=WORD=cog ", "--", "python", "-c", script, cwd=folder, env=store.env)
    made = folder / "made"
    assert (done.returncode, done.stdout) == (7, ""), done.stderr
    assert made.read_text() == "cog 0.23.1"
    assert made.stat().st_uid == os.geteuid()
    made.unlink()


@pytest.mark.slow
def test_a_model_is_trained_with_its_inputs(store: Engine, folder: Path, flags: list[object], tmp_path: Path) -> None:
    command = ("model", "train", folder, "-i", "text=data:,ab", "-i", "steps=3", "-o", "weights", *flags)
    done = wizard(*command, cwd=tmp_path, env=store.env)
    assert (done.returncode, done.stdout) == (0, "weights\n"), done.stderr
    assert (tmp_path / "weights").read_text() == "ababab"


@pytest.mark.slow
def test_a_model_is_built_pushed_and_signed(
    store: Engine, folder: Path, flags: list[object], registry: str, tmp_path: Path
) -> None:
    """The base is large: compressing it takes most of the time."""
    env = {**store.env, "COSIGN_PASSWORD": "secret"}
    assert wizard("keys", "new", tmp_path / "own", env=env).returncode == 0
    name = f"{registry}/team/shouts:1"
    for built in (True, False):
        sign = () if built else ("--sign-key", tmp_path / "own.key")
        done = wizard("model", "push", folder, name, "--json", *sign, *flags, env=env)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"pushed": name, "built": built, "signed": not built}
    with urllib.request.urlopen(f"http://{registry}/v2/team/shouts/tags/list", timeout=10) as response:
        assert "1" in json.load(response)["tags"]
    assert wizard("verify", name, "--key", tmp_path / "own.pub", env=env).returncode == 0


def test_an_interrupt_cancels_the_prediction(store: Engine, folder: Path, flags: list[object], tmp_path: Path) -> None:
    command = [*ENTRY, "model", "run", str(folder), "--env=NAME=x", "-i", "text=data:,x", "-i", "seconds=60"]
    begin = time.monotonic()
    with subprocess.Popen(
        [*command, *map(str, flags)],
        env={**os.environ, **store.env},
        cwd=tmp_path,
        text=True,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        assert child.stderr is not None
        try:
            for line in child.stderr:
                if "shouting" in line:
                    os.killpg(child.pid, signal.SIGINT)
                    break
            assert (child.stderr.read(), child.wait(30)) == ("stopping…\ninterrupted\n", 130)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
    assert time.monotonic() - begin < 50
    assert not (tmp_path / "output.txt").exists()
