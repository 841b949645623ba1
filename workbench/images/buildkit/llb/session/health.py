"""Saying that we are still there: a daemon that is not told so drops the session."""

from __future__ import annotations

import grpc

from workbench.images.buildkit.llb.pb import session_pb2 as session
from workbench.images.buildkit.llb.session.method import Method


def method() -> Method:
    """Return what the daemon calls every few seconds."""
    handler = grpc.unary_unary_rpc_method_handler(
        _serving,
        request_deserializer=session.HealthCheckRequest.FromString,
        response_serializer=session.HealthCheckResponse.SerializeToString,
    )
    return Method("/grpc.health.v1.Health/Check", handler)


def _serving(request: session.HealthCheckRequest, context: grpc.ServicerContext) -> session.HealthCheckResponse:
    return session.HealthCheckResponse(status=session.HealthCheckResponse.SERVING)
