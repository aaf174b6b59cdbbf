"""A server and its disk: it fails for real, and what was refused is accepted later; nobody takes it away."""

import asyncio
import contextlib
import random

import pytest

from realtime.server.engine.base import EngineError
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.errors import ServerStartError
from realtime.server.realtime_server import RealtimeServer
from tests.faulty_disk import locked_by_another_process, small_disk
from tests.server.raw_client import raw_client

TEXT = "x" * 8000
MOST = 200  # times 8 kB: more than the disk has


@contextlib.asynccontextmanager
async def serving(path):
    engine = SqliteEngine(path, rng=random.Random(0), lock_timeout_s=0.05)
    async with (
        RealtimeServer(port=0, engine=engine, rng=random.Random(0)) as server,
        raw_client(server, "ana", room="lobby") as ana,
        raw_client(server, "ben", room="lobby") as ben,
    ):
        yield ana, ben


def message(message_id):
    return {"roomId": "lobby", "messageId": message_id, "text": TEXT}


async def check_history(client, acked):
    """Exactly what was acknowledged, where it was acknowledged, is in the log."""
    held = {}
    answer = await client.call("chat:history", {"roomId": "lobby", "after": 0, "limit": 200})
    while True:
        held |= {entry["messageId"]: entry["offset"] for entry in answer["messages"]}
        if not answer["more"]:
            break
        answer = await client.call("chat:history", {"roomId": "lobby", "after": max(held.values()), "limit": 200})
    assert held == acked
    assert sorted(held.values()) == list(range(1, len(held) + 1))


@pytest.mark.needs("mount")
async def test_a_full_disk(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        async with serving(disk.path / "rooms.db") as (ana, _):
            acked = {}
            disk.fill()
            for n in range(MOST):
                reply = await ana.call("chat:message", message(f"m{n}"))
                if not reply["ok"]:
                    break
                acked[f"m{n}"] = reply["offset"]
            assert reply["error"]["code"] == "storage_failed"
            assert "the disk is full; free some space" in reply["error"]["message"]
            await check_history(ana, acked)
            disk.free()
            await accepted(ana, f"m{n}", acked)
            await check_history(ana, acked)


async def test_a_database_that_another_process_has_locked(tmp_path):
    path = tmp_path / "rooms.db"
    async with serving(path) as (ana, ben):
        acked = {}
        with locked_by_another_process(path):
            for client, message_id, why in (
                (ana, "m1", "locked by another program"),
                (ben, "m2", "locked by another program"),
                (ana, "m3", "'m1' could not be stored"),  # order first
            ):
                reply = await client.call("chat:message", message(message_id))
                assert reply["error"]["code"] == "storage_failed"
                assert why in reply["error"]["message"]
        for client, message_id in ((ana, "m1"), (ben, "m2"), (ana, "m3")):
            await accepted(client, message_id, acked)
        await check_history(ben, acked)


async def test_a_server_that_finds_its_port_taken_leaves_the_database_to_the_one_that_has_it(tmp_path):
    path = tmp_path / "rooms.db"
    async with (
        RealtimeServer(port=0, engine=SqliteEngine(path)) as server,
        raw_client(server, "ana", room="lobby") as ana,
    ):
        for other in (path, tmp_path / "other.db"):
            with pytest.raises(ServerStartError, match="port"):
                await RealtimeServer(port=server.port, engine=SqliteEngine(other)).start()
        assert (await ana.call("chat:message", message("m1")))["ok"]
        assert not (tmp_path / "other.db").exists()


async def test_a_server_whose_database_cannot_be_opened_gives_its_port_back(tmp_path):
    path = tmp_path / "rooms.db"
    path.write_text("Dear diary")
    async with RealtimeServer(port=0) as another:
        port = another.port
    for _ in range(2):
        with pytest.raises(EngineError, match="no database"):
            await RealtimeServer(port=port, engine=SqliteEngine(path)).start()
    path.unlink()
    async with (
        RealtimeServer(port=port, engine=SqliteEngine(path)) as server,
        raw_client(server, "ana", room="lobby") as ana,
    ):
        assert (await ana.call("chat:message", message("m1")))["ok"]


async def accepted(client, message_id, acked):
    """Sent again; what was on its way behind a refusal may be refused once more, until the client can know of it."""
    async with asyncio.timeout(20):
        while not (reply := await client.call("chat:message", message(message_id)))["ok"]:
            assert reply["error"]["code"] == "storage_failed"
    acked[message_id] = reply["offset"]
