"""However often a state changes, its widget is told once per interval, and of the last change always."""

import logging
import threading

from tests.widgets.waiting import eventually
from widgets.batching import Batcher


def test_many_touches_are_one_flush():
    flushed = []
    batcher = Batcher(lambda: flushed.append(threading.current_thread().name), interval_s=1, name="ana")
    for _ in range(1000):
        batcher.touch()
    eventually(lambda: flushed)
    batcher.close()
    assert len(flushed) == 1
    assert flushed[0] != threading.current_thread().name, "the thread that changed the state is not kept waiting"


def test_a_touch_during_a_flush_is_flushed_too():
    inside, go_on, seen, state = threading.Event(), threading.Event(), [], [0]

    def flush():
        seen.append(state[0])
        inside.set()
        assert go_on.wait(30)

    batcher = Batcher(flush, interval_s=0.001)
    batcher.touch()
    assert inside.wait(30)
    state[0] = 1
    batcher.touch()
    go_on.set()
    eventually(lambda: seen == [0, 1])
    batcher.close()


def test_nothing_is_flushed_without_a_touch_or_after_closing():
    flushed = []
    batcher = Batcher(lambda: flushed.append(1), interval_s=0.001)
    batcher.close()
    batcher.close()
    batcher.touch()
    eventually(lambda: not batcher.running)
    assert flushed == []


def test_a_flush_that_fails_is_logged_and_the_next_one_runs(caplog):
    calls = []

    def flush():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("broken")

    with caplog.at_level(logging.ERROR, logger="realtime.widgets"):
        batcher = Batcher(flush, interval_s=0.001)
        batcher.touch()
        eventually(lambda: len(calls) == 1)
        batcher.touch()
        eventually(lambda: len(calls) == 2)
    batcher.close()
    assert "broken" in caplog.text
