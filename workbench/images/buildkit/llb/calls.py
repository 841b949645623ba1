"""Calls of a daemon: a path, a message in, a message out, and BuildKit's errors by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from workbench.images.buildkit.llb.failures import BuildKitError, named

CONTROL = "/moby.buildkit.v1.Control"
BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge"
Answer = TypeVar("Answer", bound=Message)
Made = TypeVar("Made", bound=Message, covariant=True)
Metadata = Sequence[tuple[str, str]]


class Future(Protocol[Made]):
    """A call on its way."""

    def result(self, timeout: float | None = None) -> Made:
        """Wait for the answer and return it; raises grpc.RpcError."""

    def cancel(self) -> bool:
        """Give it up: the daemon ends what it does for it."""

    def done(self) -> bool:
        """Return whether it has ended."""

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        """Have `callback` called when it has ended."""


class Calls:
    """The calls of the daemon at `address` on a channel."""

    def __init__(self, channel: grpc.Channel, address: str) -> None:
        self.channel = channel
        self.address = address

    def begin(self, path: str, request: Message, answer: type[Answer], metadata: Metadata = ()) -> Future[Answer]:
        """Begin a call and return it."""
        call = self.channel.unary_unary(path, request_serializer=_serialized, response_deserializer=answer.FromString)
        return call.future(request, metadata=tuple(metadata))

    def ask(
        self, path: str, request: Message, answer: type[Answer], metadata: Metadata = (), seconds: float | None = None
    ) -> Answer:
        """Call and return the answer; raises a BuildKitError."""
        call = self.begin(path, request, answer, metadata)
        try:
            return call.result(seconds)
        except grpc.FutureTimeoutError:
            raise BuildKitError(f"the BuildKit at {self.address} did not answer {path} within {seconds} s") from None
        except grpc.RpcError as error:
            raise self.failure(error) from None
        finally:
            call.cancel()

    def stream(self, path: str, request: Message, answer: type[Answer]) -> Iterator[Answer]:
        """Call and return the answers as they come, an iterator that has `cancel`; it raises grpc.RpcError."""
        call = self.channel.unary_stream(path, request_serializer=_serialized, response_deserializer=answer.FromString)
        return call(request)

    def failure(self, error: grpc.RpcError) -> BuildKitError:
        """Return what a call's error is called here."""
        return named(error.code(), error.details() or "", self.address)


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()
