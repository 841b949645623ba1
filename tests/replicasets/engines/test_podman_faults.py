"""podman's API refuses, or does not know what it has: what the engine makes of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from workbench.replicasets.engines.podman.engine import PodmanEngine
from workbench.replicasets.engines.podman.http import PodmanHttp
from workbench.replicasets.engines.protocol import ContainerSpec
from workbench.replicasets.errors import EngineError

Respond = Callable[[str, str], Any]
# What podman 5 writes when it is about to notice by itself that a container ended.
TAKEN = f'creating container storage: the container name "foo-1" is already in use by {"9" * 64}. You have to remove it'
CLEANUP = "container foo-1 has state running, refusing to clean up"


def responding(monkeypatch: pytest.MonkeyPatch, respond: Respond) -> PodmanEngine:
    def call(self: PodmanHttp, method: str, path: str, *_args: object, **_more: object) -> Any:  # noqa: ANN401
        return [] if path.startswith("/secrets") else respond(method, path)

    monkeypatch.setattr(PodmanHttp, "call", call)
    return PodmanEngine("unix:///nowhere.sock")


def state(status: str) -> dict[str, Any]:
    return {"Id": "1" * 64, "Name": "foo-1", "Image": "2", "Config": {}, "State": {"Status": status, "Pid": 0}}


def test_a_stop_that_podman_refuses_to_clean_up_after_waits_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    states = ["running", "running", "stopping", "stopping", "exited"]
    asked: list[str] = []

    def respond(method: str, path: str) -> Any:  # noqa: ANN401
        if method == "POST":
            asked.append(path)
            raise EngineError(CLEANUP)
        return state(states.pop(0) if len(states) > 1 else states[0])

    engine = responding(monkeypatch, respond)
    engine.stop("foo-1", 0)
    assert asked == ["/containers/foo-1/stop"] and states == ["exited"]


def test_a_stop_that_is_refused_and_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def respond(method: str, path: str) -> Any:  # noqa: ANN401
        if method == "POST":
            raise EngineError(CLEANUP)
        return state("running")

    engine = responding(monkeypatch, respond)
    monkeypatch.setattr("workbench.replicasets.engines.podman.engine._END_SECONDS", 0.1)
    with pytest.raises(EngineError, match="refusing to clean up"):
        engine.stop("foo-1", 0)


def test_the_name_of_a_half_made_container_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = [{"Id": "9" * 64, "Names": ["foo-1"], "State": "storage", "Command": ["storage"]}]

    def respond(method: str, path: str) -> Any:  # noqa: ANN401
        if method == "GET":
            return storage
        if method == "DELETE":
            storage.clear()
            return None
        if storage:
            raise EngineError(TAKEN)
        return {"Id": "new"}

    assert responding(monkeypatch, respond).create(ContainerSpec(name="foo-1", image="x")) == "new"


@pytest.mark.parametrize("command", [["buildah"], ["sleep", "1"]])
def test_a_name_that_a_build_or_a_container_has_is_not_taken_away(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"Id": "9" * 64, "Names": ["foo-1"], "State": "storage", "Command": command}]

    def respond(method: str, path: str) -> Any:  # noqa: ANN401
        if method == "GET":
            return rows
        assert method == "POST"
        raise EngineError(TAKEN)

    with pytest.raises(EngineError, match="already in use"):
        responding(monkeypatch, respond).create(ContainerSpec(name="foo-1", image="x"))


def test_a_list_that_a_damaged_image_spoils_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = f'retrieving label for image "{"ab" * 32}": you may need to remove the image to resolve the error: x'
    messages = ["Download config.json digest sha256:0 does not match expected", plain]

    def respond(method: str, path: str) -> Any:  # noqa: ANN401
        raise EngineError(messages.pop(0))

    with pytest.raises(EngineError, match="the image abababababab is damaged") as error:
        responding(monkeypatch, respond).images("x")
    assert error.value.hint == "podman rmi --force abababababab"
