"""A program in a Pod: the subresource `exec`, over a WebSocket.

It knows neither folders nor a way to end what was started. So a shell of the image goes to the folder first, and
marks what it starts with a variable, by which it is found again.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlencode

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from workbench.replicasets.engines.kubernetes.http import KubernetesHttp, refused
from workbench.replicasets.errors import EngineGone

# Each message begins with the number of its stream; 3 is the server's own: an object Status at the end.
_PROTOCOL = Subprotocol("v4.channel.k8s.io")
_STATUS = 3
_CONNECT_SECONDS, _CLOSE_SECONDS = 10.0, 0.5
_MARK = "WORKBENCH_EXEC"
_GO = f'export {_MARK}="$1"; cd "$2" || exit 127; shift 2; exec "$@"'
# Twice: what one of them starts while it is looked for.
_KILL = (
    "for i in 1 2; do for p in /proc/[0-9]*; do "
    f'case "$(cat $p/environ 2>/dev/null)" in *{_MARK}="$1"*) kill -9 "${{p#/proc/}}" 2>/dev/null;; esac; done; done'
)
# What a shell ends with when there is no such program; here: when there is no shell.
_NOT_FOUND = 127


class KubernetesProgram:
    """See RunningProgram. The program is started at once, in the container of the Pod `name`."""

    def __init__(self, http: KubernetesHttp, name: str, command: tuple[str, ...], workdir: str) -> None:
        self._http, self._name, self._mark = http, name, secrets.token_hex(8)
        self._code: int | None = None
        self._closed = threading.Event()
        self._open = ExitStack()
        self._socket = _opened(self._open, http, name, ("/bin/sh", "-c", _GO, "sh", self._mark, workdir, *command))

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield what it writes, as it writes it."""
        try:
            for message in self._socket:
                data = message.encode() if isinstance(message, str) else message
                if data[:1] in (b"\x01", b"\x02") and data[1:]:
                    yield data[0], data[1:]
                elif data[:1] == bytes([_STATUS]):
                    self._code, words = _result(data[1:])
                    if words:
                        yield 2, f"{words}\n".encode()
        except (WebSocketException, OSError) as error:
            if not self._closed.is_set():
                raise EngineGone(f"the cluster broke a program's connection off: {error}") from None
        if self._code is None and not self._closed.is_set():
            raise EngineGone("the cluster ended a program's connection without its exit code")

    def exit_code(self) -> int:
        """Return its exit code; it must have ended."""
        return -1 if self._code is None else self._code

    def kill(self) -> None:
        """End it and all that it started, as far as that has kept the variable that marks it."""
        if self._code is None:
            with suppress(WebSocketException, OSError), ExitStack() as opened:
                for _ in _opened(opened, self._http, self._name, ("/bin/sh", "-c", _KILL, "sh", self._mark)):
                    pass

    def close(self) -> None:
        """Stop listening to it."""
        self._closed.set()
        with suppress(WebSocketException, OSError):
            self._open.close()


def _opened(until: ExitStack, http: KubernetesHttp, name: str, command: tuple[str, ...]) -> ClientConnection:
    """Return a connection with a program that was started, which ends with `until`."""
    query = [("container", "main"), ("stdout", "true"), ("stderr", "true"), *(("command", each) for each in command)]
    url = f"{http.url(f'/pods/{name}/exec')}?{urlencode(query)}".replace("https:", "wss:", 1)
    try:
        opened = connect(
            url,
            ssl=http.access.context,
            subprotocols=[_PROTOCOL],
            additional_headers=http.access.headers(),
            open_timeout=_CONNECT_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            # A kubelet answers no pings while a program writes nothing.
            ping_interval=None,
            max_size=None,
            compression=None,
            proxy=None,
        )
        return until.enter_context(opened)
    except InvalidStatus as error:
        raise refused(error.response.status_code, bytes(error.response.body or b"")) from None
    except (WebSocketException, OSError) as error:
        raise EngineGone(f"the cluster's API server does not answer: {error}") from None


def _result(text: bytes) -> tuple[int, str]:
    """Return the exit code in an object Status, and the message about it."""
    try:
        found = json.loads(text)
    except ValueError:
        raise EngineGone("the cluster ended a program with what is no Status") from None
    if found.get("status") == "Success":
        return 0, ""
    for cause in (found.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"]), ""
    return _NOT_FOUND, " ".join(str(found.get("message") or "it could not be started").split())
