from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.images.trees import BOOKWORM
from workbench.containerfile.build_plan import BuildPlan, Copy, Run
from workbench.containerfile.reader import Source, read
from workbench.images.context import exists
from workbench.images.probe.base import inspect_base, names_in
from workbench.images.probe.installed import Install, install_of, without_installed

NAME = "localhost/b:1"
BASE = inspect_base(NAME, BOOKWORM, {})
CONFIG = {"config": {"Env": ["PATH=/usr/local/bin:/opt/app-root/bin:/usr/bin", "VIRTUAL_ENV=/opt/app-root"]}}
UV = "uv pip install --no-cache --compile-bytecode --require-hashes --index-strategy=unsafe-best-match"
PIP = "COPY requirements.txt /tmp/r.txt\nRUN umask 0002 && pip install --no-cache-dir -r /tmp/r.txt && rm /tmp/r.txt\n"
APT = (
    "COPY os-packages.txt /tmp/p.txt\n"
    "RUN apt-get update && DEBIAN_FRONTEND=noninteractive xargs -a /tmp/p.txt apt-get install -y "
    "--no-install-recommends && apt-get clean && rm -rf /tmp/p.txt /var/lib/apt/lists/* /var/log/apt\n"
)
HELD = "numpy==2.4.6 \\\n    --hash=sha256:aa\ntyping_extensions==4.16.0 ; python_version >= '3.8'\n# a comment\n"


def plan(folder: Path, text: str, pins: str = HELD, packages: str = "jq\n") -> BuildPlan:
    (folder / "requirements.txt").write_text(pins)
    (folder / "os-packages.txt").write_text(packages)
    return read(Source(f"FROM {NAME}\n{text}", "C", partial(exists, str(folder))), lambda _: CONFIG)


def left(folder: Path, text: str, pins: str = HELD, packages: str = "jq\n") -> list[str]:
    made, _ = without_installed(
        plan(folder, text, pins, packages), BASE, str(folder), lambda at: names_in(BOOKWORM, at)
    )
    steps = [step for step in made.stages[-1].steps if isinstance(step, Copy | Run)]
    return [step.paths[0] if isinstance(step, Copy) else step.arguments[-1].split()[0] for step in steps]


def test_lists_that_the_base_holds_are_left_out_with_a_note(tmp_path: Path) -> None:
    made, notes = without_installed(plan(tmp_path, APT + PIP), BASE, str(tmp_path), lambda at: names_in(BOOKWORM, at))
    assert made.stages[-1].steps == ()
    assert notes == [
        f"os-packages.txt is not installed again: {NAME} has all of it",
        f"requirements.txt is not installed again: {NAME} has all of it",
    ]


@pytest.mark.parametrize(
    "pins",
    [
        "numpy==2.4.7\n",
        "numpy==2.4.6\nsix==1.0\n",
        "numpy>=2\n",
        "numpy\n",
        "numpy @ https://example.com/numpy.whl\n",
        "-r other.txt\nnumpy==2.4.6\n",
        "-e .\n",
        "",
        "six==1 ; python_version < '3'\n",
        "not a line at all!\n",
    ],
)
def test_a_list_that_is_not_held_is_installed(tmp_path: Path, pins: str) -> None:
    assert left(tmp_path, PIP, pins) == ["/requirements.txt", "umask"]


def test_what_uv_installs_is_left_out_as_pips_is(tmp_path: Path) -> None:
    text = PIP.replace("pip install --no-cache-dir", UV)
    assert left(tmp_path, text) == []
    for elsewhere in ("VIRTUAL_ENV=/other", "UV_PYTHON=/usr/bin/python3", "PATH=/usr/bin"):
        assert left(tmp_path, f"ENV {elsewhere}\n{text}") == ["/requirements.txt", "umask"]


@pytest.mark.parametrize("packages", ["jq\ncurl\n", "libjq1\n", "gone\n", ""])
def test_a_list_of_the_system_that_is_not_held_is_installed(tmp_path: Path, packages: str) -> None:
    # What only came along with others would be marked as chosen: another image.
    assert left(tmp_path, APT, packages=packages) == ["/os-packages.txt", "apt-get"]


def test_what_the_step_would_remove_besides_keeps_it(tmp_path: Path) -> None:
    text = APT.replace("/var/log/apt", "/usr/bin/j*")
    made, notes = without_installed(plan(tmp_path, text), BASE, str(tmp_path), lambda at: names_in(BOOKWORM, at))
    assert len(made.stages[-1].steps) == 2
    assert notes == ["os-packages.txt is installed again: it also removes /usr/bin/j*"]


def test_after_anything_else_nobody_knows_what_is_there(tmp_path: Path) -> None:
    assert left(tmp_path, f"RUN something\n{PIP}") == ["something", "/requirements.txt", "umask"]
    changed = PIP.replace("requirements.txt", "os-packages.txt") + PIP
    assert left(tmp_path, changed, packages="six==2\n") == ["/os-packages.txt", "umask", "/requirements.txt", "umask"]


@pytest.mark.parametrize("line", ["ENV PATH=/usr/bin", "ENV PIP_TARGET=/else", "ENV PYTHONPATH=/else"])
def test_another_pip_is_used(tmp_path: Path, line: str) -> None:
    assert left(tmp_path, f"{line}\n{PIP}") == ["/requirements.txt", "umask"]


def test_packages_of_the_system_do_not_change_those_of_python(tmp_path: Path) -> None:
    assert left(tmp_path, APT + PIP, packages="curl\n") == ["/os-packages.txt", "apt-get"]


@pytest.mark.parametrize(
    ("command", "install"),
    [
        ("pip install -r /r && rm /r", Install("pip", "/r", (), "pip")),
        (f"{UV} -r /r && rm /r", Install("pip", "/r", (), "uv")),
        (f"{UV} --build-constraints /r -r /r && rm /r", Install("pip", "/r", (), "uv")),
        ("uv pip sync /r && rm /r", None),
        ("pip install --require-hashes -r /r && rm -f /r /x", Install("pip", "/r", ("/x",), "pip")),
        ("pip install -r /r", None),
        ("pip install -r /r && rm /r && touch /x", None),
        ("pip install -r /r || rm /r", None),
        ("pip install -r /r & rm /r", None),
        ("pip install -r '/r' && rm /r", None),
        ("pip install -r $r && rm $r", None),
        ("pip install -U -r /r && rm /r", None),
        ("pip install -r /r >/log && rm /r", None),
    ],
)
def test_what_a_step_installs(command: str, install: Install | None) -> None:
    step = Run(1, "RUN", "", arguments=("/bin/sh", "-c", command), environment=(), folder="/", user="")
    assert install_of(step) == install
