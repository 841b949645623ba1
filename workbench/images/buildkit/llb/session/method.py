"""A call that the daemon may make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc


@dataclass(frozen=True, slots=True)
class Method:
    """Its path, `/service/Method`, and who answers it."""

    path: str
    handler: grpc.RpcMethodHandler[Any, Any]
