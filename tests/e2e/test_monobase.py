"""The monobase image as nodes run it: a daemon that fills a host's folder, and weightless models on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.conftest import PREFIX
from tests.e2e.test_from_nothing import ANY_USER
from tests.engine import Engine
from tests.monobase.manifests import documents, podman_run
from workbench.monobase.layout import read_done

pytestmark = pytest.mark.thorough

DATA = "/opt/monobase/monobase/test"
EXEC = "/opt/monobase/monobase/exec.sh"
# What a model sees: its Python, numpy of its generation, and a CUDA library that a wheel brought.
PROBE = """
import ctypes, json, os, sys, cog, numpy, packaging
runtime, version = ctypes.CDLL("libcudart.so.13"), ctypes.c_int()
assert runtime.cudaRuntimeGetVersion(ctypes.byref(version)) == 0
try:
    open("/srv/r8/monobase/written", "w")
    written = True
except OSError:
    written = False
print(json.dumps({
    "python": "%d.%d" % sys.version_info[:2], "numpy": numpy.__version__, "packaging": packaging.__version__,
    "cuda": version.value, "where": numpy.__file__.partition("/lib/")[0], "user": os.getuid(), "written": written,
    "cog": cog.__file__.split("/")[6],
}))
"""
MODEL = {"R8_PYTHON_VERSION": "3.11", "MONOBASE_STACK": "gpu", "R8_CUDA_VERSION": "13.0"}


@pytest.fixture(scope="module")
def image(monobase_image: str) -> str:
    return monobase_image


@pytest.fixture(scope="module")
def host(monobase_host: Path) -> Path:
    return monobase_host


def run(store: Engine, image: str, command: Sequence[str], *flags: str) -> str:
    return store("run", "--rm", *flags, image, *command)


def model(store: Engine, image: str, host: Path, command: Sequence[str], **variables: str) -> str:
    """Run a command as a platform runs a model: any user, nothing to write to, no network."""
    flags = [f"--env={name}={value}" for name, value in {**MODEL, **variables}.items()]
    mount = f"--volume={host}:{PREFIX}:ro"
    return run(store, image, [EXEC, *command], mount, "--network=none", f"--user={ANY_USER}", "--read-only", *flags)


def test_the_daemon_skips_pythons_that_are_missing_with_a_reason_and_is_ready(
    store: Engine, image: str, host: Path
) -> None:
    marker = read_done(str(host / "monobase/g00002"))
    assert marker is not None
    assert marker.environments.keys() == {"python3.11-gpu", "python3.11-plain"}
    assert marker.skipped.keys() == {"python3.12-gpu", "python3.12-plain"}
    assert all("no Python 3.12" in reason for reason in marker.skipped.values())
    label = (host.parent / "features/monobase").read_text()
    assert "monobase-g00001=skipped-2\nmonobase-g00002=skipped-2\nmonobase-latest=g00002\ndone=2" in label
    assert (host.parent / "code").read_text() == "143"
    mount = f"--volume={host}:{PREFIX}:ro"
    assert run(store, image, ["monobase", "ready", "--allow-skipped", "--data", DATA], mount) == "ready: g00001, g00002"
    verified = run(store, image, ["monobase", "verify", "--data", DATA], mount, "--user=0")
    assert verified


def test_a_weightless_model_imports_numpy_and_loads_cuda_from_the_generation(
    store: Engine, image: str, host: Path
) -> None:
    expected = {
        "python": "3.11",
        "numpy": "2.4.6",
        "packaging": "26.3",
        "cuda": 13000,
        "where": f"{PREFIX}/monobase/g00002/python3.11-gpu",
        "user": int(ANY_USER.partition(":")[0]),
        "written": False,
        "cog": "cog0.23.1-python3.11",
    }
    assert json.loads(model(store, image, host, ["python", "-c", PROBE])) == expected
    older = {**expected, "packaging": "26.2", "where": f"{PREFIX}/monobase/g00001/python3.11-gpu"}
    older["cog"] = "cog0.11.3-python3.11"
    variables = {"MONOBASE_GEN_ID": "1", "R8_COG_VERSION": "0.11.3"}
    assert json.loads(model(store, image, host, ["python", "-c", PROBE], **variables)) == older


def test_the_commands_run_as_modules_in_the_image_too(store: Engine, image: str) -> None:
    for module, arguments in {"build": ["--help"], "diff": ["--help"], "monogen": [], "update": ["--help"]}.items():
        printed = run(store, image, ["python", "-m", f"monobase.{module}", *arguments], "--network=none")
        assert f"monobase {module}" in printed or "g00003" in printed


def test_what_a_model_cannot_have_is_reported_at_once(store: Engine, image: str, host: Path) -> None:
    flags = [f"--env={name}={value}" for name, value in {**MODEL, "R8_PYTHON_VERSION": "3.12"}.items()]
    done = store.try_("run", "--rm", "--network=none", f"--volume={host}:{PREFIX}:ro", *flags, image, EXEC, "true")
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "error: g00002 has no environment python3.12-gpu\n  hint: available: python3.11-gpu\n"
    )


def test_nothing_of_a_model_or_an_environment_is_in_the_image(store: Engine, image: str) -> None:
    found = run(store, image, ["sh", "-c", "ls /srv/r8/monobase; pip list --format=freeze | cut -d= -f1 | sort"])
    assert not {"numpy", "torch", "cog"} & set(found.split())
    assert {"uv", "packaging"} <= set(found.split())


def test_the_manifests_pod_runs_as_it_is_on_the_hosts_folder(store: Engine, image: str, host: Path) -> None:
    """The Pod of the manifest, with the small set's environment in place of torch's."""
    flags, _ = podman_run(documents("model-pod.yaml")[0], {PREFIX: str(host)})
    flags = [flag for flag in flags if not flag.startswith("--env=R8_TORCH_VERSION")]
    flags += ["--rm", "--network=none", "--env=MONOBASE_STACK=gpu"]
    report = json.loads(store("run", *flags, image, "python", "-c", PROBE))
    assert (report["numpy"], report["cuda"], report["user"], report["written"]) == ("2.4.6", 13000, 12345, False)
