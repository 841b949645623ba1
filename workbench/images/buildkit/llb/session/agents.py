"""Ssh agents of this machine, for steps that mount one: their requests come over the session."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping

import grpc

from workbench.errors import WorkbenchError
from workbench.files import is_socket
from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.pb import session_pb2 as session
from workbench.images.buildkit.llb.session.services import Method

CHECK_AGENT = "/moby.sshforward.v1.SSH/CheckAgent"
FORWARD_AGENT = "/moby.sshforward.v1.SSH/ForwardAgent"
# The metadata of a call that names the agent.
_NAME = "ssh.id"
# What one without a name is called (moby/buildkit, session/sshforward).
_DEFAULT = "default"
_CHUNK = 32 * 1024


class AgentService:
    """Serves ssh agents by id: the paths of their sockets."""

    def __init__(self, agents: Mapping[str, str]) -> None:
        for name, path in agents.items():
            if not is_socket(path):
                raise WorkbenchError(
                    f"the ssh agent {name} is not there",
                    where=path,
                    hint="start one (ssh-agent) and add the key to it (ssh-add)",
                )
        self._agents = dict(agents)

    def methods(self) -> list[Method]:
        """Return the methods that the daemon may call."""
        check = grpc.unary_unary_rpc_method_handler(
            self._check,
            request_deserializer=session.CheckAgentRequest.FromString,
            response_serializer=session.CheckAgentResponse.SerializeToString,
        )
        forward = grpc.stream_stream_rpc_method_handler(
            self._forward,
            request_deserializer=control.BytesMessage.FromString,
            response_serializer=control.BytesMessage.SerializeToString,
        )
        return [Method(CHECK_AGENT, check), Method(FORWARD_AGENT, forward)]

    def _check(self, request: session.CheckAgentRequest, context: grpc.ServicerContext) -> session.CheckAgentResponse:
        name = request.ID or _DEFAULT
        if name not in self._agents:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no ssh agent {name}: give one with --ssh")
        return session.CheckAgentResponse()

    def _forward(
        self, messages: Iterator[control.BytesMessage], context: grpc.ServicerContext
    ) -> Iterator[control.BytesMessage]:
        named = next((str(value) for key, value in context.invocation_metadata() if key == _NAME), "")
        name = named or _DEFAULT
        path = self._agents.get(name)
        if path is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no ssh agent {name}")
            raise AssertionError("abort raises")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
            try:
                agent.connect(path)
            except OSError as error:
                context.abort(grpc.StatusCode.UNAVAILABLE, f"the ssh agent {name}: {error.strerror}")
            reader = threading.Thread(target=_to_agent, args=(messages, agent), name="buildkit-agent", daemon=True)
            reader.start()
            while data := agent.recv(_CHUNK):
                yield control.BytesMessage(data=data)


def _to_agent(messages: Iterator[control.BytesMessage], agent: socket.socket) -> None:
    """Pass on what the step's program writes, to the end of the call; the agent's answers then end too."""
    try:
        for message in messages:
            agent.sendall(message.data)
    except (grpc.RpcError, OSError):
        pass
    try:
        agent.shutdown(socket.SHUT_WR)
    except OSError:
        pass
