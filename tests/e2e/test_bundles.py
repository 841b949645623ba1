"""Bundles that need more than Python packages, built for real and run as a platform runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import need_chromium
from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.e2e.test_from_nothing import ANY_USER, run_cell, running
from tests.engine import BaseChoice, Engine, ca_bundle, wait_for

pytestmark = pytest.mark.thorough

PREFIX = "/notebook/team/mine"
COUNT = "from pyspark.sql import SparkSession as S; print(S.builder.master('local[1]').getOrCreate().range(10).count())"
SOLVE = "import jpype, optapy; optapy.init(); print(jpype.getJVMVersion()[0])"
LIBRARY = "cat(.libPaths()[1], getOption('repos')[['CRAN']], file.access(.libPaths()[1], 2), IRkernel::main |> class())"


def build_bundle(
    store: Engine, base: BaseChoice, bundle: str, ide: str, folder: str, catalog: Path = REPOSITORY, *options: str
) -> str:
    """Compose and build the image of `bundle` with `ide`, and return its name."""
    flags = [*base.flags(), "--base=standard", f"--bundle={bundle}", f"--ide={ide}", "--catalog", catalog]
    composed = wizard("new", *flags, "--out", folder, env=store.env)
    assert composed.returncode == 0, composed.stderr
    recipe = f"{folder}/{ide}-{bundle}-bookworm-py311_2026a_20261122"
    built = wizard("build", recipe, *ca_bundle(), "--log-dir", f"{folder}/logs", *options, env=store.env)
    assert built.returncode == 0, built.stderr
    return built.stdout.strip()


@pytest.mark.parametrize(
    ("bundle", "command", "last"),
    [
        pytest.param("spark", ["python", "-c", COUNT], "10", marks=pytest.mark.slow),
        pytest.param("optapy", ["python", "-c", SOLVE], "17", marks=pytest.mark.slow),
    ],
)
def test_a_bundle_runs_as_any_user_without_network(
    store: Engine,
    base: BaseChoice,
    engine: Engine,
    tmp_path_factory: pytest.TempPathFactory,
    bundle: str,
    command: list[str],
    last: str,
) -> None:
    image = build_bundle(store, base, bundle, "runtime", str(tmp_path_factory.mktemp(bundle)))
    output = engine("run", "--rm", "--network=none", "--user", ANY_USER, image, *command)
    assert output.splitlines()[-1] == last


@pytest.fixture(scope="module")
def jupyter_r(store: Engine, base: BaseChoice, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_bundle(store, base, "r", "jupyter", str(tmp_path_factory.mktemp("r")))


@pytest.mark.slow
def test_r_has_a_library_of_the_users_own(engine: Engine, jupyter_r: str) -> None:
    flags = ["--rm", "--network=none", "--user", ANY_USER, "--entrypoint=Rscript"]
    output = engine("run", *flags, jupyter_r, "-e", LIBRARY)
    assert output.splitlines()[-1] == "/opt/app-root/src/Rpackages/4.2 https://cloud.r-project.org 0 function"


@pytest.mark.slow
def test_a_cell_in_r_runs_in_the_browser(engine: Engine, jupyter_r: str, tmp_path: Path) -> None:
    browser = need_chromium()
    with running(engine, jupyter_r, PREFIX) as address:
        wait_for(f"{address}{PREFIX}/api", 60)
        output, kernels = run_cell(browser, f"{address}{PREFIX}", tmp_path / "r.png", kernel="R")
        # As R prints it, and Python does not.
        assert output == "[1] 42"
        assert [kernel["name"] for kernel in kernels] == ["ir"]
