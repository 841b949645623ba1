"""From nothing but Debian's packages to a notebook cell that runs, through `wizard.py` and podman."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser import need_chromium, page_in, run_first_cell
from tests.command import wizard
from tests.engine import BaseChoice, Engine, ca_bundle, free_port, wait_for
from workbench.launch.expected import expected

pytestmark = pytest.mark.thorough

# What a platform does: a user ID that the image does not know, of group 0.
ANY_USER = "12345:0"
# The quotes are the platform's too: it writes them into NOTEBOOK_ARGS.
NO_TOKEN = "--ServerApp.token='' --ServerApp.password=''"
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "first",
            "metadata": {},
            "outputs": [],
            "source": ["print(6*7)"],
        }
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def build_minimal(store: Engine, base: BaseChoice, ide: str, folder: Path) -> str:
    """Compose and build the minimal image with `ide`, and return its name."""
    out = folder / "recipes"
    flags = [*base.flags(), "--base=standard", "--bundle=minimal", f"--ide={ide}"]
    composed = wizard("new", *flags, "--out", out, env=store.env)
    assert composed.returncode == 0, composed.stderr
    # The base was found under the name that the release gives it.
    assert "note:" not in composed.stderr
    tag = f"{ide}-minimal-bookworm-py311_2026a_20261122"
    built = wizard("build", out / tag, *ca_bundle(), "--log-dir", folder / "logs", env=store.env)
    assert built.returncode == 0, built.stderr
    assert built.stdout == f"localhost/workbench-images:{tag}\n"
    return built.stdout.strip()


def test_w22_the_base_keeps_its_promises_under_dash(store: Engine, base: BaseChoice) -> None:
    done = wizard("validate", *base.flags(), "--json", env=store.env)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)[0]
    assert report["ok"] is True
    assert report["image"] == base.image
    results = {check["check"]: check["seen"] for check in report["checks"]}
    assert results["user of the image"] == "1001"
    assert results["as 12345:0: Python"] == "3.11"
    assert results["as 12345:0: command git"] == "/usr/bin/git"
    assert results["as 12345:0: pip"] == "works"


def test_a_login_shell_has_the_path_of_the_image(engine: Engine, base: BaseChoice) -> None:
    shell = ["bash", "-lc", "command -v python; echo $PATH"]
    output = engine(
        "run",
        "--rm",
        "--network=none",
        "--user",
        ANY_USER,
        "--env=PATH=/own:/opt/app-root/bin:/bin",
        base.image,
        *shell,
    )
    assert output.split() == ["/opt/app-root/bin/python", "/own:/opt/app-root/bin:/bin"]


@pytest.mark.parametrize("prefix", ["/notebook/team/mine", ""], ids=["NB_PREFIX", "no NB_PREFIX"])
def test_w23_port_probes_and_a_notebook_cell_in_the_browser(
    engine: Engine, jupyter: str, prefix: str, tmp_path: Path
) -> None:
    browser = need_chromium()
    with running(engine, jupyter, prefix) as address:
        assert "version" in json.loads(wait_for(f"{address}{prefix}/api", 60))
        assert json.loads(wait_for(f"{address}{prefix}/api/kernels", 10)) == []
        if prefix:
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{address}/api", timeout=10)
        output, kernels = run_cell(browser, f"{address}{prefix}", tmp_path / "notebook.png")
        assert output == "42"
        assert len(kernels) == 1


def test_a_runtime_image_runs_a_notebook_without_network(engine: Engine, runtime: str, tmp_path: Path) -> None:
    notebook = tmp_path / "notebook.ipynb"
    notebook.write_text(json.dumps(NOTEBOOK))
    tmp_path.chmod(0o755)
    output = engine(
        *("run", "--rm", "--network=none", "--user", ANY_USER, f"--volume={notebook}:/tmp/notebook.ipynb:ro", runtime),
        *(
            "sh",
            "-c",
            "papermill --log-output /tmp/notebook.ipynb done.ipynb >/tmp/log 2>&1 || cat /tmp/log; cat done.ipynb",
        ),
    )
    cell = json.loads(output)["cells"][0]
    assert "".join(cell["outputs"][0]["text"]) == "42\n"


def test_a_runtime_image_has_what_elyra_would_fetch(engine: Engine, runtime: str) -> None:
    output = engine(
        *("run", "--rm", "--network=none", "--user", ANY_USER, "--workdir=/opt/app-root/bin/utils", runtime),
        *("sh", "-c", "python bootstrapper.py --help 2>&1; cat requirements-elyra.txt; cat pip.conf"),
    )
    assert "--cos-endpoint" in output
    assert "\npapermill==2.7.0" in output
    assert "target = /opt/app-root/src/jupyter-work-dir/python3/" in output


def test_the_labels_identify_the_image(engine: Engine, jupyter: str) -> None:
    config = json.loads(engine("image", "inspect", "--format", "{{json .Config}}", jupyter))
    tag = jupyter.rpartition(":")[2]
    labels = config["Labels"]
    assert labels["io.workbench-images.tag"] == tag
    assert labels["io.workbench-images.release"] == "2026a"
    assert len(labels["io.workbench-images.source"]) == 64
    assert (config["User"], config["WorkingDir"]) == ("1001", "/opt/app-root/src")
    # Nothing is left of what was available during the build only.
    assert not [line for line in config["Env"] if "/dev/" in line or "CERT" in line]


def test_images_are_as_large_as_a_plan_says(store: Engine, base: BaseChoice, jupyter: str, runtime: str) -> None:
    """Who makes one larger by a tenth finds out here, and says why in expected.toml."""
    rows = (("root image", "packages"), ("base image", ""), ("image", "jupyter-minimal"), ("image", "runtime-minimal"))
    planned = [row.bytes for kind, detail in rows if (row := expected(kind, detail, base.os))]
    below = planned[0] + planned[1]
    for image, size in ((base.image, below), (jupyter, below + planned[2]), (runtime, below + planned[3])):
        print(f"{image}: {sum(store.layers(image).values()):,} bytes, {size:,} planned")
        assert 0.9 < sum(store.layers(image).values()) / size < 1.1, image


@contextmanager
def running(engine: Engine, image: str, prefix: str) -> Iterator[str]:
    """Run `image` as a platform does and yield its address."""
    port = free_port()
    settings = {"NOTEBOOK_ARGS": NO_TOKEN, **({"NB_PREFIX": prefix} if prefix else {})}
    container = engine(
        *("run", "--detach", "--user", ANY_USER, f"--publish=127.0.0.1:{port}:8888"),
        *(f"--env={name}={value}" for name, value in settings.items()),
        image,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    except BaseException:
        print(engine.try_("logs", container).stderr.decode()[-4000:])
        raise
    finally:
        engine("rm", "--force", "--time=0", container)


def run_cell(browser: str, address: str, picture: Path, kernel: str = "Python") -> tuple[str, list[dict[str, str]]]:
    """Open JupyterLab, make a notebook, run `print(6*7)`; return its output and the kernels that `/api` lists.

    `kernel` is what the name of the kernel on its card begins with.
    """
    with page_in(browser, picture) as page:
        page.goto(f"{address}/lab")
        text = run_first_cell(page, kernel)
    return text, json.loads(wait_for(f"{address}/api/kernels", 10))
