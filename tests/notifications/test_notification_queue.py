"""The queue: what is shown, when, and what becomes of it."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.notifications.notification import Notification, Priority
from realtime.notifications.notification_queue import NotificationQueue, Status
from realtime.notifications.quiet_hours import QuietHours

LOW, NORMAL, HIGH, URGENT = Priority
NOON_S = 12 * 3600.0  # by the wall clock, at now = 0, in UTC


class Bench:
    """A queue whose clocks the test holds."""

    def __init__(self, **options):
        self.queue = NotificationQueue(**{"per_window": 2, "window_s": 10.0} | options)
        self.now = 0.0
        self.log = []  # (time, what, id) of everything that happened

    def offer(self, id, priority=NORMAL, **fields):
        return self.queue.offer(
            Notification(id=id, title=id, priority=priority, **fields), self.now, NOON_S + self.now
        ) and self._words(self.queue.take())

    def till(self, now):
        """Let time pass, with a look at each deadline; returns what happened, with its time."""
        happened = []
        while (due := self.queue.next_timer()) is not None and due <= now:
            assert due >= self.now, "no deadline is missed"
            self.now = due
            self.queue.handle_timer(self.now, NOON_S + self.now)
            happened += [(due, *words) for words in self._words(self.queue.take())]
        self.now = now
        return happened

    def say(self, method, id):
        found = getattr(self.queue, method)(id, self.now, NOON_S + self.now)
        return self._words(self.queue.take()) if found else found

    def _words(self, events):
        words = [(event.what, event.notification.id) for event in events]
        self.log += [(self.now, *each) for each in words]
        return words


@pytest.mark.clause("RT-NOTE-1")
def test_so_many_are_shown_in_a_window_and_the_rest_wait_by_priority():
    bench = Bench()
    assert bench.offer("a") == [("shown", "a")]
    assert bench.offer("b") == [("shown", "b")]
    bench.now = 3
    assert [bench.offer(*each) for each in [("c", LOW), ("d",), ("e", HIGH), ("f",)]] == [[]] * 4
    # a and b were shown at 0: two more from 10 on, and the next two from 20 on
    shown = [(10, "shown", "e"), (10, "shown", "d"), (20, "shown", "f"), (20, "shown", "c")]
    assert bench.till(60) == shown
    assert bench.queue.next_timer() is None


@pytest.mark.clause("RT-NOTE-2")
def test_the_same_id_counts_once_also_when_it_is_long_gone():
    bench = Bench()
    bench.offer("a")
    assert bench.say("dismiss", "a") == [("dismissed", "a")]
    assert bench.offer("a") is False
    assert bench.queue.knows("a")


def test_what_happened_elsewhere_before_is_not_shown_here():
    bench = Bench()
    bench.queue.remember("a")
    assert bench.offer("a") is False


@pytest.mark.clause("RT-NOTE-2")
def test_a_newer_one_of_its_kind_takes_the_place_of_what_waits_or_shows():
    bench = Bench(per_window=1)
    assert bench.offer("a", collapse_key="lobby") == [("shown", "a")]
    assert bench.offer("b", collapse_key="lobby") == []
    assert bench.offer("c", collapse_key="lobby") == [("dismissed", "b")]
    assert bench.till(10) == [(10, "dismissed", "a"), (10, "shown", "c")]
    assert [(each.notification.id, each.status) for each in bench.queue.entries()] == [
        ("a", Status.REPLACED),
        ("b", Status.REPLACED),
        ("c", Status.SHOWN),
    ]


@pytest.mark.clause("RT-NOTE-3")
def test_what_nobody_looked_at_in_time_expires_waiting_or_shown():
    bench = Bench(per_window=1)
    bench.offer("a", ttl_s=4)
    bench.offer("b", ttl_s=3)
    bench.offer("c")
    assert bench.till(30) == [(3, "expired", "b"), (4, "expired", "a"), (10, "shown", "c")]


def test_a_life_of_its_own_counts_before_the_queues():
    bench = Bench(ttl_s=5.0)
    bench.offer("a")
    bench.offer("b", ttl_s=7)
    assert bench.till(30) == [(5, "expired", "a"), (7, "expired", "b")]


def test_read_and_dismiss_end_it_once():
    bench = Bench(per_window=1)
    bench.offer("a")
    bench.offer("b")
    assert bench.say("read", "a") == [("read", "a")]
    assert bench.say("read", "a") is False
    assert bench.say("dismiss", "b") == [("dismissed", "b")], "waiting or shown"
    assert bench.say("dismiss", "nobody") is False
    assert bench.till(60) == []


@pytest.mark.clause("RT-NOTE-4")
def test_in_quiet_hours_only_the_urgent_pass():
    """From 12:01 to 12:10, by the wall clock; now = 0 is noon."""
    bench = Bench(quiet=QuietHours("12:01", "12:10", zone=ZoneInfo("UTC")), per_window=5)
    assert bench.offer("before") == [("shown", "before")]
    bench.now = 60
    assert bench.offer("a", HIGH) == []
    assert bench.offer("b", URGENT) == [("shown", "b")]
    assert bench.offer("c", ttl_s=100) == []
    assert bench.till(1000) == [(160, "expired", "c"), (600, "shown", "a")]


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_a_clock_that_is_set_in_quiet_hours_is_seen_within_a_minute(jump_s):
    """Quiet from 12:01 to 12:10; a minute later it is 13:02 or 11:02."""
    bench = Bench(quiet=QuietHours("12:01", "12:10", zone=ZoneInfo("UTC")))
    bench.now = 60
    assert bench.offer("a") == []
    due = bench.queue.next_timer()
    assert due <= 120
    bench.queue.handle_timer(due, NOON_S + due + jump_s)
    assert bench._words(bench.queue.take()) == [("shown", "a")]


def test_what_nobody_ever_sees_to_is_not_kept_without_end(monkeypatch):
    monkeypatch.setattr("realtime.notifications.notification_queue.MOST_SHOWN", 3)
    bench = Bench(per_window=100)
    for n in range(5):
        bench.offer(f"n{n}")
    assert [entry.notification.id for entry in bench.queue.entries() if entry.is_open] == ["n2", "n3", "n4"]
    assert bench.queue.entries()[0].status is Status.CROWDED_OUT


def test_nothing_is_shown_to_nobody():
    bench = Bench()
    bench.queue.pause()
    assert bench.offer("a", URGENT) == []
    assert bench.offer("b", ttl_s=5) == []
    assert bench.till(50) == [(5, "expired", "b")]
    bench.queue.resume(bench.now, NOON_S + bench.now)
    assert bench._words(bench.queue.take()) == [("shown", "a")]


def test_too_many_crowd_out_the_least_important_and_oldest():
    bench = Bench(per_window=1, max_waiting=2)
    bench.offer("shown")
    bench.offer("low", LOW)
    bench.offer("a")
    assert bench.offer("b") == [("dismissed", "low")]
    assert bench.offer("c") == [("dismissed", "a")]
    assert bench.offer("d", LOW) == [("dismissed", "d")]


def test_what_is_over_is_kept_to_a_bound_and_what_is_on_the_screen_always():
    bench = Bench(per_window=100, max_kept=3)
    for n in range(10):
        bench.offer(f"n{n}")
    for n in range(1, 10):
        bench.say("read", f"n{n}")
    assert [each.notification.id for each in bench.queue.entries()] == ["n0", "n7", "n8", "n9"]


@pytest.mark.parametrize(
    "bad", [{"per_window": 0}, {"window_s": 0}, {"max_waiting": 0}, {"max_kept": -1}, {"ttl_s": -1}]
)
def test_a_mistake_is_named(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        NotificationQueue(**bad)


offers = st.tuples(
    st.just("offer"),
    st.integers(0, 12),
    st.sampled_from(list(Priority)),
    st.sampled_from([None, "k1", "k2"]),
    st.sampled_from([None, 3.0, 25.0]),
)
acts = st.tuples(st.sampled_from(["read", "dismiss"]), st.integers(0, 12))
passing = st.tuples(st.just("pass"), st.floats(0.0, 30.0))


@pytest.mark.clause("RT-NOTE-1")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(offers, acts, passing), max_size=40))
def test_whatever_happens_the_rate_holds_and_everything_ends_once(script):
    bench = Bench(per_window=3, window_s=10.0, max_waiting=4)
    for step in script:
        if step[0] == "offer":
            _, n, priority, key, ttl_s = step
            bench.offer(f"n{n}", priority, collapse_key=key, ttl_s=ttl_s)
        elif step[0] == "pass":
            bench.till(bench.now + step[1])
        else:
            bench.say(step[0], f"n{step[1]}")
    bench.till(bench.now + 1000)
    shown = [(at, id) for at, what, id in bench.log if what == "shown"]
    assert len({id for _, id in shown}) == len(shown), "each is shown once"
    for (first, _), (fourth, _) in zip(shown, shown[3:], strict=False):
        assert fourth >= first + 10.0, "at most three in any ten seconds"
    ends = [id for _, what, id in bench.log if what != "shown"]
    assert len(ends) == len(set(ends)), "each ends once"
    open_ids = [each.notification.id for each in bench.queue.entries() if each.status in (Status.SHOWN, Status.WAITING)]
    assert not any(each.status is Status.WAITING for each in bench.queue.entries())
    assert not set(open_ids) & set(ends)


def test_what_the_system_shows_waits_no_more_nor_what_it_stands_for_or_takes_the_place_of():
    queue = NotificationQueue()
    queue.pause()
    for name, fields in {"a": {}, "b": {"collapse_key": "lobby"}, "c": {}, "d": {"collapse_key": "kitchen"}}.items():
        queue.offer(Notification(id=name, title="ben", **fields), 0.0, 0.0)
    queue.shown_elsewhere(Notification(id="e", title="ben", collapse_key="lobby", data={"messageIds": ["a"]}), 1.0, 1.0)
    assert [entry.notification.id for entry in queue.entries() if entry.is_open] == ["c", "d"]
    assert {entry.notification.id for entry in queue.entries() if entry.status is Status.REPLACED} == {"a", "b"}
    assert queue.knows("e")
    assert not queue.offer(Notification(id="e", title="ben"), 2.0, 2.0)


def test_what_the_system_shows_takes_the_place_of_what_was_on_the_screen_of_the_app():
    queue = NotificationQueue()
    for name, fields in {"a": {}, "b": {"collapse_key": "lobby"}, "c": {}}.items():
        queue.offer(Notification(id=name, title="ben", **fields), 0.0, 0.0)
    queue.pause()
    queue.shown_elsewhere(Notification(id="e", title="ben", collapse_key="lobby", data={"messageIds": ["a"]}), 1.0, 1.0)
    assert [entry.notification.id for entry in queue.entries() if entry.is_open] == ["c"]
