from __future__ import annotations

import httpx

from tests.replicasets.api.conftest import Served
from tests.replicasets.fakes import IMAGE
from workbench.replicasets.engines.capabilities import Pausing
from workbench.replicasets.requests import RunRequest
from workbench.replicasets.values import Caller


def test_what_the_engine_cannot_do_is_not_implemented(client: httpx.Client, served: Served) -> None:
    served.room.run(RunRequest(IMAGE, "foo"), Caller("op"))
    served.engine.without = (Pausing,)
    response = client.patch("/api/v1/replicaSet/foo/pause")
    assert (response.status_code, response.json()["code"]) == (501, 1107)
    assert response.json()["msg"] == "this engine cannot pause containers"
    assert served.room.info("foo").live == "running"
    data = client.get("/api/v1/resources/engine").json()["data"]
    assert data == {"cannot": [{"what": "pause containers", "why": ""}], "afresh": "", "workbenches": False}


def test_an_engine_that_can_all_lacks_nothing(client: httpx.Client, served: Served) -> None:
    assert client.get("/api/v1/resources/engine").json()["data"] == {"cannot": [], "afresh": "", "workbenches": False}
