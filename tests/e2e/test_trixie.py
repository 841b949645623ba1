"""Debian 13 as a system of the release: from its packages to JupyterLab, as bookworm is made and used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import wizard
from tests.e2e.test_from_nothing import ANY_USER, running
from tests.engine import BaseChoice, Engine, ca_bundle, wait_for

pytestmark = pytest.mark.slow

PREFIX = "/notebook/team/mine"
TAG = "jupyter-minimal-trixie-py313_2026a_20261122"
# What the image itself says it is, and what of the desktop's stack runs: one line each.
VERSIONS = """\
import platform, sys
print(sys.version_info[:2], platform.freedesktop_os_release()["VERSION_CODENAME"])
"""


def test_the_base_of_debian_13_keeps_its_promises(store: Engine, trixie: BaseChoice) -> None:
    done = wizard("validate", *trixie.flags(), "--json", env=store.env)
    assert done.returncode == 0, done.stdout + done.stderr
    results = {check["check"]: check["seen"] for check in json.loads(done.stdout)[0]["checks"]}
    assert results["user of the image"] == "1001"
    assert results["as 12345:0: Python"] == "3.13"


def test_jupyterlab_answers_on_debian_13(store: Engine, trixie: BaseChoice, engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "recipes"
    flags = [*trixie.flags(), "--base=standard", "--bundle=minimal", "--ide=jupyter"]
    composed = wizard("new", *flags, "--out", out, env=store.env)
    assert composed.returncode == 0, composed.stderr
    built = wizard("build", out / TAG, *ca_bundle(), "--log-dir", tmp_path / "logs", env=store.env)
    assert built.returncode == 0, built.stderr
    image = built.stdout.strip()
    output = engine("run", "--rm", "--network=none", "--user", ANY_USER, "--entrypoint=python", image, "-c", VERSIONS)
    assert output == "(3, 13) trixie"
    with running(engine, image, PREFIX) as address:
        assert "version" in json.loads(wait_for(f"{address}{PREFIX}/api", 120))
        assert b"JupyterLab" in wait_for(f"{address}{PREFIX}/lab", 60)
