"""How much of sets is served at once, of one token and of all."""

from __future__ import annotations

from workbench.replicasets.api.lanes import Bounds

# A browser has six connections to a host for requests, and up to 255 WebSockets.
REQUESTS = Bounds(1024, 128, 256, 30.0)
TUNNELS = Bounds(2048, 256, 0, 0.0)
HEAD_BYTES = 64 << 10
# Until a connection to a set is there, and until it answers what it has been sent whole.
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 300.0
# How often what lasts is looked at: whether its session still is one.
LOOK_SECONDS = 5.0
# How long nothing may be taken by a client, or by a set.
STUCK_SECONDS = 120.0
PIECE = 64 << 10
