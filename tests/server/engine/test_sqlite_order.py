"""What could not be stored lets nothing pass that waited behind it."""

import asyncio
import random

import pytest

from realtime.server.engine import sqlite as engine_module
from realtime.server.engine.base import Appended, EngineError
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.engine.sqlite_store import SqliteStore
from tests.server.engine.rig import DEADLINE_S, Rig, draft

AT_ONCE = 8


@pytest.fixture
def fail_when(monkeypatch):
    """Let transactions fail for which a function, given their number, says so."""

    def fail_when(fails):
        real, count = SqliteStore.append, 0

        def append(store, entries):
            nonlocal count
            count += 1
            if fails(count):
                raise EngineError("nothing was stored: the disk is full")
            return real(store, entries)

        monkeypatch.setattr(SqliteStore, "append", append)

    monkeypatch.setattr(engine_module, "MOST_AT_ONCE", AT_ONCE)
    return fail_when


@pytest.fixture
def rig(tmp_path):
    with Rig(SqliteEngine(tmp_path / "rooms.db", rng=random.Random(0))) as rig:
        yield rig


@pytest.mark.parametrize("nth", [1, 2, 5])
def test_all_that_waited_behind_a_failure_fails_too_and_what_comes_later_is_a_new_attempt(rig, fail_when, nth):
    fail_when(lambda number: number == nth)
    answers = rig.append_numbered(1, 10 * AT_ONCE)
    stored = (nth - 1) * AT_ONCE
    assert [answer.offset for answer in answers[:stored]] == list(range(1, stored + 1))
    assert all(isinstance(answer, EngineError) for answer in answers[stored:])
    assert len(rig.delivered) == stored
    again = rig.append_numbered(stored + 1, 10 * AT_ONCE)
    assert [answer.offset for answer in again] == list(range(stored + 1, 10 * AT_ONCE + 1))


def test_what_came_while_the_disk_worked_fails_with_it(rig, fail_when):
    fail_when(lambda number: number == 1)
    told = []

    async def asking():
        answered = rig.loop.create_future()
        rig.engine.append(draft("m1"), told.append)
        while rig.engine._appends:  # until the worker has it
            await asyncio.sleep(0)
        rig.engine.append(draft("m2"), told.append)
        rig.engine.mark("lobby", "ana", received=1, read=0, done=answered.set_result)
        async with asyncio.timeout(DEADLINE_S):
            told.append(await answered)

    rig.run(asking())
    assert [str(answer) for answer in told] == ["nothing was stored: the disk is full"] * 3
    assert rig.read().last == 0


def test_reading_goes_on_after_a_failure(rig, fail_when):
    fail_when(lambda number: number == 2)
    rig.append("m1")
    failed, page = rig.ask(
        lambda done: rig.engine.append(draft("m2"), done),
        lambda done: rig.engine.read("lobby", done, after=None, before=None, limit=9),
    )
    assert isinstance(failed, EngineError)
    assert page.last == 1


@pytest.mark.parametrize("seed", range(5))
def test_who_sends_again_what_failed_in_the_order_of_the_answers_keeps_the_order(rig, fail_when, seed):
    rng = random.Random(seed)
    fail_when(lambda number: rng.random() < 0.4)
    messages = [(room, n) for n in range(60) for room in ("lobby", "hall")]

    async def talk():
        left, all_stored = len(messages), rig.loop.create_future()

        def send(room, n):
            rig.engine.append(draft(f"m{n}", room), lambda result: answered(room, n, result))

        def answered(room, n, result):
            nonlocal left
            if isinstance(result, Appended):
                left -= 1
                if not left:
                    all_stored.set_result(None)
            else:
                send(room, n)

        for room, n in messages:
            send(room, n)
            if rng.random() < 0.2:
                await asyncio.sleep(0)
        async with asyncio.timeout(DEADLINE_S):
            await all_stored

    rig.run(talk())
    for room in ("lobby", "hall"):
        assert rig.ids(room_id=room) == [f"m{n}" for n in range(60)]
