"""A model with numpy, built whole and weightless, started, and sent requests: the real cog server responds."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.dockerd import Dockerd
from tests.e2e.conftest import PREFIX
from tests.e2e.test_from_nothing import ANY_USER
from tests.engine import BaseChoice, Engine, ca_bundle, free_port

pytestmark = pytest.mark.thorough

SECRET = "hush-3f9c1b"
STEPS = """\
  system_packages:
    - tree
  run:
    - command: test "$(cat /run/build/token)" = hush-3f9c1b && tree --version > /opt/app-root/etc/tree
      mounts:
        - {type: secret, id: token, target: /run/build/token}
environment:
  - GREETING=it costs $5 "or" more
concurrency:
  max: 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that `init` writes, with a run step that uses a secret, and files that must be excluded."""
    folder = tmp_path_factory.mktemp("models") / "numbers"
    assert wizard("model", "init", folder).returncode == 0
    text = (folder / "cog.yaml").read_text()
    at = text.index("  # system_packages")
    (folder / "cog.yaml").write_text(text.replace(text[at:], "  python_packages: [numpy==2.4.6]\n" + STEPS))
    with (folder / "cog.yaml").open("a") as file:
        file.write('predict: "predict.py:Predictor"\n')
    (folder / ".env").write_text(f"TOKEN={SECRET}\n")
    (folder / "token").write_text(SECRET)
    (folder / ".dockerignore").write_text("token\n")
    return folder


def build(env: dict[str, str], folder: Path, name: str, base: BaseChoice, *flags: str) -> dict[str, Any]:
    done = wizard(
        *("model", "build", folder, "--image", name, "--json"),
        *(f"--release={base.release}", f"--os={base.os}", f"--date={base.date}"),
        *(*ca_bundle(), "--log-dir", folder.parent / "logs", *flags),
        env=env,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@dataclass(frozen=True)
class Whole:
    """An image with everything in it, in podman's store; `env` is what its builder was chosen by."""

    image: str
    env: dict[str, str]
    report: dict[str, Any]


@pytest.fixture(scope="module", params=["podman", "buildkit"])
def whole(request: pytest.FixtureRequest, store: Engine, base: BaseChoice, folder: Path) -> Whole:
    """The same model by each builder."""
    name = f"localhost/models/numbers-{request.param}:latest"
    env = dict(store.env)
    dockerd: Dockerd | None = request.getfixturevalue("dockerd_online") if request.param == "buildkit" else None
    if dockerd is not None:
        env |= dockerd.env
    # On the base by name: one of the images that other tests leave may have what this model needs.
    built = build(env, folder, name, base, f"--on={base.image}", f"--secret=token={folder / 'token'}")
    assert built["image"] == name
    assert built["model"]["on"]["image"] == base.image
    if dockerd is not None:
        assert name not in store.names()
        # The packages of the system and those of Python have nothing to do with each other.
        assert "they are built at the same time" in Path(built["log"]).read_text()
        store("load", stdin=dockerd("GET", f"/images/{name}/get"))
    return Whole(name, env, built["model"])


@contextmanager
def serving(store: Engine, image: str, *flags: str) -> Iterator[str]:
    """Yield the address of a model that has started, as a platform starts one: any user, and nothing to write to."""
    port = free_port()
    name = store("run", "--detach", f"--user={ANY_USER}", f"--publish=127.0.0.1:{port}:5000", *flags, image)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health-check", timeout=5) as response:
                    report = json.loads(response.read())
                if report["status"] == "READY":
                    break
                assert report["status"] == "STARTING", report
            except OSError:
                assert store("inspect", "--format", "{{.State.Status}}", name) == "running", logs(store, name)
            assert time.monotonic() < deadline, logs(store, name)
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        store.try_("rm", "--force", "--time", "5", name)


def logs(store: Engine, name: str) -> str:
    done = store.try_("logs", name)
    return (done.stdout + done.stderr).decode()


