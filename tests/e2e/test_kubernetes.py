"""The manifests of a workbench, run for real by `podman kube play`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.command import wizard
from tests.engine import Engine, free_port, search_path, wait_for
from tests.networks import own_network

pytestmark = pytest.mark.thorough

# Where only lower limits may be set, podman's own (a million files) fail, and `kube play` requests no others.
RUNC = """\
#!{python} -I
import json, os, sys
if "create" in sys.argv:
    path = os.path.join(sys.argv[sys.argv.index("--bundle") + 1], "config.json")
    with open(path) as file:
        config = json.load(file)
    config["process"]["rlimits"] = []
    with open(path, "w") as file:
        json.dump(config, file)
os.execv("{runc}", ["runc", *sys.argv[1:]])
"""


@pytest.fixture
def player(engine: Engine, tmp_path: Path) -> Engine:
    """The engine, able to play manifests on this machine."""
    if shutil.which("catatonit", path=search_path()) is None:
        pytest.skip("catatonit not installed")
    containers = Path(engine.env["CONTAINERS_CONF"]).read_text()
    if "default_ulimits" not in containers:
        return engine
    runc = shutil.which("runc", path=search_path())
    (tmp_path / "runc").write_text(RUNC.format(python=sys.executable, runc=runc))
    (tmp_path / "runc").chmod(0o755)
    (tmp_path / "containers.conf").write_text(containers.replace(f'["{runc}"]', f'["{tmp_path}/runc"]'))
    return Engine(engine.folder, {**engine.env, "CONTAINERS_CONF": str(tmp_path / "containers.conf")})


def test_a_pod_answers_below_its_prefix_and_keeps_its_volume(
    player: Engine, jupyter: str, jupyter_folder: Path, tmp_path: Path
) -> None:
    recipe = jupyter_folder / "recipes" / jupyter.rpartition(":")[2]
    flags = ["--kind=Pod", "--name=mine", "--prefix=/notebook/team/mine", "--size=1Gi", "--cpu=1", "--memory=2Gi"]
    done = wizard("export", "kubernetes", recipe, *flags)
    assert done.returncode == 0, done.stderr
    documents = list(yaml.safe_load_all(done.stdout))
    # podman publishes a pod's ports under their own number unless another is given; that one may be taken here.
    port = free_port()
    documents[-1]["spec"]["containers"][0]["ports"][0]["hostPort"] = port
    manifest = tmp_path / "mine.yaml"
    manifest.write_text(yaml.safe_dump_all(documents))
    network = f"--network={own_network()['name']}"
    try:
        player("kube", "play", network, str(manifest))
        assert "version" in json.loads(wait_for(f"http://127.0.0.1:{port}/notebook/team/mine/api", 90))
        (state,) = json.loads(player("inspect", "mine-workbench"))
        assert state["Config"]["User"] == "1001:0"
        assert state["HostConfig"]["Memory"] == 2 * 1024**3
        (mount,) = [mount for mount in state["Mounts"] if mount["Destination"] == "/opt/app-root/src"]
        assert (mount["Type"], mount["Name"]) == ("volume", "mine")
        with open(f"/proc/{state['State']['Pid']}/status") as status:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        assert (fields["Uid"].split()[0], fields["CapEff"], fields["NoNewPrivs"]) == ("1001", "0" * 16, "1")
        assert os.stat(mount["Source"]).st_uid == 1001
    except BaseException:
        print(player.try_("logs", "mine-workbench").stderr.decode()[-4000:])
        raise
    finally:
        player.try_("kube", "down", str(manifest))
        player.try_("volume", "rm", "--force", "mine")
