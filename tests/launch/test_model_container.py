"""What a model's container is given, and what becomes of one whose command was killed."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine import TINY, Engine
from workbench.errors import UsageError, WorkbenchError
from workbench.launch.abandoned import owner_option, remove_abandoned
from workbench.launch.containers import podman_environment, variable_options
from workbench.launch.model_container import monobase_options
from workbench.models.config import CogConfig
from workbench.models.model import Model, ModelBase, Resolved
from workbench.verbs.model.running import variables


def test_a_variables_value_stands_on_no_command_line_but_those_of_podman_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """podman would take them for its own: a PATH of the image, the proxy of the model."""
    monkeypatch.setenv("TOKEN", "mine")
    given = {"TOKEN": "hush", "NEW": "a b", "PATH": "/models", "https_proxy": "http://x", "XDG_RUNTIME_DIR": "/x"}
    assert variable_options(given) == [
        *("--env=TOKEN", "--env=NEW", "--env=PATH=/models", "--env=https_proxy=http://x"),
        "--env=XDG_RUNTIME_DIR=/x",
    ]
    environment = podman_environment(given)
    assert (environment["TOKEN"], environment["NEW"]) == ("hush", "a b")
    assert environment["PATH"] != "/models" and environment.get("XDG_RUNTIME_DIR") != "/x"


def test_variables_are_given_or_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "mine")
    monkeypatch.delenv("NONE", raising=False)
    assert variables(["TOKEN", "A=b=c", "EMPTY="]) == {"TOKEN": "mine", "A": "b=c", "EMPTY": ""}
    for wrong in ("NONE", "=x"):
        with pytest.raises(UsageError, match="variable"):
            variables([wrong])


def test_a_weightless_model_has_the_environments_of_this_machine(tmp_path: Path) -> None:
    resolved = Resolved("3.11", "", "", "0.23.1", {}, {}, "")
    whole = Model("localhost/models/a:latest", CogConfig(), resolved, ModelBase("base", "", ""))
    assert monobase_options(whole) == []
    base = ModelBase("base", "", "", generation="g00002", variables={"MONOBASE_PREFIX": str(tmp_path)})
    assert monobase_options(replace(whole, base=base)) == [f"--volume={tmp_path}:{tmp_path}:ro"]
    gone = replace(base, variables={"MONOBASE_PREFIX": f"{tmp_path}/none"})
    with pytest.raises(WorkbenchError, match="has no packages: it needs those of monobase"):
        monobase_options(replace(whole, base=gone))


def test_a_container_whose_command_was_killed_is_removed_by_the_next(engine: Engine) -> None:
    """Not one of a process that runs, of one that another system's processes know, or of somebody else's."""
    script = "from workbench.launch.abandoned import owner_option; print(owner_option())"
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    owners = {
        "killed": [killed],
        "ours": [owner_option()],
        "elsewhere": [re.sub(r"(workbench-build-[0-9a-f]{8}-)", r"\g<1>9", killed)],
        "theirs": [],
    }
    for name, labels in owners.items():
        engine("create", f"--name=test-{name}", *labels, TINY, "true")
    try:
        remove_abandoned()
        left = {name.removeprefix("test-") for name in engine("ps", "--all", "--format", "{{.Names}}").split()}
        assert left & owners.keys() == {"ours", "elsewhere", "theirs"}
    finally:
        engine("rm", "--force", "--ignore", *(f"test-{name}" for name in owners))
