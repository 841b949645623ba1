"""Calls of a daemon over gRPC: a path, a request, a response; errors of BuildKit get their own classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from workbench.images.buildkit.llb.failures import BuildKitError, named

CONTROL = "/moby.buildkit.v1.Control"
BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge"
Response = TypeVar("Response", bound=Message)
Result = TypeVar("Result", bound=Message, covariant=True)
Metadata = Sequence[tuple[str, str]]


class Future(Protocol[Result]):
    """A call on its way."""

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the response and return it; raises grpc.RpcError."""

    def cancel(self) -> bool:
        """Cancel the call: the daemon ends what it does for it."""

    def done(self) -> bool:
        """Return whether it has ended."""

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        """Have `callback` called when it has ended."""


class Calls:
    """The calls of the daemon at `address` on a channel."""

    def __init__(self, channel: grpc.Channel, address: str) -> None:
        self.channel = channel
        self.address = address

    def start(self, path: str, request: Message, response: type[Response], metadata: Metadata = ()) -> Future[Response]:
        """Start a call and return it."""
        call = self.channel.unary_unary(path, request_serializer=_serialized, response_deserializer=response.FromString)
        return call.future(request, metadata=tuple(metadata))

    def call(
        self,
        path: str,
        request: Message,
        response: type[Response],
        metadata: Metadata = (),
        seconds: float | None = None,
    ) -> Response:
        """Call and return the response; raises a BuildKitError."""
        call = self.start(path, request, response, metadata)
        try:
            return call.result(seconds)
        except grpc.FutureTimeoutError:
            raise BuildKitError(f"the BuildKit at {self.address} did not answer {path} within {seconds} s") from None
        except grpc.RpcError as error:
            raise self.failure(error) from None
        finally:
            call.cancel()

    def stream(
        self, path: str, request: Message, response: type[Response], seconds: float | None = None
    ) -> Iterator[Response]:
        """Call and return the responses as they come, an iterator that has `cancel`; it raises grpc.RpcError.

        After so many `seconds` the call fails.
        """
        call = self.channel.unary_stream(
            path, request_serializer=_serialized, response_deserializer=response.FromString
        )
        return call(request, timeout=seconds)

    def failure(self, error: grpc.RpcError) -> BuildKitError:
        """Return the failure that a call's error stands for."""
        return named(error.code(), error.details() or "", self.address)


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()
