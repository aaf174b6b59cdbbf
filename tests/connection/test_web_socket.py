"""The WebSocket: when it can be written to, and what it notices."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from realtime.connection.web_socket import USER_AGENT, Route, open_web_socket
from tests.connection.peer import Peer


class Notes:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.messages: list[tuple[bytes, bool]] = []

    def tcp_open(self) -> None:
        self.seen.append("tcp open")

    def data_arrived(self) -> None:
        self.seen.append("data")

    def room_again(self) -> None:
        self.seen.append("room")

    def message_arrived(self, data: bytes, *, is_text: bool) -> None:
        self.messages.append((data, is_text))


def route(peer: Peer, scheme: str = "ws", **options: object) -> Route:
    url = f"{scheme}://127.0.0.1:{peer.port}/socket.io/?EIO=4&transport=websocket"
    return Route(url=url, address=peer.url, **options)  # type: ignore[arg-type]


async def test_it_notices_the_tcp_connection_and_every_chunk_of_data() -> None:
    notes = Notes()
    async with Peer() as peer:
        web_socket = await open_web_socket(route(peer), notes)
        assert web_socket.has_room
        web_socket.start_reading()
        await web_socket.close()
    assert notes.seen[:2] == ["tcp open", "data"]
    assert set(notes.seen) == {"tcp open", "data"}


class Frames(asyncio.Protocol):
    """A server that answers any request with an upgrade and ready-made bytes, in one segment or cut into many."""

    def __init__(self, *segments: bytes, cut: int | None = None) -> None:
        self.segments = segments
        self.cut = cut

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if b"GET " not in data:
            return
        key = next(line for line in data.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accept = accept_key(key.split(b": ")[1].decode())
        lines = "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"
        head = "\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""])
        data = head.encode() + b"".join(self.segments)
        if self.cut is None:
            self.transport.write(data)  # type: ignore[attr-defined]
        else:
            self.sending = asyncio.ensure_future(self.send(data, self.cut))

    async def send(self, data: bytes, size: int) -> None:
        """Single bytes at first, where the handshake ends and frames begin; the rest in bulk."""
        for at in range(0, 400, size):
            self.transport.write(data[at : min(at + size, 400)])  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        self.transport.write(data[400:])  # type: ignore[attr-defined]


async def messages_of(*segments: bytes, cut: int | None = None, **options: int) -> tuple[list[tuple[bytes, bool]], int]:
    """What the owner is told, and the code with which the client said goodbye."""
    notes = Notes()
    server = await asyncio.get_running_loop().create_server(lambda: Frames(*segments, cut=cut), "127.0.0.1", 0)
    async with server, asyncio.timeout(20):
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        web_socket = await open_web_socket(Route(url=url, address=url, close_timeout_s=0.1, **options), notes)
        assert notes.messages == []
        web_socket.start_reading()
        with pytest.raises(ConnectionClosed):
            await web_socket.closed()
        assert web_socket.protocol.close_sent is not None
        return notes.messages, web_socket.protocol.close_sent.code


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    return bytes([opcode | (0x80 if fin else 0), len(payload)]) + payload


def text_frame(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


CLOSE = frame(8, b"\x03\xe8")


async def test_messages_that_came_with_the_upgrade_wait_until_they_are_wanted() -> None:
    assert await messages_of(frame(1, b"0{}"), frame(2, b"\x00"), CLOSE) == ([(b"0{}", True), (b"\x00", False)], 1000)


async def test_fragments_make_one_message_and_a_ping_may_come_between() -> None:
    parts = frame(1, b"42", fin=False), frame(9, b""), frame(0, b'["a', fin=False), frame(0, b'"]')
    assert await messages_of(*parts, CLOSE) == ([(b'42["a"]', True)], 1000)


async def test_a_text_that_is_none_ends_the_connection_by_name() -> None:
    assert await messages_of(frame(1, "é".encode()), frame(1, b"\xff")) == ([("é".encode(), True)], 1007)


async def test_fragments_may_end_amid_a_character() -> None:
    assert await messages_of(frame(1, b"\xc3", fin=False), frame(0, b"\xa9"), CLOSE) == ([("é".encode(), True)], 1000)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 150, 160, 1000])
async def test_the_stream_may_be_cut_anywhere(size: int) -> None:
    """Also amid the answer to the upgrade, and in its last line; a ping and fragments are among the frames."""
    texts = [b"0{}", b"x" * 300, "é".encode(), b"y" * 70_000, b""]
    frames = [text_frame(text) for text in texts]
    parts = [frames[0], frame(9, b"ping"), *frames[1:3], frame(1, b"a", fin=False), frame(0, b"b"), *frames[3:], CLOSE]
    expected = [(text, True) for text in [*texts[:3], b"ab", *texts[3:]]]
    assert await messages_of(*parts, cut=size) == (expected, 1000)


async def test_nothing_is_read_after_the_servers_goodbye() -> None:
    assert await messages_of(frame(1, b"a"), CLOSE, frame(1, b"b")) == ([(b"a", True)], 1000)


async def test_a_frame_that_breaks_the_rules_ends_the_connection() -> None:
    masked = bytes([0x81, 0x81, 0, 0, 0, 0]) + b"a"
    assert await messages_of(frame(1, b"a"), masked, frame(1, b"b")) == ([(b"a", True)], 1002)


async def test_a_message_that_is_too_large_ends_the_connection_at_its_header() -> None:
    large = text_frame(b"x" * 70_000)[:20]
    assert await messages_of(frame(1, b"a"), large, max_size=60_000) == ([(b"a", True)], 1009)


async def test_an_answer_that_is_no_upgrade_is_told_with_its_body() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\ngone")
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(InvalidStatus) as caught:
            await open_web_socket(Route(url=url, address=url), Notes())
    assert caught.value.response.body == b"gone"


async def test_a_closed_socket_takes_nothing_and_does_not_complain() -> None:
    async with Peer() as peer:
        web_socket = await open_web_socket(route(peer), Notes())
        web_socket.transport.abort()
        assert not web_socket.has_room
        assert not web_socket.write(b"42[]", text=True)
        await web_socket.wait_closed()
        assert not web_socket.write(b"x", text=False)


async def test_headers_are_ours_and_the_callers() -> None:
    async with Peer() as peer:
        web_socket = await open_web_socket(route(peer, headers={"X-Device": "phone"}), Notes())
        await web_socket.close()
        assert peer.headers[0]["User-Agent"] == USER_AGENT
        assert peer.headers[0]["X-Device"] == "phone"
        assert "Sec-WebSocket-Extensions" not in peer.headers[0]


async def test_compression_is_offered_if_wanted() -> None:
    async with Peer() as peer:
        web_socket = await open_web_socket(route(peer, compression="deflate"), Notes())
        await web_socket.close()
        assert "permessage-deflate" in peer.headers[0]["Sec-WebSocket-Extensions"]


async def test_a_server_without_tls_is_no_tls_server() -> None:
    async with Peer() as peer:
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on the library and on luck
            async with asyncio.timeout(20):
                await open_web_socket(route(peer, "wss", ssl=ssl.create_default_context()), Notes())
