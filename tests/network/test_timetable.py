"""Many machines, one timer: each event at its own time, whenever the loop gets round to it."""

import pytest

from realtime.network.link import MS, NEVER_NS, NS
from realtime.network.timetable import Timetable


class Loop:
    """Time that the test sets, and the timers that are set."""

    def __init__(self):
        self.now_s = 100.0
        self.timers = []

    def time(self):
        return self.now_s

    def call_at(self, when, callback):
        timer = Timer(when, callback)
        self.timers.append(timer)
        return timer

    @property
    def pending(self):
        return [timer for timer in self.timers if not timer.is_cancelled]

    def fire(self):
        """Let the next timer come, in time."""
        [timer] = self.pending
        self.timers.clear()
        self.now_s = max(self.now_s, timer.when)
        timer.callback()


class Timer:
    def __init__(self, when, callback):
        self.when, self.callback, self.is_cancelled = when, callback, False

    def cancel(self):
        self.is_cancelled = True


class Machine:
    """Wants to be called at these times, in ms; notes when it was, and by what time the loop had it."""

    def __init__(self, timetable, log, *at_ms):
        self.timetable, self.log, self.at_ns = timetable, log, [round(ms * MS) for ms in at_ms]
        self.scheduled_ns = NEVER_NS

    @property
    def next_ns(self):
        return self.at_ns[0] if self.at_ns else NEVER_NS

    def run(self, now_ns):
        assert self.timetable.now_ns() == now_ns, "whoever asks meanwhile gets the time of the event"
        assert self.at_ns.pop(0) == now_ns
        self.log.append((now_ns / MS, self))


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def timetable(loop):
    table = Timetable()
    table.start(loop)
    return table


def test_its_time_begins_at_zero_and_stands_still_while_it_is_stopped(loop):
    table = Timetable()
    assert table.now_ns() == 0
    table.start(loop)
    assert table.now_ns() == 0
    loop.now_s += 1.5
    assert table.now_ns() == 1_500 * MS
    table.stop()
    loop.now_s += 7
    assert table.now_ns() == 1_500 * MS
    other = Loop()
    other.now_s = 5.0
    table.start(other)
    other.now_s += 1
    assert table.now_ns() == 2_500 * MS


def test_each_machine_is_called_at_its_time(loop, timetable):
    log = []
    one, two = Machine(timetable, log, 10, 30), Machine(timetable, log, 20)
    for machine in (one, two):
        timetable.touch(machine)
    for _ in range(3):
        loop.fire()
    assert log == [(10, one), (20, two), (30, one)]
    assert loop.pending == []


def test_a_late_loop_changes_neither_order_nor_times(loop, timetable):
    log = []
    one, two = Machine(timetable, log, 10, 11, 40), Machine(timetable, log, 10.5, 39)
    for machine in (one, two):
        timetable.touch(machine)
    loop.now_s += 1
    loop.fire()
    assert log == [(10, one), (10.5, two), (11, one), (39, two), (40, one)]
    assert timetable.now_ns() == NS


def test_whoever_asks_for_the_time_finds_everything_done_until_then(loop, timetable):
    log = []
    machine = Machine(timetable, log, 10, 30)
    timetable.touch(machine)
    loop.now_s += 0.02
    assert timetable.now_ns() == 20 * MS
    assert log == [(10, machine)]
    loop.fire()
    loop.fire()
    assert loop.now_s == pytest.approx(100.03)
    assert log == [(10, machine), (30, machine)]


def test_a_look_at_the_time_does_nothing(loop, timetable):
    log = []
    timetable.touch(Machine(timetable, log, 10))
    loop.now_s += 0.02
    assert timetable.peek_ns() == 20 * MS
    assert log == []
    timetable.stop()
    assert timetable.peek_ns() == 20 * MS


def test_wakes_are_whole_milliseconds_and_never_early(loop, timetable):
    """A loop cannot do better; what comes within one is done together."""
    log = []
    machine = Machine(timetable, log, 10.2, 10.7, 11.5)
    timetable.touch(machine)
    loop.fire()
    assert loop.now_s == pytest.approx(100.011)
    assert [at for at, _ in log] == [10.2, 10.7]


def test_a_machine_may_change_its_mind(loop, timetable):
    log = []
    machine = Machine(timetable, log, 30)
    timetable.touch(machine)
    machine.at_ns = [10 * MS]
    timetable.touch(machine)
    loop.fire()
    assert [at for at, _ in log] == [10]
    machine.at_ns = [50 * MS]
    timetable.touch(machine)
    machine.at_ns = [70 * MS]
    timetable.touch(machine)
    while loop.pending:
        loop.fire()
    assert [at for at, _ in log] == [10, 70], "a time that is not wanted any more is no time"


def test_what_is_over_is_not_called(loop, timetable):
    log = []
    machine = Machine(timetable, log, 10)
    timetable.touch(machine)
    machine.at_ns = []
    timetable.touch(machine)
    while loop.pending:
        loop.fire()
    assert log == []


def test_a_stopped_timetable_has_no_timer(loop, timetable):
    timetable.touch(Machine(timetable, [], 10))
    timetable.stop()
    timetable.stop()
    assert loop.pending == []


def test_a_machine_that_fails_does_not_stop_the_others(loop, timetable):
    log = []
    broken, sound = Machine(timetable, log, 10), Machine(timetable, log, 10, 20)

    def fail(now_ns):
        broken.at_ns.clear()
        raise ZeroDivisionError

    broken.run = fail
    timetable.touch(broken)
    timetable.touch(sound)
    with pytest.raises(ZeroDivisionError):
        loop.fire()
    while loop.pending:
        loop.fire()
    assert [at for at, _ in log] == [10, 20]
