"""Images started as each platform starts them: its variables, arguments, user, folders and probes."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.test_bundles import build_bundle
from tests.e2e.test_from_nothing import ANY_USER
from tests.engine import BaseChoice, Engine, free_port, removed_afterwards, wait_for

pytestmark = pytest.mark.thorough

PREFIX = "/notebook/team/nb1"
# What Kubernetes adds for each Service of the namespace (getServiceEnvVarMap in its package envvars): here those whose
# names make variables that our scripts, Jupyter, code-server or Langflow read.
SERVICES = ("notebook", "workbench", "workbench-server", "jupyter", "langflow", "code-server")
LINKS = {f"{name.upper().replace('-', '_')}_PORT": "tcp://10.96.0.7:80" for name in SERVICES}


@dataclass(frozen=True)
class Platform:
    """How a platform starts a container; `path` is what it serves below, `volume` where the user's volume is."""

    source: str
    path: str
    environ: dict[str, str]
    user: str = ANY_USER
    groups: tuple[str, ...] = ()
    folder: str = ""
    volume: str = ""
    arguments: tuple[str, ...] = ()
    probes: tuple[str, ...] = field(default=("/api",))


PLATFORMS = {
    # A random user ID of group 0 is OpenShift's (restricted-v2). NB_PREFIX comes from the notebook controller.
    "open data hub": Platform(
        "opendatahub-io/odh-dashboard, frontend/src/api/k8s/notebooks.ts, assembleNotebook, at 017c96947c83",
        PREFIX,
        {
            "NB_PREFIX": PREFIX,
            "NOTEBOOK_ARGS": "--ServerApp.port=8888\n"
            "                  --ServerApp.token=''\n"
            "                  --ServerApp.password=''\n"
            f"                  --ServerApp.base_url={PREFIX}\n"
            "                  --ServerApp.quit_button=False\n"
            '                  --ServerApp.tornado_settings={"user":"anna","hub_host":"https://dash.example",'
            '"hub_prefix":"/projects/team"}',
            "JUPYTER_IMAGE": "image-registry.openshift-image-registry.svc:5000/opendatahub/workbench:2026a",
        },
        folder="/opt/app-root/src/",
        volume="/opt/app-root/src",
    ),
    # No arguments and no probes; the culler asks for kernels, newer ones for terminals too. The home volume's place is
    # that of the web application (jupyter-web-app, spawner_ui_config.yaml, workspaceVolume).
    "kubeflow": Platform(
        "kubeflow/kubeflow, components/notebook-controller, generateStatefulSet at bb27fe058dac and "
        "culling_controller.go at 0a08ff65584d",
        PREFIX,
        {"NB_PREFIX": PREFIX, **LINKS},
        user="1001",
        groups=("100",),
        folder="/home/jovyan",
        volume="/home/jovyan",
        probes=("/api/kernels", "/api/terminals"),
    ),
}


@contextmanager
def started(engine: Engine, image: str, platform: Platform, folder: Path) -> Iterator[tuple[str, str]]:
    """Run `image` as `platform` does, with its volume in `folder`; yield the container and its address."""
    port = free_port()
    user, _, group = platform.user.partition(":")
    for path in {folder, folder / "home"}:
        path.mkdir(exist_ok=True)
        # As fsGroup does, or the user IDs of a namespace.
        shutil.chown(path, int(user), int(platform.groups[0]) if platform.groups else int(group or 0))
        path.chmod(0o2775)
    container = engine(
        *("run", "--detach", f"--publish=127.0.0.1:{port}:8888", f"--user={platform.user}"),
        *("--cap-drop=ALL", "--security-opt=no-new-privileges"),
        *(f"--group-add={group}" for group in platform.groups),
        *([f"--volume={folder / 'home'}:{platform.volume}"] if platform.volume else []),
        *([f"--workdir={platform.folder}"] if platform.folder else []),
        *(f"--env={name}={value}" for name, value in platform.environ.items()),
        image,
        *platform.arguments,
    )
    with removed_afterwards(engine, container):
        yield container, f"http://127.0.0.1:{port}{platform.path}"


@pytest.fixture(scope="session", params=["jupyter", "tensorboard"])
def image(
    request: pytest.FixtureRequest, store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory
) -> str:
    if request.param == "jupyter":
        return str(request.getfixturevalue("jupyter"))
    return build_bundle(store, base, "minimal", request.param, str(tmp_path_factory.mktemp(request.param)))