def predict(address: str, inputs: object) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"input": inputs}).encode()
    request = urllib.request.Request(f"{address}/predictions", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def check_prediction(address: str) -> None:
    """Send requests to a model that serves: one that it should accept, and ones that it should refuse."""
    status, response = predict(address, {"numbers": [2, 4, 8], "scale": 10})
    assert (status, response["status"], response["output"]) == (200, "succeeded", 40.0)
    status, response = predict(address, {"numbers": [2, 4, 8], "scale": -1})
    assert status == 422, response
    assert "scale" in json.dumps(response)
    assert predict(address, {"scale": 1})[0] == 422
    with urllib.request.urlopen(f"{address}/openapi.json", timeout=10) as document:
        schemas = json.loads(document.read())["components"]["schemas"]
    assert list(schemas["Input"]["properties"]) == ["numbers", "scale"]


def test_a_whole_model_responds(store: Engine, whole: Whole) -> None:
    with serving(store, whole.image) as address:
        check_prediction(address)


def test_an_image_describes_its_model(store: Engine, whole: Whole, base: BaseChoice, folder: Path) -> None:
    done = wizard("model", "inspect", whole.image, "--json", env=whole.env)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    lock = dict(
        line.split(" ")[0].split("==") for line in (folder / "model.lock").read_text().splitlines() if "==" in line
    )
    assert report["resolved"]["packages"] == lock
    assert report["resolved"]["packages"]["numpy"] == "2.4.6"
    assert (report["resolved"]["python"], report["resolved"]["cuda"]) == ("3.11", "")
    assert report["on"]["image"] == base.image
    assert report["config"]["environment"] == ['GREETING=it costs $5 "or" more']
    assert report["config"]["concurrency"] == {"max": 1}
    assert "Input" in report["schema"]["components"]["schemas"]
    assert len(report["layers"]) > len(store.layers(base.image))
    shown = wizard("model", "inspect", whole.image, env=whole.env).stdout
    assert "numbers, scale" in shown and "2.4.6" not in shown.splitlines()[0]


def test_what_was_requested_is_in_the_image_and_no_secret(store: Engine, whole: Whole) -> None:
    script = 'cat /opt/app-root/etc/tree; echo "$GREETING"; id -u; ls -a /src; command -v tree'
    printed = store("run", "--rm", "--network=none", f"--user={ANY_USER}", whole.image, "sh", "-c", script).splitlines()
    assert printed[0].startswith("tree v")
    assert printed[1:3] == ['it costs $5 "or" more', "12345"]
    assert printed[3:] == [".", "..", ".cog", "cog.yaml", "predict.py", "/usr/bin/tree"]
    search = f"grep -rlI {SECRET} / --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev --exclude=cog.yaml || :"
    assert store("run", "--rm", "--network=none", "--user=0", whole.image, "sh", "-c", search) == ""
    packages = store("run", "--rm", "--network=none", whole.image, "python", "-m", "pip", "check")
    assert packages == "No broken requirements found."


def test_new_code_costs_no_package(base: BaseChoice, whole: Whole, folder: Path, tmp_path: Path) -> None:
    """All layers but those of the code are the old ones, and the lock is taken as it is."""
    lock = (folder / "model.lock").read_text()
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    with (changed / "predict.py").open("a") as file:
        file.write("\n# changed\n")
    flags = [f"--on={base.image}", f"--secret=token={folder / 'token'}", "--locked"]
    built = build(whole.env, changed, "models/changed", base, *flags)
    assert (changed / "model.lock").read_text() == lock
    before, after = whole.report["layers"], built["model"]["layers"]
    assert len(before) == len(after)
    different = [at for at, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    # The code and its folder; the packages are further below.
    assert len(different) in (1, 2) and different[0] >= len(before) - 3


def test_an_image_that_has_the_packages_is_preferred(
    store: Engine, base: BaseChoice, runtime: str, tmp_path: Path
) -> None:
    """Only what it has not is installed; and one that has another version is no base."""
    packages = _packages(store, runtime)
    folder = tmp_path / "chosen"
    assert wizard("model", "init", folder).returncode == 0
    (folder / "predict.py").write_text(ADDS_ONE)
    # What cog needs too is pinned to what is there, so that the lock agrees with it.
    pins = [f"{name}=={packages[name]}" for name in ("click", *NEEDED_BY_COG) if name in packages]
    write = "build:\n  python_version: '3.11'\n  python_packages: [{}]\npredict: predict.py:Predictor\n"
    (folder / "cog.yaml").write_text(write.format(", ".join(pins)))
    built = build(dict(store.env), folder, "models/chosen", base)
    assert built["model"]["on"]["image"] == runtime
    assert {"click"} <= set(built["model"]["on"]["held"]) < set(built["model"]["resolved"]["packages"])
    installed = _packages(store, built["image"])
    assert built["model"]["resolved"]["packages"].items() <= installed.items()
    with serving(store, built["image"]) as address:
        assert predict(address, {"n": 1})[1]["output"] == 2
    (folder / "cog.yaml").write_text(write.format("click!=" + packages["click"]))
    other = build(dict(store.env), folder, "models/other", base)
    assert other["model"]["on"]["image"] == base.image
    # Other tests may have left one that is nearer: tests/models/test_base.py checks which is reported.
    assert " is nearest, but it has " in other["model"]["on"]["why"]


ADDS_ONE = """\
from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, n: int) -> int:
        return n + 1
"""
NEEDED_BY_COG = (
    "certifi",
    "charset-normalizer",
    "idna",
    "pyyaml",
    "requests",
    "structlog",
    "typing-extensions",
    "urllib3",
)


def _packages(store: Engine, image: str) -> dict[str, str]:
    printed = store("run", "--rm", "--network=none", image, "python", "-m", "pip", "list", "--format=json")
    return {row["name"].lower().replace("_", "-"): row["version"] for row in json.loads(printed)}


@pytest.fixture(scope="module")
def weightless(store: Engine, base: BaseChoice, monobase_image: str, folder: Path) -> str:
    """The same code on monobase's small set."""
    light = folder.parent / "light"
    shutil.copytree(folder, light)
    text = (light / "cog.yaml").read_text()
    (light / "cog.yaml").write_text(text[: text.index("  system_packages")] + "predict: predict.py:Predictor\n")
    data = REPOSITORY / "monobase" / "test"
    built = build(dict(store.env), light, "models/light", base, "--weightless", f"--data={data}")
    assert built["model"]["on"]["image"] in (monobase_image, monobase_image.replace(base.date, "latest"))
    return str(built["image"])


def test_a_weightless_model_responds(store: Engine, weightless: str, monobase_host: Path) -> None:
    mount = f"--volume={monobase_host}:{PREFIX}:ro"
    with serving(store, weightless, mount, "--read-only", "--tmpfs=/tmp") as address:
        check_prediction(address)


def test_a_weightless_image_is_its_code_and_variables(
    store: Engine, weightless: str, monobase_image: str, monobase_host: Path
) -> None:
    own, below = store.layers(weightless), store.layers(monobase_image)
    assert list(own)[: len(below)] == list(below)
    assert sum(size for digest, size in own.items() if digest not in below) < 100_000
    config = json.loads(store("image", "inspect", "--format", "{{json .Config.Env}}", weightless))
    assert {text for text in config if text.startswith(("R8_", "MONOBASE_", "COG_"))} == {
        "MONOBASE_PREFIX=/srv/r8/monobase",
        "MONOBASE_GEN_ID=2",
        "MONOBASE_STACK=plain",
        "R8_PYTHON_VERSION=3.11",
        "R8_COG_VERSION=0.23.1",
        "COG_PREDICT_TYPE_STUB=predict.py:Predictor",
    }
    done = store.try_("run", "--rm", "--network=none", weightless)
    assert done.returncode == 1
    assert "generation g00002 is not ready here" in done.stderr.decode()
    report = json.loads(wizard("model", "inspect", weightless, "--json", env=store.env).stdout)
    assert report["on"]["environment"] == "python3.11-plain"


def test_what_fails_leaves_no_image_and_no_lock(store: Engine, base: BaseChoice, tmp_path: Path) -> None:
    folder = tmp_path / "fails"
    assert wizard("model", "init", folder).returncode == 0
    text = (folder / "cog.yaml").read_text().replace("predict:", "  run: [exit 7]\npredict:")
    (folder / "cog.yaml").write_text(text)
    flags = [f"--release={base.release}", f"--os={base.os}", f"--date={base.date}", *ca_bundle()]
    done = wizard("model", "build", folder, *flags, "--log-dir", tmp_path, env=store.env)
    assert done.returncode == 1
    assert "exit code 7" in done.stderr and "exit 7" in done.stderr
    assert "localhost/models/fails:latest" not in store.names()
    assert not (folder / "model.lock").exists()
