"""Bundles that need more than Python packages, built for real and run as a platform runs them."""

from __future__ import annotations

import pytest

from tests.command import wizard
from tests.e2e.test_from_nothing import ANY_USER
from tests.engine import BaseChoice, Engine, ca_bundle

COUNT = "from pyspark.sql import SparkSession as S; print(S.builder.master('local[1]').getOrCreate().range(10).count())"
SOLVE = "import jpype, optapy; optapy.init(); print(jpype.getJVMVersion()[0])"
LIBRARY = "cat(.libPaths()[1], getOption('repos')[['CRAN']], file.access(.libPaths()[1], 2), IRkernel::main |> class())"


def made(store: Engine, base: BaseChoice, bundle: str, ide: str, folder: str) -> str:
    """Compose and build the image of `bundle` with `ide`, and return its name."""
    flags = [*base.flags(), "--base=standard", f"--bundle={bundle}", f"--ide={ide}"]
    composed = wizard("new", *flags, "--out", folder, env=store.env)
    assert composed.returncode == 0, composed.stderr
    recipe = f"{folder}/{ide}-{bundle}-bookworm-py311_2026a_20261122"
    built = wizard("build", recipe, *ca_bundle(), "--log-dir", f"{folder}/logs", env=store.env)
    assert built.returncode == 0, built.stderr
    return built.stdout.strip()


@pytest.mark.parametrize(
    ("bundle", "command", "last"),
    [
        ("spark", ["python", "-c", COUNT], "10"),
        ("optapy", ["python", "-c", SOLVE], "17"),
        ("r", ["Rscript", "-e", LIBRARY], "/opt/app-root/src/Rpackages/4.2 https://cloud.r-project.org 0 function"),
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
    image = made(store, base, bundle, "runtime", str(tmp_path_factory.mktemp(bundle)))
    said = engine("run", "--rm", "--network=none", "--user", ANY_USER, image, *command)
    assert said.splitlines()[-1] == last
