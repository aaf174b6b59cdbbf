"""A Socket.IO client that is as cheap as Python allows: frames are encoded before the clock starts."""

import asyncio
import itertools
import json
import os

MASK = b"\x5a\xc3\x1f\x76"  # not zero, or the `ws` package would skip the unmasking that other servers do
_DELIVERY = b'42["chat:message"'


class BenchError(Exception):
    """A server did not do the work, so that its speed means nothing."""


def masked_frame(text: bytes) -> bytes:
    """The WebSocket frame (RFC 6455 §5.2) of a text from a client."""
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2)
    mask = int.from_bytes((MASK * (size // 4 + 1))[:size])
    return b"\x81" + length + MASK + (int.from_bytes(text) ^ mask).to_bytes(size)


def event_frame(event: str, payload: dict[str, object], ack_id: int) -> bytes:
    """The frame of an event that asks for an acknowledgement."""
    body = json.dumps([event, payload], separators=(",", ":"))
    return masked_frame(b"42%d%s" % (ack_id, body.encode()))


class Client(asyncio.Protocol):
    """One connection. ``on_delivery()`` and ``on_ack(payload)`` are called for what arrives; replace them at will."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.on_delivery = lambda: None
        self.on_ack = lambda payload: None
        self._rest = b""
        self._open = False
        self._expected: list[tuple[bytes, asyncio.Future[bytes]]] = []
        self._ack_ids = itertools.count(10_000_000)  # beyond those of pre-encoded frames

    @classmethod
    async def connect(cls, host: str, port: int, user: str) -> "Client":
        """Open a connection and its namespace, as ``user``."""
        loop = asyncio.get_running_loop()
        client = cls()
        opened = client._expect(b"0{")
        await loop.create_connection(lambda: client, host, port)
        key = "AAAAAAAAAAAAAAAAAAAAAA=="
        client.transport.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        await opened
        connected = client._expect(b"40")
        client.transport.write(masked_frame(b"40" + json.dumps({"userId": user}).encode()))
        await connected
        return client

    async def join(self, room: str) -> None:
        """Enter a room.

        Raises:
            BenchError: the server did not say ok.
        """
        ack_id = next(self._ack_ids)
        answered = self._expect(b"43%d[" % ack_id)
        self.transport.write(event_frame("room:join", {"roomId": room}, ack_id))
        if b'"ok":true' not in (answer := await answered):
            raise BenchError(f"joining was refused: {answer!r}")

    def close(self) -> None:
        """Leave in good order, so that the server keeps nothing for a return."""
        self.transport.write(masked_frame(b"41") + b"\x88\x80" + MASK)
        self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        if not self._open:
            head, separator, data = data.partition(b"\r\n\r\n")
            if not separator:
                self._rest = head
                return
            self._open = True
        start = 0
        while len(data) - start >= 2:
            size, at = data[start + 1], start + 2
            if size >= 126:
                wide = 2 if size == 126 else 8
                size, at = int.from_bytes(data[at : at + wide]), at + wide
            if len(data) < at + size:
                break
            start = at + size
            if data.startswith(_DELIVERY, at):
                self.on_delivery()
            else:
                self._control(data[at:start])
        self._rest = data[start:]

    def _control(self, payload: bytes) -> None:
        for number, (prefix, future) in enumerate(self._expected):
            if payload.startswith(prefix):
                del self._expected[number]
                future.set_result(payload)
                return
        if payload.startswith(b"43"):
            self.on_ack(payload)
        elif payload == b"2":
            self.transport.write(masked_frame(b"3"))

    def connection_lost(self, exc: Exception | None) -> None:
        for _, future in self._expected:
            if not future.done():
                future.set_exception(BenchError(f"the server closed the connection: {exc}"))

    def _expect(self, prefix: bytes) -> asyncio.Future[bytes]:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._expected.append((prefix, future))
        return future


def new_loop() -> asyncio.AbstractEventLoop:
    """The fastest loop there is, unless BENCH_LOOP=asyncio."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return asyncio.new_event_loop() if os.environ.get("BENCH_LOOP") == "asyncio" else uvloop.new_event_loop()
