"""One timer for everything that waits."""

import asyncio

import pytest

from realtime.server.deadlines import Deadlines


class Patient:
    """Something with a deadline: told when it is due, it names its next one."""

    def __init__(self, *deadlines):
        self.deadlines = list(deadlines)
        self.calls = []

    def due(self, now):
        while self.deadlines and self.deadlines[0] <= now:
            self.calls.append(self.deadlines.pop(0))
        return self.deadlines[0] if self.deadlines else None


class FakeLoop:
    """A clock that the test winds, and at most one armed timer."""

    def __init__(self):
        self.now = 0.0
        self.timers = []

    def time(self):
        return self.now

    def call_at(self, when, callback):
        handle = FakeHandle(when, callback)
        self.timers.append(handle)
        return handle

    def armed(self):
        return [timer.when for timer in self.timers if not timer.cancelled]

    def wind_to(self, now):
        while due := sorted((t for t in self.timers if not t.cancelled and t.when <= now), key=lambda t: t.when):
            self.now = due[0].when
            self.timers.remove(due[0])
            due[0].callback()
        self.now = now


class FakeHandle:
    def __init__(self, when, callback):
        self.when, self.callback, self.cancelled = when, callback, False

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def loop():
    return FakeLoop()


def test_each_is_told_at_its_time_with_one_timer_armed(loop):
    deadlines = Deadlines(loop)
    early, late = Patient(1.0, 5.0), Patient(3.0)
    deadlines.watch(late, 3.0)
    deadlines.watch(early, 1.0)
    assert loop.armed() == [1.0]
    loop.wind_to(2.0)
    assert (early.calls, late.calls) == ([1.0], [])
    loop.wind_to(10.0)
    assert (early.calls, late.calls) == ([1.0, 5.0], [3.0])
    assert loop.armed() == []


def test_a_deadline_that_moved_away_is_asked_about_and_kept(loop):
    deadlines = Deadlines(loop)
    patient = Patient(1.0)
    deadlines.watch(patient, 1.0)
    patient.deadlines = [4.0]
    loop.wind_to(2.0)
    assert patient.calls == []
    assert loop.armed() == [4.0]
    loop.wind_to(4.0)
    assert patient.calls == [4.0]


def test_a_deadline_that_came_nearer_is_kept_too_and_asked_once(loop):
    deadlines = Deadlines(loop)
    patient = Patient(1.0, 20.0)
    deadlines.watch(patient, 9.0)
    deadlines.watch(patient, 1.0)
    assert loop.armed() == [1.0]
    loop.wind_to(30.0)
    assert patient.calls == [1.0, 20.0]


def test_a_later_watch_changes_nothing(loop):
    deadlines = Deadlines(loop)
    patient = Patient(1.0)
    deadlines.watch(patient, 1.0)
    deadlines.watch(patient, 9.0)
    assert loop.armed() == [1.0]


def test_what_is_forgotten_is_not_told(loop):
    deadlines = Deadlines(loop)
    gone, stays = Patient(1.0), Patient(1.0)
    deadlines.watch(gone, 1.0)
    deadlines.watch(stays, 1.0)
    deadlines.forget(gone)
    deadlines.forget(gone)
    loop.wind_to(2.0)
    assert (gone.calls, stays.calls) == ([], [1.0])


def test_one_that_fails_does_not_keep_the_others_waiting(loop, caplog):
    class Broken:
        def due(self, now):
            raise RuntimeError("broken")

    deadlines = Deadlines(loop)
    patient = Patient(1.0)
    deadlines.watch(Broken(), 1.0)
    deadlines.watch(patient, 1.0)
    loop.wind_to(1.0)
    assert patient.calls == [1.0]
    assert "broken" in caplog.text


def test_one_that_is_always_due_does_not_stop_the_loop(loop):
    class Restless:
        calls = 0

        def due(self, now):
            self.calls += 1
            return now

    deadlines = Deadlines(loop)
    restless = Restless()
    deadlines.watch(restless, 1.0)
    loop.now = 1.0
    loop.timers.pop().callback()
    assert restless.calls == 1
    assert loop.armed() == [1.0]


def test_after_closing_nothing_is_armed(loop):
    deadlines = Deadlines(loop)
    deadlines.watch(Patient(1.0), 1.0)
    deadlines.close()
    deadlines.close()
    assert loop.armed() == []


def test_many_that_come_and_go_do_not_pile_up(loop):
    deadlines = Deadlines(loop)
    for _ in range(10_000):
        patient = Patient(25.0)
        deadlines.watch(patient, 25.0)
        deadlines.forget(patient)
    assert len(deadlines) == 0
    assert deadlines.entries < 200


async def test_it_runs_on_a_real_loop():
    told = asyncio.Event()

    class Once:
        def due(self, now):
            told.set()

    loop = asyncio.get_running_loop()
    Deadlines(loop).watch(Once(), loop.time())
    await asyncio.wait_for(told.wait(), 20)
