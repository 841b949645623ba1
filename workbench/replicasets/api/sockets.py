"""WebSockets as uvicorn serves them, with an end to what a client can make it keep in memory."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Scope, Send
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

# The longest message that a client may send, and in how many fragments.
MOST_MESSAGE = 256 << 10
MOST_FRAGMENTS = 256
# How much may wait for a client that sends pings and takes no pongs.
MOST_WAITING = 1 << 20
# How often a client is looked for, and how long it may take to show that it is there.
PING_SECONDS, PONG_SECONDS = 20.0, 20.0


# What a browser offers, which can send no header of its own with a WebSocket: the protocol, and the token beside it,
# which is in no address and no log that way. The protocol alone is accepted.
PROTOCOL = "workbench.terminal"
_TOKEN = "workbench.token."


def offered_token(scope: Scope) -> str:
    """Return the token among the protocols that a client offers, "" for none."""
    offered = (each for each in scope.get("subprotocols", ()) if each.startswith(_TOKEN))
    return str(next(offered, "")).removeprefix(_TOKEN)


class Socket(WebSocketsSansIOProtocol):
    """uvicorn's protocol (0.54), which keeps any number of fragments and of pongs."""

    async def send(self, message: ASGISendEvent) -> None:
        """See uvicorn, to whom a WebSocket that was refused with a response was never answered."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True

    def handle_cont(self, event: Frame) -> None:
        """Add a fragment; a message in crumbs is none."""
        if len(self.frames) >= MOST_FRAGMENTS:
            self.transport.abort()
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer, unless the answers are not taken."""
        if self.transport.get_write_buffer_size() > MOST_WAITING:
            self.transport.abort()
            return
        super().handle_ping()


async def denied(response: Response, send: Send) -> None:
    """Answer a WebSocket that was not accepted with a response of HTTP."""
    head = {"type": "websocket.http.response.start", "status": response.status_code, "headers": response.raw_headers}
    await send(head)
    await send({"type": "websocket.http.response.body", "body": bytes(response.body)})
