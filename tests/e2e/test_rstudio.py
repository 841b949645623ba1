"""RStudio's image but for its package, which is nowhere that tests reach: a small server stands in its place.

All the rest is real: R, the user ID that the image does not know, the front, the scripts and settings.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.command import wizard
from tests.e2e.test_ides import PREFIX, follow, started
from tests.engine import BaseChoice, Engine, ca_bundle

pytestmark = pytest.mark.thorough

STAND_IN = Path(__file__).with_name("rstudio")
TAG = "rstudio-r-bookworm-py311_2026a_20261122"


@pytest.fixture(scope="module")
def image(store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("rstudio")
    flags = [*base.flags(), "--base=standard", "--bundle=r", "--ide=rstudio", "--out", folder]
    composed = wizard("new", *flags, env=store.env)
    assert composed.returncode == 0, composed.stderr
    containerfile = folder / TAG / "Containerfile"
    package = re.compile(r"^RUN curl .*?/tmp/rstudio\.deb.*?\n(?! )", re.MULTILINE | re.DOTALL)
    text, count = package.subn("COPY stand-in/ /usr/lib/rstudio-server/bin/\n", containerfile.read_text())
    assert count == 1
    containerfile.write_text(text)
    shutil.copytree(STAND_IN, folder / TAG / "stand-in")
    built = wizard("build", folder / TAG, *ca_bundle(), "--log-dir", folder / "logs", env=store.env)
    assert built.returncode == 0, built.stderr
    return built.stdout.strip()


@pytest.mark.parametrize("prefix", [PREFIX, ""], ids=["NB_PREFIX", "no NB_PREFIX"])
def test_any_user_has_a_name_a_session_with_the_variables_and_time_to_save_it(
    engine: Engine, image: str, prefix: str, tmp_path: Path
) -> None:
    # podman would give the user ID a name, and not every platform does.
    with started(engine, image, prefix, "--passwd=false", "--env=KUBERNETES_SERVICE_HOST=10.0.0.1") as workbench:
        assert workbench.kernel()["name"] == "rstudio"
        assert follow(workbench.page, workbench.headers) == f"{workbench.page}auth-sign-in?appUri=%2F"
        assert workbench.get("/session").split() == [
            "workbench",
            "10.0.0.1",
            "kept",
            "/opt/app-root/src/Rpackages/4.2",
            "/opt/app-root",
        ]
        engine("stop", "--time=10", workbench.container)
        status = engine("inspect", "--format={{.State.ExitCode}}", workbench.container)
        assert status in ("0", "143"), "the server was ended by TERM, and not killed"
        engine("cp", f"{workbench.container}:/opt/app-root/src/saved", str(tmp_path / "saved"))
        assert (tmp_path / "saved").read_text() == "kept\n"
