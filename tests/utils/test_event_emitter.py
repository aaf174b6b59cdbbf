"""Handlers are isolated from each other and from the emitter."""

import asyncio

from realtime.utils.event_emitter import EventEmitter, EventSource


def test_handlers_run_in_order_and_their_results_come_back():
    events = EventEmitter()
    events.on("greet", lambda name: f"first {name}")
    events.on("greet", lambda name: f"second {name}")
    assert events.dispatch("greet", "ana") == ["first ana", "second ana"]


def test_a_failing_handler_is_logged_and_the_next_one_runs(caplog):
    events = EventEmitter()
    events.on("x", lambda: 1 / 0)
    events.on("x", lambda: "survived")
    assert events.dispatch("x") == ["survived"]
    assert "ZeroDivisionError" in caplog.text


def test_once_runs_once_and_off_removes():
    events = EventEmitter()
    seen = []
    events.once("x", seen.append)
    kept = events.on("x", lambda value: seen.append(-value))
    events.dispatch("x", 1)
    events.dispatch("x", 2)
    events.off("x", kept)
    events.off("x", kept)
    events.dispatch("x", 3)
    assert seen == [1, -1, -2]
    assert not events.handles("x")


def test_off_without_a_handler_removes_all():
    events = EventEmitter()
    events.on("x", print)
    events.off("x")
    assert events.dispatch("x") == []


def test_an_error_event_without_handlers_is_no_exception():
    assert EventEmitter().dispatch("error", ValueError("nobody listens")) == []


async def test_async_handlers_become_tasks_and_their_failure_is_logged(caplog):
    events = EventEmitter()

    async def double(value):
        return 2 * value

    async def fail(value):
        raise ValueError(value)

    events.on("x", double)
    events.on("x", fail)
    tasks = events.dispatch("x", 21)
    done, _ = await asyncio.wait(tasks)
    assert tasks[0].result() == 42
    assert "ValueError: 21" in caplog.text


def test_a_handler_may_remove_itself_while_running():
    events = EventEmitter()
    seen = []

    def handler(value):
        seen.append(value)
        events.off("x", handler)

    events.on("x", handler)
    events.dispatch("x", 1)
    events.dispatch("x", 2)
    assert seen == [1]


def test_handlers_that_come_and_go_between_two_events_count_at_the_next():
    events, seen = EventEmitter(), []
    handlers = [events.on("e", lambda n=n: seen.append(n)) for n in range(2)]
    events.once("e", lambda: seen.append("once"))
    events.dispatch("e")
    events.off("e", handlers[0])
    events.on("e", lambda: seen.append("new"))
    events.dispatch("e")
    events.off("e")
    events.dispatch("e")
    assert seen == [0, 1, "once", 1, "new"]


def test_events_that_nobody_hears_leave_nothing():
    events = EventEmitter()
    for n in range(100):
        events.dispatch(f"event {n}")
    assert not events._handlers._present


def test_a_source_is_listened_to_and_tells_by_itself():
    class Clock(EventSource):
        def strike(self):
            self._events.dispatch("strike", 12)

    clock, heard = Clock(), []
    handler = clock.on("strike", heard.append)
    clock.once("strike", lambda hours: heard.append("once"))
    clock.strike()
    clock.off("strike", handler)
    clock.strike()
    assert heard == [12, "once"]
