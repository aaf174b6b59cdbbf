"""What the server holds in the end, read from its engine page by page."""

import pytest

from realtime.lab.server_log import note_logs
from realtime.server.engine.base import Draft, EngineError
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.history import Acked, History, Logged


def append(engine, room, n):
    draft = Draft(
        room_id=room,
        user_id="ana",
        message_id=f"m{n}",
        event="chat:message",
        body=b'{"messageId":"m%d"}' % n,
        timestamp_ms=0,
        origin="",
    )
    engine.append(draft, lambda appended: None)


async def test_every_room_is_read_to_its_end():
    engine, history = MemoryEngine(), History(lambda: 7.0)
    for n in range(450):
        append(engine, "lobby", n)
    await note_logs(history, engine, ["lobby", "kitchen"])
    lobby, kitchen = history.records
    assert lobby == Logged(7.0, "lobby", tuple((n + 1, f"m{n}") for n in range(450)))
    assert kitchen == Logged(7.0, "kitchen", ())


async def test_a_log_that_was_trimmed_begins_later():
    engine, history = MemoryEngine(), History(lambda: 7.0)
    for n in range(5):
        append(engine, "lobby", n)
    engine.trim("lobby", 2)
    await note_logs(history, engine, ["lobby"])
    assert history.records[0].entries == ((4, "m3"), (5, "m4"))


async def test_what_messages_say_is_returned_and_other_entries_are_no_messages():
    engine, history = MemoryEngine(), History(lambda: 7.0)
    append(engine, "lobby", 1)
    body = b'{"messageId":"m1","emoji":"+","action":"add"}'
    reaction = Draft(
        room_id="lobby",
        user_id="ben",
        message_id="c1",
        event="chat:reaction",
        body=body,
        timestamp_ms=0,
        origin="",
        about="m1",
    )
    engine.append(reaction, lambda appended: None)
    logs = await note_logs(history, engine, ["lobby", "kitchen"])
    assert history.records[0].entries == ((1, "m1"),)
    assert list(logs) == ["lobby", "kitchen"]
    assert list(logs["lobby"]) == ["m1"]
    assert b'"messageId":"m1"' in logs["lobby"]["m1"]


async def test_an_engine_that_fails_is_not_a_log():
    class Broken(MemoryEngine):
        def read(self, room_id, done, **where):
            done(EngineError("the disk is gone"))

    with pytest.raises(EngineError, match="the disk is gone"):
        await note_logs(History(lambda: 0.0), Broken(), ["lobby"])


async def test_crossings_go_to_a_history_of_their_own_and_are_acknowledged():
    engine, history, crossings = MemoryEngine(), History(lambda: 7.0), History(lambda: 7.0)
    for n in range(3):
        append(engine, "lobby", n)
    body = b'{"userId":"ana","fenceId":"home","transition":"enter","fix":{"timestamp":5}}'
    draft = Draft(
        room_id="lobby",
        user_id="ana",
        message_id="geofence:1",
        event="geofence:event",
        body=body,
        timestamp_ms=0,
        origin="",
    )
    engine.append(draft, lambda appended: None)
    engine.trim("lobby", 2)
    await note_logs(history, engine, ["lobby"], crossings=crossings)
    assert history.records == [Logged(7.0, "lobby", ((3, "m2"),), 2)]
    name = "ana: enter home at 5 ms"
    assert crossings.records == [Acked(7.0, name, 4), Logged(7.0, "lobby", ((4, name),), 2)]
