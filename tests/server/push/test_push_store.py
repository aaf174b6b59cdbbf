"""The store: in step with the log, and nobody waits for a disk that is full."""

import asyncio

import pytest

from realtime.server.engine.base import EngineError, Note
from realtime.server.engine.memory import MemoryEngine
from realtime.server.push.push_store import EngineStore, MemoryStore
from realtime.sim.world import simulate


class FullDisk(MemoryEngine):
    """Stores nothing while ``is_full``."""

    is_full = True
    tries = 0

    def keep(self, notes, done):
        self.tries += 1
        if self.is_full:
            done(EngineError("the disk is full"))
        else:
            super().keep(notes, done)


def play(script):
    async def main(world):
        engine = FullDisk()
        store = EngineStore(engine)
        result = await script(engine, store)
        store.close()
        return result

    return simulate(main).result


def test_notes_are_had_again_by_kind():
    async def script(engine, store):
        engine.is_full = False
        done = []
        store.keep([Note("push.token", "b", "1"), Note("push.job", "a", "2")], lambda: done.append(1))
        store.keep([Note("push.token", "a", "3")], lambda: done.append(2))
        return done, await EngineStore(engine).load()

    done, kept = play(script)
    assert done == [1, 2]
    assert kept["push.token"] == [Note("push.token", "a", "3"), Note("push.token", "b", "1")]
    assert kept["push.job"] == [Note("push.job", "a", "2")]
    assert kept["push.ticket"] == []


def test_what_a_full_disk_did_not_take_is_stored_later_the_newest_of_each_and_nobody_waits(caplog):
    async def script(engine, store):
        done = []
        store.keep([Note("push.token", "a", "1"), Note("push.job", "1", "x")], lambda: done.append(1))
        await asyncio.sleep(0.1)
        store.keep([Note("push.token", "a", "2"), Note("push.job", "1", None)], lambda: done.append(2))
        before = list(done)
        await asyncio.sleep(5)
        engine.is_full = False
        await asyncio.sleep(2)
        tries = engine.tries
        await asyncio.sleep(10)
        return before, tries == engine.tries, await store.load()

    before, is_quiet, kept = play(script)
    assert (before, is_quiet) == ([1, 2], True)
    assert kept["push.token"] == [Note("push.token", "a", "2")]
    assert kept["push.job"] == []
    assert "disk is full" in caplog.text


def test_a_store_that_was_closed_does_not_try_again():
    async def script(engine, store):
        store.keep([Note("push.token", "a", "1")], lambda: None)
        store.close()
        engine.is_full = False
        await asyncio.sleep(5)
        return await store.load()

    assert play(script)["push.token"] == []


async def test_a_store_that_cannot_be_read_says_so():
    class Unreadable(MemoryEngine):
        def kept(self, kind, done):
            done(EngineError("the disk fails to read"))

    with pytest.raises(EngineError, match="fails to read"):
        await EngineStore(Unreadable()).load()


async def test_without_an_engine_nothing_is_kept():
    store, done = MemoryStore(), []
    store.keep([Note("push.token", "a", "1")], lambda: done.append(1))
    assert done == [1]
    assert not any((await store.load()).values())


def test_what_failed_before_something_newer_was_stored_does_not_come_back():
    class Slow(MemoryEngine):
        waiting = ()

        def keep(self, notes, done):
            self.waiting = (*self.waiting, (notes, done))

        def answer(self, error=None):
            (notes, done), *self.waiting = self.waiting
            if error is None:
                super().keep(notes, done)
            else:
                done(error)

    async def main(world):
        engine = Slow()
        store = EngineStore(engine)
        store.keep([Note("push.job", "1", "sent"), Note("push.job", "2", "x")], lambda: None)
        store.keep([Note("push.job", "1", None)], lambda: None)
        engine.answer(EngineError("the disk is full"))
        engine.answer()
        await asyncio.sleep(5)
        store.keep([Note("push.job", "2", None)], lambda: None)  # while the retry is with the engine
        engine.answer(EngineError("the disk is full"))
        await asyncio.sleep(5)
        while engine.waiting:
            engine.answer()
        kept = await EngineStore(engine).load()
        store.close()
        return kept["push.job"]

    assert simulate(main).result == []
