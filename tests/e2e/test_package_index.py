"""Real package managers, each in a container of its system: which packages do they not find?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import wizard
from tests.engine import Engine
from workbench.errors import WorkbenchError
from workbench.images.package_index import missing_packages

pytestmark = pytest.mark.thorough

# Debian 12 has OpenJDK 17; its successor has not.
# awk is a name that several packages provide: apt installs none of them for it.
WANTED = ["bash", "openjdk-17-jre-headless", "no-such-package", "bash=99:1", "bash/no-such-suite", "libc6:amd64", "awk"]
# What the real one prints (dnf 4.14, CentOS Stream 9): a system of that family cannot be made here.
DNF = """\
#!/bin/sh
[ "$1" = makecache ] && exit
shift 2
for name; do case $name in bash|@development) ;; *) echo "No match for argument: $name" >&2; bad=1 ;; esac; done
[ -z "$bad" ] || { echo "Error: Unable to find a match" >&2; exit 1; }
echo "Operation aborted." >&2; exit 1
"""


def test_apt_is_queried_in_its_own_system(engine: Engine, root_image: str) -> None:
    assert missing_packages(root_image, WANTED) == ["no-such-package", "bash=99:1", "bash/no-such-suite", "awk"]
    assert missing_packages(root_image, ["bash"]) == []
    assert engine.containers() == ""


def test_dnf_and_no_manager_at_all(engine: Engine, root_image: str, tmp_path: Path) -> None:
    (tmp_path / "dnf").write_text(DNF)
    for name, more in (("localhost/with-dnf:1", "COPY --chmod=755 dnf /usr/bin/dnf\n"), ("localhost/without:1", "")):
        (tmp_path / "Containerfile").write_text(f"FROM {root_image}\nRUN rm /usr/bin/apt-get\n{more}")
        engine("build", "--quiet", "--tag", name, str(tmp_path))
    try:
        assert missing_packages("localhost/with-dnf:1", ["bash", "openjdk-17", "@development"]) == ["openjdk-17"]
        with pytest.raises(WorkbenchError, match="has neither apt-get nor dnf"):
            missing_packages("localhost/without:1", ["bash"])
    finally:
        engine("rmi", "localhost/with-dnf:1", "localhost/without:1")


def test_what_is_missing_is_named_recorded_and_not_offered(engine: Engine, root_image: str, tmp_path: Path) -> None:
    lists = {
        "bundles/1-plain/os/os-packages.txt": "# Tools\nbash\nno-such-package\n",
        "bundles/2-child/display.txt": "Child\n",
        "bundles/2-child/bundle.toml": 'extends = "plain"\n',
        "bundles/2-child/py311/requirements.txt": "attrs==25.1.0\n",
        "bundles/3-free/display.txt": "Free\n",
        "bundles/3-free/py311/requirements.txt": "attrs==25.1.0\n",
    }
    catalogue = make_catalogue(tmp_path, lists)
    flags = ("--catalog", catalogue)
    done = wizard("check", "--packages", *flags, env=engine.env)
    assert done.returncode == 1
    assert "bundles/1-plain/os/os-packages.txt:3: bookworm has no package no-such-package" in done.stderr
    assert "not checked: c9s has no image on this machine" in done.stderr

    done = wizard("check", "--packages", "--record", *flags, env=engine.env)
    assert done.returncode == 0, done.stderr
    record = catalogue / "base/bookworm/unavailable.txt"
    assert record.read_text().splitlines()[-1] == "no-such-package"
    assert json.loads(wizard("check", "--packages", "--json", *flags, env=engine.env).stdout) == {
        "packages": 2,
        "of": "bookworm",
    }
    rows = json.loads(wizard("matrix", *flags, "--os", "bookworm", "--base", "standard", "--python", "3.11", "--ide",
                             "runtime", "--json").stdout)  # fmt: skip
    reasons = {row["selection"]["bundle"]: row["reason"] for row in rows}
    needs = "needs no-such-package, which bookworm does not have"
    assert reasons == {"plain": f"bundle plain {needs}", "child": f"bundle child {needs}", "free": ""}
    # What Debian has again is a fault of the record, which the next one mends.
    record.write_text("bash\n")
    done = wizard("check", "--packages", *flags, env=engine.env)
    assert "base/bookworm/unavailable.txt: bash is there again" in done.stderr
