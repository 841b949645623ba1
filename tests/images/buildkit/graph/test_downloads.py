from __future__ import annotations

import pytest

from tests.catalogues import REPOSITORY
from workbench.containerfile.build_plan import Run
from workbench.containerfile.parser import instructions
from workbench.images.buildkit.graph.downloads import keeping, managers

PIP = "umask 0002  && pip install --no-cache-dir -r /tmp/r.txt  && rm /tmp/r.txt"
APT = "apt-get update && X=y xargs -a /tmp/p.txt apt-get install -y && apt-get clean && rm -rf /var/lib/apt/lists/*"


def run(command: str, *shell: str, **environment: str) -> Run:
    arguments = (*(shell or ("/bin/sh", "-c")), command)
    return Run(1, "RUN", "", arguments=arguments, environment=tuple(sorted(environment.items())), folder="/", user="7")


@pytest.mark.parametrize(
    ("command", "names", "kept"),
    [
        (PIP, ["pip"], PIP.replace(" --no-cache-dir", "")),
        (APT, ["apt"], APT),
        ("umask 0002 && uv pip install --no-cache -r x", ["uv"], "umask 0002 && uv pip install -r x"),
        # Its files would have the modes of another umask.
        ("uv pip install --no-cache -r x", [], "uv pip install --no-cache -r x"),
        ("python3.11 -m pip install --no-cache-dir x", ["pip"], "python3.11 -m pip install x"),
        ("A=1 pip3 wheel a --no-cache-dir", ["pip"], "A=1 pip3 wheel a"),
        ("pip install x && echo '--no-cache-dir'", ["pip"], "pip install x && echo '--no-cache-dir'"),
        ("pip install x; other --no-cache-dir", ["pip"], "pip install x; other --no-cache-dir"),
        ("echo pip install --no-cache-dir >f", ["pip"], "echo pip install --no-cache-dir >f"),
        ("echo 'a; pip install --no-cache-dir x'", [], "echo 'a; pip install --no-cache-dir x'"),
        ("pip list --no-cache-dir", [], "pip list --no-cache-dir"),
        ("apt-get update && apt-get install -y x", [], "apt-get update && apt-get install -y x"),
        ("(pip install --no-cache-dir a) || pip wheel --no-cache-dir b", ["pip"], "(pip install a) || pip wheel b"),
    ],
)  # fmt: skip
def test_what_is_kept_and_what_becomes_of_the_command(command: str, names: list[str], kept: str) -> None:
    made, used = keeping(run(command))
    assert ([manager.name for manager in used], made.arguments[-1]) == (names, kept)


def test_the_variables_of_a_step_that_keeps() -> None:
    made, _ = keeping(run(PIP, PIP_NO_CACHE_DIR="1", A="b"))
    assert made.environment == (("A", "b"), ("PIP_CACHE_DIR", "/dev/workbench-pip"), ("PIP_NO_CACHE_DIR", ""))


def test_who_has_a_cache_of_their_own_keeps_it() -> None:
    step = run(PIP, PIP_CACHE_DIR="/own")
    assert keeping(step) == (step, ())


def test_a_step_that_is_not_in_the_shells_form_is_left_as_it_is() -> None:
    step = Run(1, "RUN", "", arguments=("pip", "install", "x"), environment=(), folder="/", user="")
    assert keeping(step) == (step, ())


def test_the_generic_snippets_keep_their_downloads() -> None:
    found = {}
    for name in ("os_packages.debian", "python_packages"):
        with open(f"{REPOSITORY}/bundles/{name}.snippet") as file:
            (item,) = [item for item in instructions(file.read()) if item.word == "RUN"]
        made, used = keeping(run(item.args[0]))
        found[name] = ([manager.name for manager in used], "--no-cache" in made.arguments[-1])
    assert found == {"os_packages.debian": (["apt"], False), "python_packages": (["uv"], False)}


def test_every_manager_leaves_nothing_in_the_image() -> None:
    for manager in managers():
        assert manager.folder.startswith("/dev/") and (not manager.file or manager.file.startswith("/dev/"))
