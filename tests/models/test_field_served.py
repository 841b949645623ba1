"""The projects of the field with cog's own server: it starts, has our document, and refuses what that refuses."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engine import free_port
from tests.models.test_field import NAMES, PAIRS, parsed, project
from workbench.errors import FaultsError

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the server that models get."""
    folder = tmp_path_factory.mktemp("cog")
    venv.create(folder, with_pip=True)
    packages = [f"cog=={PAIRS.cog}", "pydantic"]
    subprocess.run([folder / "bin/pip", "install", "--quiet", *packages], check=True)
    return folder / "bin/python"


@contextmanager
def serving(python: Path, folder: Path, env: dict[str, str], *flags: str) -> Iterator[tuple[str, str]]:
    """Yield the address of a server in `folder`, and how its setup ended."""
    port = free_port()
    # The server starts its worker by the name of its Python.
    given = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}", **env, "PORT": str(port)}
    log = (folder / "server.log").open("w")
    command = [str(python), "-m", "cog.server.http", "--host", "127.0.0.1", *flags]
    process = subprocess.Popen(command, cwd=folder, env=given, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                status = answer(f"{address}/health-check")[1]["status"]
                if status != "STARTING":
                    break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield address, status
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def answer(address: str, body: object = None) -> tuple[int, Any]:
    """Return the status and the answer of a server."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def local(folder: Path) -> None:
    """Let the paths in the image be those of the folder."""
    for path in folder.rglob("*.py"):
        path.write_text(path.read_text().replace('"/src/', f'"{folder}/'))


def missing(found: dict[str, Any]) -> list[str]:
    return sorted(each["loc"][-1] for each in found["detail"] if each["msg"] == "Field required")


@pytest.mark.parametrize("name", [name for name in NAMES if not project(name).expected.get("not_run")])
def test_the_server_has_our_document_and_refuses_by_it(server: Path, tmp_path: Path, name: str) -> None:
    found = project(name)
    folder = found.written(tmp_path)
    if found.expected.get("faults"):
        with pytest.raises(FaultsError):
            parsed(folder)
        return
    model = parsed(folder)
    local(folder)
    document = model.reading.document
    (folder / ".cog").mkdir()
    (folder / ".cog/openapi_schema.json").write_text(json.dumps(document))
    config = model.config
    env = {key: value.replace("/src", str(folder)) for key, value in config.environment.items()}
    no_flags: tuple[str, ...] = ()
    sides = [("COG_PREDICT_TYPE_STUB", config.predict, "predictions", "Input", no_flags)]
    sides += [("COG_TRAIN_TYPE_STUB", config.train, "trainings", "TrainingInput", ("--x-mode", "train"))]
    for variable, reference, path, key, flags in sides:
        if not reference:
            continue
        with serving(server, folder, {**env, variable: reference}, *flags) as (address, status):
            assert status == "READY", (folder / "server.log").read_text()
            assert answer(f"{address}/openapi.json") == (200, document)
            required = document["components"]["schemas"][key].get("required", [])
            code, said = answer(f"{address}/{path}", {"input": {}})
            if required:
                assert (code, missing(said)) == (422, sorted(required))
            else:
                assert (code, said["status"]) in ((200, "succeeded"), (200, "failed"))


def test_a_training_keeps_its_inputs(server: Path, tmp_path: Path) -> None:
    found = project("train-class")
    folder = found.written(tmp_path)
    model = parsed(folder)
    (folder / ".cog").mkdir()
    (folder / ".cog/openapi_schema.json").write_text(json.dumps(model.reading.document))
    env = {"COG_TRAIN_TYPE_STUB": model.config.train}
    with serving(server, folder, env, "--x-mode", "train") as (address, _):
        code, said = answer(f"{address}/trainings", {"input": {"steps": 3}})
        assert (code, said["status"], said["output"]) == (200, "succeeded", 3)
        assert answer(f"{address}/trainings", {"input": {"steps": "many"}})[0] == 422


def test_the_server_refuses_to_start_what_is_a_fault(server: Path, tmp_path: Path) -> None:
    refused = [name for name in NAMES if project(name).expected.get("faults")]
    started = []
    for name in refused:
        found = project(name)
        if "predict.py" not in found.files or name.startswith("requirements"):
            continue
        folder = found.written(tmp_path / name)
        env = {"COG_PREDICT_TYPE_STUB": "predict.py:Predictor", "COG_MAX_CONCURRENCY": "4"}
        with serving(server, folder, env) as (_, status):
            started += [name] if status == "READY" else []
    assert started == []


def test_the_command_of_a_training_starts(server: Path, tmp_path: Path) -> None:
    found = project("train")
    folder = found.written(tmp_path)
    (folder / ".cog").mkdir()
    (folder / ".cog/openapi_schema.json").write_text(json.dumps(parsed(folder).reading.document))
    command = shlex.split(found.expected["training"]["command"])
    flags = command[command.index("cog.server.http") + 1 :]
    env = {"COG_TRAIN_TYPE_STUB": "train.py:train", "COG_MAX_CONCURRENCY": "2"}
    with serving(server, folder, env, *flags) as (_, status):
        assert status == "SETUP_FAILED"
    name, _, value = command[1].partition("=")
    with serving(server, folder, {**env, name: value}, *flags) as (address, status):
        assert status == "READY"
        assert answer(f"{address}/trainings", {"input": {"steps": 11, "data": "x"}})[0] == 422


def test_the_python_of_the_tests_is_one_of_the_servers() -> None:
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in PAIRS.cog_pythons
