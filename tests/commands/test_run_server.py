"""`realtime serve`: one ready line, a clean end, rooms that outlive it, clear refusals."""

import asyncio
import re
import signal
import socket
import sys

import pytest

from realtime import SocketManager
from realtime.commands.data_folder import data_folder
from realtime.connection.errors import ConnectError
from tests.processes import REALTIME, Child, serving

pytestmark = pytest.mark.untraced


async def test_one_ready_line_says_where():
    async with serving() as served:
        served.process.signal(signal.SIGTERM)
        assert await served.process.ended() == 0
        [line] = served.process.lines
        assert line.startswith(f"Serving {served.url} (store: memory, ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly_with_a_client_connected(number):
    async with serving() as served:
        host, port = served.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b" 101 " in await reader.readline()
        served.process.signal(number)
        assert await served.process.ended() == 0
        assert served.process.errors == []
        writer.close()


async def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with Child(REALTIME, "serve", "--port", str(port), "--store", "memory") as child:
            assert await child.ended() == 1
            [error] = child.errors
            assert error.startswith(f"realtime serve: 127.0.0.1:{port} is taken")
            assert "--port" in error


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_what_was_acknowledged_is_there_after_a_kill_and_a_repeated_message_is_known(tmp_path):
    store = f"sqlite:{tmp_path / 'rooms.db'}"
    message = {"roomId": "lobby", "messageId": "m1", "text": "still here"}
    replies = []
    for _ in range(2):
        async with serving("--store", store) as served, SocketManager(served.url, auth={"userId": "ana"}) as ana:
            assert f"(store: {store}, " in served.process.lines[0]
            joined = await ana.call("room:join", {"roomId": "lobby"})
            replies.append((joined["position"], [kept["text"] for kept in joined["messages"]]))
            sent = await ana.call("chat:message", message)
            assert (sent["ok"], sent["offset"]) == (True, 1)
            served.process.signal(signal.SIGKILL)
            await served.process.ended()
    [(before, nothing), (after, texts)] = replies
    assert (nothing, texts) == ([], ["still here"])
    assert (before.partition(":")[0] + ":1") == after


async def test_by_default_rooms_are_kept_in_the_users_data(tmp_path):
    folder = data_folder(sys.platform, {"XDG_DATA_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}, tmp_path)
    home = {name: str(tmp_path) for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME", "USERPROFILE")}
    async with Child(REALTIME, "serve", "--port", "0", env=home) as child:
        await child.matching(re.escape(f"(store: sqlite:{folder / 'rooms.db'}, "))
        assert (folder / "rooms.db").exists()
        same = f"sqlite:~/{(folder / 'rooms.db').relative_to(tmp_path)}"  # no shell expands this one
        async with Child(REALTIME, "serve", "--port", "0", "--store", same, env=home) as second:
            assert await second.ended() == 1
            [error] = second.errors
            assert "rooms.db: another program uses it" in error
            assert "--store memory" in error


async def test_a_file_that_is_no_database_of_ours_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "diary.txt"
    path.write_text("Dear diary")
    async with Child(REALTIME, "serve", "--port", "0", "--store", f"sqlite:{path}") as child:
        assert await child.ended() == 1
        [error] = child.errors
        assert error.startswith(f"realtime serve: {path}: the file is no database")
    assert path.read_text() == "Dear diary"


async def test_handshakes_per_second_can_be_limited():
    async with serving("--handshakes-per-s", "1") as served, SocketManager(served.url, auth={"userId": "ana"}):
        ben = SocketManager(served.url, auth={"userId": "ben"}, reconnection=False)
        with pytest.raises(ConnectError) as refused:
            await connect_often(ben)
        assert refused.value.retry_after_s >= 1


async def connect_often(socket):
    """Far more often than once a second, also where the machine is busy."""
    for _ in range(50):
        await socket.connect()
        await socket.disconnect()


@pytest.mark.parametrize(("limit", "refused"), [("1", 15), ("0", 0)])
async def test_events_per_second_can_be_limited(limit, refused):
    """All 20 are in one write, of which 5 are a burst; what is refused keeps the rest out until the client knows."""
    async with serving("--events-per-s", limit) as served, SocketManager(served.url, auth={"userId": "ana"}) as ana:
        leaving = [ana.call("room:leave", {"roomId": "attic"}) for _ in range(20)]
        replies = await asyncio.gather(*leaving)
        assert len([reply for reply in replies if not reply["ok"]]) == refused
        assert {reply["error"]["code"] for reply in replies if not reply["ok"]} <= {"rate_limited"}


@pytest.mark.parametrize("number", ["-1", "many", "1.5"])
async def test_a_limit_that_is_no_number_is_refused(number):
    async with Child(REALTIME, "serve", "--port", "0", "--handshakes-per-s", number) as child:
        assert await child.ended() == 2
        assert "--handshakes-per-s" in "\n".join(child.errors)


@pytest.mark.parametrize("store", ["memory", "sqlite"])
async def test_only_so_many_messages_of_a_room_are_kept(store, tmp_path):
    where = "memory" if store == "memory" else f"sqlite:{tmp_path / 'rooms.db'}"
    async with (
        serving("--store", where, "--keep-messages", "8") as served,
        SocketManager(served.url, auth={"userId": "ana"}) as ana,
    ):
        await ana.call("room:join", {"roomId": "lobby"})
        for n in range(11):
            await ana.call("chat:message", {"roomId": "lobby", "messageId": f"m{n}", "text": "x"})
        joined = await ana.call("room:join", {"roomId": "lobby"})
        assert joined["horizon"] == 11 - 8  # a quarter more than 8 are let be, and 11 are above that


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--keep-messages", "0"], "--keep-messages"),
        (["--keep-days", "0"], "--keep-days"),
        (["--keep-days", "soon"], "--keep-days"),
        (["--keep-days", "nan"], "--keep-days"),
        (["--keep-days", "1", "--store", "memory"], "--keep-days needs a file; use --store sqlite:PATH"),
    ],
)
async def test_what_cannot_be_kept_is_refused(options, words):
    async with Child(REALTIME, "serve", *options) as child:
        assert await child.ended() == 2
        assert words in child.errors[-1]


@pytest.mark.parametrize("store", ["sqlite:", "nats://127.0.0.1:4222", "redis"])
async def test_a_store_that_does_not_exist_is_refused(store):
    async with Child(REALTIME, "serve", "--port", "0", "--store", store) as child:
        assert await child.ended() == 2
        assert store in child.errors[0]
        assert "--store memory" in child.errors[0]


async def test_other_machines_are_not_served_by_accident():
    everywhere = ["--host", "0.0.0.0", "--port", "0", "--store", "memory"]
    async with Child(REALTIME, "serve", *everywhere) as child:
        assert await child.ended() == 2
        [error] = child.errors
        assert "--allow-unauthenticated" in error
    async with Child(REALTIME, "serve", *everywhere, "--allow-unauthenticated") as child:
        await child.matching("Serving")
