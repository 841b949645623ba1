"""The tutorials of DEVELOPMENT.md work as they are written: their blocks are run, and what they add is used."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.browser import need_chromium, page_in
from tests.catalogues import REPOSITORY
from tests.command import wizard
from tests.documents import read
from tests.engine import BaseChoice, Engine, ca_bundle, search_path

pytestmark = pytest.mark.slow

_OPEN = re.compile(r"The workbench is open: (http://127\.0\.0\.1:\d+/\?token=\S+)")


def tutorial(begins: str) -> str:
    """Return the shell lines of the block of DEVELOPMENT.md that begins with `begins`."""
    blocks = read(REPOSITORY / "DEVELOPMENT.md").blocks
    (block,) = [block for block in blocks if block.language == "sh" and block.lines[0].startswith(begins)]
    return "\n".join(block.lines) + "\n"


def follow(clone: Path, script: str, **more: str) -> str:
    """Run the lines as they are, ending at the first that fails, and return what they printed."""
    bundle = {"WORKBENCH_CA_BUNDLE": os.environ["SSL_CERT_FILE"]} if "SSL_CERT_FILE" in os.environ else {}
    env = {**os.environ, **bundle, "PATH": search_path(), "BROWSER": "true", **more}
    done = subprocess.run(["sh", "-eu", "-c", script], cwd=clone, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


@pytest.mark.timeout(2700)
def test_add_a_bundle(engine: Engine, base: BaseChoice, clone: Path, tmp_path: Path) -> None:
    follow(clone, tutorial("mkdir -p bundles/10-geo/"))
    assert len(list((clone / "tests/goldens").glob("*-geo-*"))) >= 4
    flags = ["--base=standard", "--bundle=geo", "--ide=runtime", *base.flags()]
    new = wizard("new", "--catalog", clone, *flags, "--no-lint", "--out", tmp_path / "recipes", cwd=clone)
    assert new.returncode == 0, new.stderr
    (recipe,) = (tmp_path / "recipes").iterdir()
    built = wizard("build", recipe, *ca_bundle(), "--log-dir", tmp_path / "logs", cwd=clone)
    assert built.returncode == 0, built.stderr
    program = (
        "import geopandas, rasterio; from rasterio.transform import from_origin; from shapely.geometry import box; "
        "frame = geopandas.GeoDataFrame(geometry=[box(0, 0, 2, 3)], crs='EPSG:3857'); "
        "file = rasterio.open('/tmp/x.tif', 'w', driver='GTiff', width=2, height=2, count=1, dtype='uint8', "
        "transform=from_origin(0, 0, 1, 1), crs='EPSG:3857'); file.close(); "
        "print(frame.area[0], rasterio.open('/tmp/x.tif').crs)"
    )
    image = f"localhost/workbench-images:{recipe.name}"
    assert engine("run", "--rm", image, "python", "-c", program) == "6.0 EPSG:3857"


@pytest.mark.timeout(2700)
def test_add_an_ide(engine: Engine, base: BaseChoice, clone: Path, tmp_path: Path) -> None:
    browser = need_chromium()
    # On the base that the tests have, which has a date of its own.
    make = f"make DATE={base.date}"
    shown = follow(clone, tutorial("mkdir -p ides/7-marimo/").replace("make workbench", f"{make} workbench"))
    found = _OPEN.search(shown)
    assert found is not None, shown
    try:
        with page_in(browser, tmp_path / "marimo.png", seconds=600) as page:
            page.goto(found[1])
            page.get_by_text("Create a new notebook").first.wait_for()
        # Its start script needed no run bit, and its process is the user's.
        container = f"workbench-marimo-minimal-{base.os}-py311_{base.release}"
        assert engine("exec", container, "id", "-u") == "1001"
    finally:
        name = f"marimo-minimal-{base.os}-py311_{base.release}"
        assert wizard("stop", "--delete-files", name, cwd=clone).returncode == 0
