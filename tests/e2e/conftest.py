from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.copied import copy_repository
from tests.e2e.test_from_nothing import build_minimal
from tests.engine import SHORT, TINY, BaseChoice, Engine, ca_bundle, started
from tests.monobase.manifests import documents, podman_run

# Where nodes keep monobase's tree, and the small set in the image's own data.
PREFIX = "/srv/r8/monobase"
_DATA = "/opt/monobase/monobase/test"
_COGS = ["0.23.1", "0.11.3"]


@pytest.fixture(scope="session")
def jupyter_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the recipe of the image `jupyter` is."""
    return tmp_path_factory.mktemp("jupyter")


@pytest.fixture(scope="session")
def jupyter(store: Engine, base: BaseChoice, jupyter_folder: Path) -> str:
    """The minimal image with Jupyter, built once per session."""
    return build_minimal(store, base, "jupyter", jupyter_folder)


@pytest.fixture(scope="session")
def runtime(store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The minimal runtime image, built once per session."""
    return build_minimal(store, base, "runtime", tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="session")
def monobase_image(store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The monobase image, built once per session."""
    logs = tmp_path_factory.mktemp("logs")
    done = wizard("monobase", "image", *base.flags(), *ca_bundle(), "--log-dir", logs, env=store.env)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


@pytest.fixture(scope="session")
def monobase_host(store: Engine, monobase_image: str) -> Iterator[Path]:
    """A host's folder that the DaemonSet's container has filled with the small set, until its probe succeeded."""
    (daemon_set,) = documents("daemonset.yaml")
    probe = daemon_set["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["exec"]["command"]
    folder = Path(tempfile.mkdtemp(prefix="workbench-monobase-"))
    (folder / "prefix").mkdir()
    hosts = {PREFIX: f"{folder}/prefix", "/etc/kubernetes/node-feature-discovery/features.d": f"{folder}/features"}
    (folder / "features").mkdir()
    flags, arguments = podman_run(daemon_set, hosts)
    arguments = [argument for argument in arguments if not argument.startswith("--cog-versions")]
    arguments += ["--data", _DATA, "--cog-versions", *_COGS, "--default-cog-version", _COGS[0], "--jobs=2"]
    flags += [f"--env={name}" for name in ("PIP_INDEX_URL",) if name in os.environ]
    if bundle := os.environ.get("SSL_CERT_FILE"):
        flags += [f"--volume={bundle}:/ca.pem:ro", "--env=SSL_CERT_FILE=/ca.pem"]
    try:
        name = store("run", "--detach", *flags, monobase_image, *arguments)
        deadline = time.monotonic() + 800
        while store.try_("exec", name, *probe, "--data", _DATA).returncode != 0:
            state = store("inspect", "--format", "{{.State.Status}}", name)
            logs = store.try_("logs", name)
            assert (state, time.monotonic() < deadline) == ("running", True), (logs.stdout + logs.stderr).decode()
            time.sleep(2)
        # The label comes after the last of the build, and the daemon stays.
        while not (folder / "features/monobase").exists():
            assert time.monotonic() < deadline
            time.sleep(1)
        store("stop", "--time=60", name)
        (folder / "code").write_text(store("inspect", "--format", "{{.State.ExitCode}}", name))
        store("rm", name)
        yield folder / "prefix"
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that is set up: setting one up is tests/test_package.py's."""
    folder = copy_repository(tmp_path / "clone")
    (folder / ".venv").symlink_to(REPOSITORY / ".venv")
    os.utime(folder / "Pipfile.lock", (0, 0))
    return folder


@pytest.fixture
def nothing(store: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """podman with an empty store, for this process and those it starts.

    The session's, while there is nothing in it: what is made there from nothing is what its other tests stand on.
    """
    own = tempfile.mkdtemp(prefix="workbench-nothing-", dir=SHORT)
    with nullcontext(store) if store.names() <= {TINY} else started(Path(own), large=True) as engine:
        for name, value in engine.env.items():
            monkeypatch.setenv(name, value)
        yield engine
        # Of a test that fails in the middle, too.
        engine.try_("rm", "--all", "--force", "--time=0")
        engine.try_("volume", "rm", "--all", "--force")
    shutil.rmtree(own, ignore_errors=True)
