from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import dockerd as daemons
from tests import engine as engines
from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.dockerd import Dockerd
from tests.engine import SHORT, BaseChoice, Engine, ca_bundle
from tests.kept import digest_of, kept
from workbench.images.base import root_name

# Read when gRPC is first imported. A process of the tests that has talked to BuildKit starts terminals too, and gRPC
# would start its threads again between fork and exec, after every file was closed: the terminal's program then ended.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# How long an example takes to make says what else the machine does, and nothing of the code.
settings.register_profile("any load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any load")

# A shell lets what it starts in the background ignore Ctrl-C, and nohup a terminal's end; so would all that the tests
# start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Files whose tests share what takes minutes to build: one process runs a group, before everything else.
_GROUPS = {
    "models": (
        "tests/e2e/test_cuda_chain.py",
        "tests/e2e/test_model.py",
        "tests/e2e/test_model_run.py",
        "tests/e2e/test_monobase",
        "tests/replicasets/deployment/test_container.py",
    ),
    "workbenches": (
        "tests/e2e/",
        "tests/replicasets/test_upgrade_jupyter.py",
        "tests/replicasets/api/proxy/test_proxy_jupyter.py",
    ),
    # They share one control plane, whose program takes minutes to build where none is kept.
    "kubernetes": ("tests/kubernetes/",),
}


# The first of their group: what they make from nothing, in a store that is still empty, the others of it use.
_FIRST = ("tests/e2e/test_workbench.py",)
# Files whose tests take minutes and share nothing: each is handed out by itself, before the short ones.
_LONG = ("tests/replicasets/test_fuzz.py",)


def _group(nodeid: str) -> str:
    """Return the group of a test: its file, where that shares nothing."""
    own = nodeid if nodeid.startswith(_LONG) else nodeid.partition("::")[0]
    return next((name for name, begins in _GROUPS.items() if nodeid.startswith(begins)), own)


# The ids of the tests that this run collected, whatever it selects of them, and the names of their marks.
COLLECTED = pytest.StashKey[dict[str, set[str]]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests that share images first, for they take longest; refuse one that is elsewhere."""
    config.stash[COLLECTED] = {item.nodeid: {mark.name for mark in item.iter_markers()} for item in items}
    for item in items:
        if "root_image" in getattr(item, "fixturenames", ()) and _group(item.nodeid) not in _GROUPS:
            raise pytest.UsageError(f"{item.nodeid} uses images that take minutes: name its file in {__name__}")
    # Last, a test of minutes would leave the other processes idle.
    items.sort(key=lambda item: (_group(item.nodeid) not in _GROUPS, not item.nodeid.startswith((*_FIRST, *_LONG))))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:  # noqa: ANN401, xdist has no types
    """Hand out the tests by group: groups by mark do not work with pytest 9.2 and xdist 3.8."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return ByGroup(config, log)


@pytest.fixture(scope="session")
def store() -> Iterator[Engine]:
    """podman with a store that the whole session shares."""
    if reason := engines.missing():
        pytest.skip(reason)
    # Not below pytest's own folder: pytest keeps the last three, and images are large.
    with engines.started(Path(tempfile.mkdtemp(prefix="workbench-tests-", dir=SHORT)), large=True) as engine:
        yield engine


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder as `tmp_path` is one, whose path is short enough for sockets wherever TMPDIR is."""
    with tempfile.TemporaryDirectory(prefix="workbench-", dir=SHORT) as folder:
        yield Path(folder)


@pytest.fixture
def engine(store: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """podman with the session's store, for this process and those it starts."""
    for name, value in store.env.items():
        monkeypatch.setenv(name, value)
    for name in ("WORKBENCH_CA_BUNDLE", "WORKBENCH_APT_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    return store


@pytest.fixture(scope="session")
def registry(store: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The `host:port` of a registry that anybody may push to."""
    _need_registry()
    with engines.registry(store, tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="session")
def private_registry(store: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The `host:port` of a registry that refuses everybody."""
    _need_registry()
    with engines.registry(store, tmp_path_factory.mktemp("registry"), private=True) as host:
        yield host


def _need_registry() -> None:
    if shutil.which("docker-registry", path=engines.search_path()) is None:
        pytest.skip("docker-registry not installed")


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """dockerd with a BuildKit whose steps have no network, for the whole session."""
    with _dockerd(online=False) as running:
        yield running


@pytest.fixture(scope="session")
def dockerd_online() -> Iterator[Dockerd]:
    """dockerd in this machine's network, for builds whose steps install something (they request the host's)."""
    with _dockerd(online=True) as running:
        yield running


@contextmanager
def _dockerd(*, online: bool) -> Iterator[Dockerd]:
    if reason := daemons.missing():
        pytest.skip(reason)
    with daemons.started(online=online) as running:
        yield running


# What the root image and the base of a system are made from, and by.
_SOURCES = ("base/{}", "releases/2026a.toml", "workbench/images", "workbench/podman.py", "workbench/process.py")
# What their images are kept as; no name begins with another and a hyphen.
_KEPT = {"bookworm": ("root", "base"), "trixie": ("trixie_root", "trixie_base")}


def _root_image(store: Engine, system: str) -> str:
    """The root image of a system, made from Debian's packages once a week, or when its sources change."""
    if shutil.which("debootstrap", path=engines.search_path()) is None:
        pytest.skip("debootstrap not installed")

    if (made := root_name(system)) in store.names():
        return made  # in this session, by a test that began from nothing

    def make() -> str:
        done = wizard("os-image", "--os", system, env=store.env)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout.strip()

    return kept(store, _KEPT[system][0], _digest(system), make)


def _base(store: Engine, choice: BaseChoice, logs: Path) -> BaseChoice:
    """The base image on it, built as often as that."""

    if choice.image in store.names():
        return choice

    def make() -> str:
        done = wizard("base", *choice.flags(), *ca_bundle(), "--log-dir", logs, env=store.env)
        assert done.returncode == 0, done.stderr
        return choice.image

    assert kept(store, _KEPT[choice.os][1], _digest(choice.os), make) == choice.image
    return choice


def _digest(system: str) -> str:
    return digest_of(REPOSITORY / source.format(system) for source in _SOURCES)


@pytest.fixture(scope="session")
def root_image(store: Engine) -> str:
    """The root image of bookworm."""
    return _root_image(store, "bookworm")


@pytest.fixture(scope="session")
def base(store: Engine, root_image: str, tmp_path_factory: pytest.TempPathFactory) -> BaseChoice:
    """The base image of bookworm."""
    return _base(store, BaseChoice(), tmp_path_factory.mktemp("logs"))


@pytest.fixture(scope="session")
def trixie(store: Engine, tmp_path_factory: pytest.TempPathFactory) -> BaseChoice:
    """The base image of Debian 13, on a root image of its own."""
    _root_image(store, "trixie")
    return _base(store, BaseChoice(os="trixie", python="3.13"), tmp_path_factory.mktemp("logs"))
