"""Whatever ends a turn of the worker, all who waited for it get an answer, and the next turn is a new attempt."""

import random

import pytest

from realtime.server.engine import sqlite as engine_module
from realtime.server.engine.base import EngineError
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.engine.sqlite_batch import Batch
from realtime.server.engine.sqlite_store import SqliteStore
from tests.server.engine.rig import Rig, draft


@pytest.fixture
def rig(tmp_path):
    with Rig(SqliteEngine(tmp_path / "rooms.db", rng=random.Random(0))) as rig:
        yield rig


@pytest.fixture
def fail_once(monkeypatch):
    """Let the next call of a function raise, before it has done anything or when it is done."""

    def fail_once(owner, name, error, *, at_end=False):
        real, calls = getattr(owner, name), []

        def failing(*args, **options):
            calls.append(name)
            if len(calls) > 1:
                return real(*args, **options)
            if at_end:
                real(*args, **options)
            raise error

        monkeypatch.setattr(owner, name, failing)

    return fail_once


def everything(rig):
    """The answers to a message, a marker, a page and a search that are asked for at once."""
    return rig.ask(
        lambda done: rig.engine.append(draft("m1"), done),
        lambda done: rig.engine.mark("lobby", "ana", received=1, read=0, done=done),
        lambda done: rig.engine.read("lobby", done, after=None, before=None, limit=10),
        lambda done: rig.engine.find("lobby", "m1", done),
    )


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), MemoryError(), SystemExit(1), KeyboardInterrupt()], ids=lambda error: repr(error)
)
def test_what_escapes_in_the_worker_is_an_answer_to_all(rig, fail_once, error):
    fail_once(engine_module, "_do", error)
    assert all(isinstance(answer, EngineError) for answer in everything(rig))
    assert rig.append("m1").offset == 1
    assert rig.ids() == ["m1"]


def test_a_worker_that_takes_no_work_is_an_answer_to_all(rig, fail_once):
    fail_once(rig.engine, "_in_worker", RuntimeError("cannot schedule new futures after interpreter shutdown"))
    answers = everything(rig)
    assert all(isinstance(answer, EngineError) for answer in answers)
    assert "interpreter shutdown" in str(answers[0])
    assert rig.append("m1").offset == 1


def test_no_offset_is_lost_by_a_batch_that_was_interrupted_in_its_middle(rig, fail_once):
    rig.append("m1")
    fail_once(Batch, "apply", SystemExit(1), at_end=True)
    assert isinstance(rig.append("m2"), EngineError)
    assert rig.append("m2").offset == 2
    assert [record.offset for record in rig.delivered] == [1, 2]


def test_what_is_stored_is_delivered_though_what_follows_in_the_same_turn_fails(rig, fail_once):
    fail_once(SqliteStore, "find", SystemExit(1))
    appended, marker, page, found = everything(rig)
    assert (appended.offset, marker.received, len(page.records)) == (1, 1, 1)
    assert isinstance(found, EngineError)
    assert [record.offset for record in rig.delivered] == [1]


def test_an_engine_whose_worker_failed_stops(rig, fail_once):
    fail_once(engine_module, "_do", RuntimeError("a bug"))
    rig.append("m1")
    rig.run(rig.engine.stop())
    rig.run(rig.engine.start(rig._deliver))
    assert rig.append("m1").offset == 1


def test_who_asks_for_many_pages_at_once_holds_nobody_up(rig):
    rig.append_numbered(1, 3)
    answered = []
    first_turn = engine_module.MOST_READS_AT_ONCE

    def read(done):
        def read_it(page):
            answered.append("page")
            if len(answered) == first_turn:
                rig.engine.append(draft("m4"), lambda _: answered.append("message"))
            done(page)

        rig.engine.read("lobby", read_it, after=None, before=None, limit=10)

    pages = rig.ask(*[read] * (5 * first_turn))
    assert [len(page.records) for page in pages[:first_turn]] == [3] * first_turn
    # the second turn is under way when the message comes; the third one stores it, and then reads
    assert answered.index("message") == 2 * first_turn
    assert len(pages[-1].records) == 4