@pytest.mark.parametrize("name", PLATFORMS)
def test_an_image_starts_as_the_platform_starts_it(engine: Engine, image: str, name: str, tmp_path: Path) -> None:
    platform = PLATFORMS[name]
    with started(engine, image, platform, tmp_path) as (_, address):
        wait_for(f"{address}/api", 120)
        for probe in platform.probes:
            json.loads(wait_for(f"{address}{probe}", 60))
        # The platform has let in whoever gets here, and its proxy may have another name for the image.
        request = urllib.request.Request(f"{address}/", headers={"Host": "dash.example"})
        with urllib.request.urlopen(request, timeout=60) as response:
            assert response.status == 200
            assert urlsplit(response.url).path.startswith(platform.path)
        if "jupyter" in image:
            body = json.dumps({"type": "directory"}).encode()
            made = urllib.request.Request(f"{address}/api/contents", body, method="POST", headers=xsrf(address))
            assert urllib.request.urlopen(made, timeout=60).status == 201
            assert [each.name for each in (tmp_path / "home").iterdir() if "Untitled" in each.name], "in the volume"


def xsrf(address: str) -> dict[str, str]:
    """Return the headers with which Jupyter's own page sends what changes something."""
    with urllib.request.urlopen(f"{address}/lab", timeout=60) as response:
        cookies = response.headers.get_all("Set-Cookie") or []
    (token,) = [each.partition("=")[2].partition(";")[0] for each in cookies if each.startswith("_xsrf=")]
    return {"X-XSRFToken": token, "Cookie": f"_xsrf={token}", "Content-Type": "application/json"}


def test_it_listens_on_every_address_of_ipv6(engine: Engine, image: str, tmp_path: Path) -> None:
    only = Platform("", "", {"WORKBENCH_AUTH": "platform"})
    with started(engine, image, only, tmp_path) as (container, address):
        wait_for(f"{address}/api", 120)
        ask = "import urllib.request as r; print(r.urlopen('http://[::1]:8888/api', timeout=60).status)"
        assert engine("exec", container, "python", "-c", ask) == "200"
        # What the kernel says that it listens on is every address of the family.
        listening = engine("exec", container, "cat", "/proc/net/tcp6")
        assert f"{'0' * 32}:{8888:04X}" in listening


def test_a_token_is_needed_where_no_platform_is(engine: Engine, image: str, tmp_path: Path) -> None:
    alone = Platform("", "", {"WORKBENCH_TOKEN": "a-token-of-the-tests"})
    with started(engine, image, alone, tmp_path) as (_, address):
        wait_for(f"{address}/api", 120)
        with pytest.raises(urllib.error.HTTPError, match=r"40[13]"):
            urllib.request.urlopen(f"{address}/api/kernels", timeout=60)
        headers = {"Authorization": "token a-token-of-the-tests"}
        request = urllib.request.Request(f"{address}/api/kernels", headers=headers)
        assert urllib.request.urlopen(request, timeout=60).status == 200


# The variables of jupyterhub/spawner.py, Spawner.get_env (JupyterHub 5), with KubeSpawner's port and address.
HUB = {
    "JUPYTERHUB_API_TOKEN": "0123456789abcdef",
    "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-anna",
    "JUPYTERHUB_HOST": "",
    "JUPYTERHUB_OAUTH_CALLBACK_URL": "/user/anna/oauth_callback",
    "JUPYTERHUB_OAUTH_SCOPES": '["access:servers!server=anna/", "access:servers!user=anna"]',
    "JUPYTERHUB_USER": "anna",
    "JUPYTERHUB_SERVER_NAME": "",
    "JUPYTERHUB_API_URL": "http://hub:8081/hub/api",
    "JUPYTERHUB_ACTIVITY_URL": "http://hub:8081/hub/api/users/anna/activity",
    "JUPYTERHUB_BASE_URL": "/",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/anna/",
    "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8888/user/anna/",
    "JUPYTER_IMAGE_SPEC": "quay.io/team/workbench-images:2026a",
    "JUPYTER_IMAGE": "quay.io/team/workbench-images:2026a",
}


@pytest.mark.parametrize("arguments", [(), ("jupyterhub-singleuser",), ("start-singleuser.sh",)])
def test_jupyterhub_starts_its_own_server(
    engine: Engine, jupyter: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """The package is not in our lists yet, so a program that prints how it was started stands in its place."""
    stand_in = tmp_path / "jupyterhub-singleuser"
    stand_in.write_text('#!/bin/sh\necho started "$@" in $HOME as $JUPYTERHUB_USER\n')
    stand_in.chmod(0o755)
    tmp_path.chmod(0o755)
    output = engine(
        *("run", "--rm", "--network=none", "--user=1001", "--group-add=100"),
        *(f"--env={name}={value}" for name, value in (HUB | LINKS).items()),
        f"--volume={stand_in}:/opt/app-root/bin/jupyterhub-singleuser:ro",
        jupyter,
        *arguments,
        *(["--debug"] if arguments else []),
    )
    assert output == f"started {'--debug ' if arguments else ''}in /opt/app-root/src as anna"
