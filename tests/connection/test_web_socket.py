"""The WebSocket: when it can be written to, and what it notices."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from realtime.connection.web_socket import USER_AGENT, Route, open_web_socket
from tests.connection.peer import Peer


class Notes:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def tcp_open(self) -> None:
        self.seen.append("tcp open")

    def data_arrived(self) -> None:
        self.seen.append("data")

    def room_again(self) -> None:
        self.seen.append("room")


def route(peer: Peer, scheme: str = "ws", **options: object) -> Route:
    url = f"{scheme}://127.0.0.1:{peer.port}/socket.io/?EIO=4&transport=websocket"
    return Route(url=url, address=peer.url, **options)  # type: ignore[arg-type]


async def test_it_notices_the_tcp_connection_and_every_chunk_of_data() -> None:
    notes = Notes()
    async with Peer() as peer:
        web_socket = await open_web_socket(route(peer), notes)
        assert web_socket.has_room
        assert str(await web_socket.recv()).startswith("0{")
        await web_socket.close()
    assert notes.seen[:2] == ["tcp open", "data"]
    assert set(notes.seen) == {"tcp open", "data"}


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
            async with asyncio.timeout(5):
                await open_web_socket(route(peer, "wss", ssl=ssl.create_default_context()), Notes())
