"""The start script of the IDE Langflow with a real nginx, before a small server that is called langflow."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.catalogues import REPOSITORY
from tests.engine import search_path
from tests.front.running import PACKAGE, SERVER, front

SCRIPT = REPOSITORY / "ides/4-langflow/files/run-langflow.sh"
# What Kubernetes sets in a namespace with a service of the name langflow.
OF_A_SERVICE = "tcp://10.0.0.7:80"

pytestmark = pytest.mark.skipif(shutil.which("nginx", path=search_path()) is None, reason="nginx not installed")


def home(folder: Path) -> dict[str, str]:
    """A home folder, and on the PATH a langflow that notes how it was started, and a python that finds the front."""
    programs = folder / "bin"
    programs.mkdir()
    # The front is part of the image's Python, which -I does not keep it from.
    (programs / "python").write_text(f'#!/bin/sh\nshift\nPYTHONPATH={PACKAGE} exec {sys.executable} "$@"\n')
    noted = f'env >{folder}/environment; echo "$@" >{folder}/arguments; exec {sys.executable} {SERVER} "$5"'
    (programs / "langflow").write_text(f"#!/bin/sh\n{noted}\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    return {"PATH": f"{programs}:{search_path()}", "HOME": str(folder), "LANGFLOW_PORT": OF_A_SERVICE}


@pytest.mark.parametrize("prefix", ["/notebook/team/mine", ""], ids=["NB_PREFIX", "no NB_PREFIX"])
def test_langflow_gets_its_prefix_and_requests_without_it(short_path: Path, prefix: str) -> None:
    with front(short_path, prefix=prefix, script=SCRIPT, environ=home(short_path)) as started:
        started.ready()
        environment = dict(line.split("=", 1) for line in (short_path / "environment").read_text().splitlines())
        assert {
            name: value for name, value in environment.items() if name.startswith(("LANGFLOW_", "LITELLM_", "DO_NOT"))
        } == {
            "LANGFLOW_ROOT_PATH": prefix,
            "LANGFLOW_CONFIG_DIR": f"{short_path}/.langflow",
            "LANGFLOW_SAVE_DB_IN_CONFIG_DIR": "true",
            "LANGFLOW_AUTO_LOGIN": "true",
            "LANGFLOW_LOG_LEVEL": "warning",
            "DO_NOT_TRACK": "true",
            "LITELLM_LOCAL_MODEL_COST_MAP": "true",
        }
        arguments = f"run --host 127.0.0.1 --port {started.server_port} --no-open-browser\n"
        assert (short_path / "arguments").read_text() == arguments
        status, _, body = started.get(f"{prefix}/api/v1/flows/?get_all=true")
        received = json.loads(body)
        assert (status, received["path"]) == (200, "/api/v1/flows/?get_all=true")
        assert received["headers"].get("X-Forwarded-Prefix", "") == prefix
        assert started.get(f"{prefix}/redirect?to=/login")[1] == f"{prefix}/login"
        if prefix:
            assert [started.get(path)[0] for path in ("/api/v1/flows/", "/health")] == [404] * 2


def test_what_an_open_page_polls_is_no_activity(short_path: Path) -> None:
    with front(short_path, prefix="/x", script=SCRIPT, environ=home(short_path)) as started:
        started.ready()
        before = started.becomes("idle")
        for path in ("health", "health_check", "api/v1/knowledge-base-storage/status"):
            assert started.get(f"/x/{path}")[0] == 200
        for path in ("api/v1/flows/f8578301-b52a/events?since=1795370889.46", "api/v2/workflows/pending?flow_id=f8"):
            assert started.get(f"/x/{path}")[0] == 200
        kernel = started.kernel()
        assert (kernel["name"], kernel["execution_state"]) == ("langflow", "idle")
        assert kernel["last_activity"] == before["last_activity"]
        started.becomes("busy", using="/x/api/v1/flows/")


def test_variables_of_the_user_override_the_defaults(short_path: Path) -> None:
    chosen = {"LANGFLOW_AUTO_LOGIN": "false", "LANGFLOW_CONFIG_DIR": "/elsewhere", "DO_NOT_TRACK": "false"}
    with front(short_path, script=SCRIPT, environ={**home(short_path), **chosen}) as started:
        started.ready()
        lines = (short_path / "environment").read_text().splitlines()
        assert {f"{name}={value}" for name, value in chosen.items()} <= set(lines)
