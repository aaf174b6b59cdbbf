"""What was logged before a start and not pushed: looked for in each room's log once, while the server runs already."""

import asyncio
import json

import pytest

from realtime.server.engine.base import Draft, EngineError, Note
from realtime.server.engine.memory import MemoryEngine
from realtime.server.push.push_service import PushService
from realtime.server.push.push_store import EngineStore
from realtime.server.push_catch_up import AT_ONCE, PAGE, PushCatchUp
from realtime.server.push_events import _news
from realtime.sim.world import simulate
from realtime.utils.ambient import wall_time_ms
from tests.server.fakes import LateEngine


def write(engine, n, *, room="lobby", event="chat:message", author="ben", **fields):
    body = {"roomId": room, "messageId": f"m{n}", "userId": author, "text": f"text {n}"} | fields
    engine.append(
        Draft(
            room_id=room,
            user_id=author,
            message_id=f"m{n}",
            event=event,
            body=json.dumps(body).encode(),
            timestamp_ms=wall_time_ms(),
            origin="",
        ),
        lambda result: None,
    )


class Bench:
    """A service that comes up over an engine in which Ana's phone wants to hear of rooms since the beginning."""

    def __init__(self, engine, rooms=("lobby",)):
        self.engine = engine
        notes = [Note("push.token", "ana 1", '["ana","phone","local",1]')]
        notes += [Note("push.room", json.dumps([room, "ana", "phone"]), "0") for room in rooms]
        engine.keep(notes, lambda error: None)
        self.service = PushService()
        self.got = []
        self.service.gateways["local"].attach("ana 1", lambda payload: self.got.append(payload["id"]))
        self.catch_up = PushCatchUp(engine, self.service, _news)

    async def start(self):
        self.catch_up.start(await self.service.start(EngineStore(self.engine)))


def play(script, **options):
    return simulate(script, max_virtual_s=1e4, **options).result


def test_what_was_written_to_all_rooms_is_pushed_the_newest_of_each():
    async def script(world):
        engine = MemoryEngine()
        rooms = [f"room {n}" for n in range(AT_ONCE + 3)]
        for number, room in enumerate(rooms):
            for n in range(3):
                write(engine, 10 * number + n, room=room)
        bench = Bench(engine, rooms)
        await bench.start()
        await asyncio.sleep(10)
        return sorted(bench.got), sorted(f"m{10 * number + 2}" for number in range(len(rooms)))

    got, expected = play(script)
    assert got == expected


def test_what_is_no_message_or_deleted_is_not_pushed():
    async def script(world):
        engine = MemoryEngine()
        write(engine, 1)
        write(engine, 2, deleted=True)
        write(engine, 3, event="geofence:event")
        for n in range(4, PAGE):
            write(engine, n, event="chat:reaction")
        bench = Bench(engine)
        await bench.start()
        await asyncio.sleep(10)
        return bench.got

    assert play(script) == ["m1"]


def test_what_is_logged_before_the_log_was_looked_into_is_found_there_and_afterwards_it_comes_by_itself():
    async def script(world):
        inner = MemoryEngine()
        write(inner, 1)
        bench = Bench(inner)
        bench.catch_up._engine = late = LateEngine(inner)
        await bench.start()
        await asyncio.sleep(0)
        before = bench.catch_up.is_behind("lobby"), bench.catch_up.is_behind("attic")
        await asyncio.sleep(10)
        assert bench.got == [], "nothing is sent while a room is not known"
        late.settle()
        await asyncio.sleep(10)
        return before, bench.catch_up.is_behind("lobby"), bench.got

    assert play(script) == ((True, False), False, ["m1"])


@pytest.mark.parametrize("failures", [3, 100])
def test_a_log_that_cannot_be_read_is_tried_again_and_keeps_the_others_back_only_so_long(failures, caplog):
    class Unreadable(MemoryEngine):
        left = failures

        def read(self, room_id, done, **span):
            if room_id == "attic" and self.left:
                self.left -= 1
                done(EngineError("the disk fails to read"))
            else:
                super().read(room_id, done, **span)

    async def script(world):
        engine = Unreadable()
        write(engine, 1)
        write(engine, 2, room="attic")
        bench = Bench(engine, ["lobby", "attic"])
        await bench.start()
        await asyncio.sleep(60)
        return sorted(bench.got)

    assert play(script) == (["m1", "m2"] if failures == 3 else ["m1"])
    assert ("'attic'" in caplog.text) == (failures == 100)


def test_it_can_be_ended_in_between():
    async def script(world):
        bench = Bench(MemoryEngine())
        bench.catch_up._engine = LateEngine(bench.engine)
        await bench.start()
        await asyncio.sleep(0)
        await bench.catch_up.stop()
        bench.catch_up._engine.settle()
        await bench.service.stop()
        await asyncio.sleep(60)
        return bench.got

    assert play(script) == []
