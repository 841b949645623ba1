"""One request to a model that runs, cancelled when it is interrupted."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import Any

from workbench.errors import WorkbenchError
from workbench.launch.model_container import DIRECT, RunningModel

# How long a model may take to cancel: it may be in code that nothing interrupts.
_CANCEL_SECONDS = 5.0
_POLL_SECONDS = 0.2
_SUCCEEDED = "succeeded"


class _Exchange(threading.Thread):
    """Sends a request and waits for the response, while the main thread can be interrupted."""

    def __init__(self, request: urllib.request.Request) -> None:
        super().__init__(name="prediction", daemon=True)
        self.response: Any = None
        self.code = 0
        self.error = ""
        self._request = request

    def run(self) -> None:
        try:
            with DIRECT.open(self._request) as response:
                self.code, text = response.status, response.read()
        except urllib.error.HTTPError as error:
            self.code, text = error.code, error.read()
        except (OSError, HTTPException) as error:
            self.error = str(getattr(error, "reason", None) or error)
            return
        try:
            self.response = json.loads(text)
        except ValueError:
            self.response = text.decode(errors="replace")


def send(model: RunningModel, inputs: Mapping[str, Any], path: str = "/predictions") -> dict[str, Any]:
    """Return the response of a model to `inputs`, whether it succeeded or not (`failure` says that).

    Raises WorkbenchError when it refuses the inputs, answers nothing, or ends meanwhile. An interrupt cancels the
    prediction and waits for the model to end it.
    """
    address = f"{model.address}{path}/{uuid.uuid4().hex}"
    body = json.dumps({"input": inputs}).encode()
    headers = {"Content-Type": "application/json"}
    exchange = _Exchange(urllib.request.Request(address, body, headers, method="PUT"))
    exchange.start()
    try:
        while exchange.is_alive():
            exchange.join(_POLL_SECONDS)
    except KeyboardInterrupt:
        with suppress(OSError, HTTPException):
            DIRECT.open(urllib.request.Request(f"{address}/cancel", b"", method="POST"), timeout=_CANCEL_SECONDS)
        exchange.join(_CANCEL_SECONDS)
        raise
    if exchange.error:
        ended = model.ended()
        raise WorkbenchError(f"the model does not respond: {ended or exchange.error}")
    response = exchange.response
    if isinstance(response, dict) and "status" in response:
        return response
    raise WorkbenchError(f"the model refuses the request ({exchange.code}): {_refusal(response)}")


def failure(response: Mapping[str, Any]) -> str:
    """Return why a prediction failed, "" for one that succeeded."""
    if response["status"] == _SUCCEEDED:
        return ""
    # Each layer of the server adds the same words (cog 0.23.1).
    reason = str(response.get("error") or response["status"])
    while reason.startswith("Prediction failed: "):
        reason = reason.removeprefix("Prediction failed: ")
    return reason


def _refusal(response: Any) -> str:  # noqa: ANN401 - whatever the server sends
    details = response.get("detail") if isinstance(response, dict) else None
    if not isinstance(details, list):
        return str(details or response)
    named = ((each.get("loc") or [""], each.get("msg", "")) for each in details if isinstance(each, dict))
    return "; ".join(f"{place[-1]}: {message}" for place, message in named)
