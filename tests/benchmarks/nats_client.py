"""A NATS client that is as cheap as Python allows, of the same kind as `tests.benchmarks.client`.

It publishes to JetStream: each message names an inbox to be acknowledged at, and an id to be known by.
The protocol is https://docs.nats.io/reference/reference-protocols/nats-protocol.
"""

import asyncio
import json
import uuid

from tests.benchmarks.client import BenchError

_VERBS = (b"+OK", b"PONG", b"INFO")


def publish_frame(subject: str, message_id: str, body: bytes, inbox: str) -> bytes:
    """A message with its id, ready for the wire."""
    header = f"NATS/1.0\r\nNats-Msg-Id: {message_id}\r\n\r\n".encode()
    sizes = f"{len(header)} {len(header) + len(body)}"
    return f"HPUB {subject} {inbox} {sizes}\r\n".encode() + header + body + b"\r\n"


class NatsClient(asyncio.Protocol):
    """One connection. ``on_ack(payload)`` is called for what arrives at its inboxes; replace it at will."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.on_ack = lambda payload: None
        self.inbox = f"_INBOX.{uuid.uuid4().hex}"
        self._rest = b""
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def connect(cls, host: str, port: int) -> "NatsClient":
        """Open a connection and listen to its inbox."""
        client = cls()
        await asyncio.get_running_loop().create_connection(lambda: client, host, port)
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "protocol": 1}
        options |= {"lang": "python", "version": "0"}
        client.transport.write(f"CONNECT {json.dumps(options)}\r\nSUB {client.inbox}.* 1\r\nPING\r\n".encode())
        await client._opened
        return client

    async def ask(self, subject: str, request: dict[str, object]) -> dict[str, object]:
        """A question to the server, such as ``$JS.API.STREAM.CREATE.NAME``.

        Raises:
            BenchError: it says no.
        """
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.on_ack = answered.set_result
        body = json.dumps(request).encode()
        self.transport.write(f"PUB {subject} {self.inbox}.ask {len(body)}\r\n".encode() + body + b"\r\n")
        answer = json.loads(await answered)
        if "error" in answer:
            raise BenchError(f"{subject}: {answer['error']}")
        return answer

    def close(self) -> None:
        """Leave."""
        self.on_ack = lambda payload: None
        self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.on_ack(b"the connection ended: %a" % exc)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        start = 0
        while (end := data.find(b"\r\n", start)) >= 0:
            if data.startswith(b"MSG ", start):
                body = end + 2
                stop = body + int(data[data.rindex(b" ", start, end) : end])
                if len(data) < stop + 2:
                    break
                self.on_ack(data[body:stop])
                start = stop + 2
                continue
            self._control(data[start:end])
            start = end + 2
        self._rest = data[start:]

    def _control(self, line: bytes) -> None:
        if line == b"PING":
            self.transport.write(b"PONG\r\n")
        elif line == b"PONG":
            if not self._opened.done():
                self._opened.set_result(None)
        elif not line.startswith(_VERBS):
            raise BenchError(f"the server said {line!r}")
