"""Of many fixes few are told: never more than one per interval, and always the newest."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.location.fix import Fix
from realtime.location.fix_throttle import FixThrottle


def fix(n):
    return Fix(latitude=0.0, longitude=n / 1000, accuracy_m=1.0, timestamp_ms=n)


@pytest.mark.clause("RT-LOC-1")
def test_ten_fixes_in_a_second_give_two_updates_and_the_second_is_the_newest():
    throttle = FixThrottle(interval_s=1.0)
    assert throttle.offer(fix(0), now=0.0) == fix(0)
    assert throttle.acked(now=0.05) is None
    assert [throttle.offer(fix(n), now=n / 10) for n in range(1, 10)] == [None] * 9
    assert throttle.next_timer() == 1.0
    assert throttle.handle_timer(now=0.99) is None
    assert throttle.handle_timer(now=1.0) == fix(9)
    assert throttle.acked(now=1.05) is None
    assert throttle.next_timer() is None


def test_after_a_pause_a_fix_is_told_at_once():
    throttle = FixThrottle(interval_s=1.0)
    for n in (0, 1, 9):
        assert throttle.offer(fix(n), now=float(n)) == fix(n)
        throttle.acked(now=float(n))


@pytest.mark.clause("RT-LOC-1")
def test_while_an_update_is_on_its_way_the_newest_fix_waits():
    """On a stalled connection updates would pile up, and arrive when they are old news."""
    throttle = FixThrottle(interval_s=1.0)
    throttle.offer(fix(0), now=0.0)
    assert [throttle.offer(fix(n), now=float(n)) for n in range(1, 6)] == [None] * 5
    assert throttle.acked(now=5.5) == fix(5)


def test_an_acknowledgement_that_never_comes_does_not_end_the_tracking():
    throttle = FixThrottle(interval_s=1.0, ack_timeout_s=10.0)
    throttle.offer(fix(0), now=0.0)
    throttle.offer(fix(1), now=1.0)
    assert throttle.next_timer() == 10.0
    assert throttle.handle_timer(now=10.0) == fix(1)


def test_an_update_that_could_not_be_written_is_due_again():
    throttle = FixThrottle(interval_s=1.0)
    throttle.offer(fix(0), now=0.0)
    throttle.dropped()
    assert throttle.next_timer() == 1.0
    assert throttle.handle_timer(now=1.0) == fix(0)


@pytest.mark.clause("RT-LOC-1")
def test_offline_only_the_newest_fix_is_kept_and_told_at_the_return():
    throttle = FixThrottle(interval_s=1.0)
    throttle.offline()
    assert [throttle.offer(fix(n), now=float(n)) for n in range(5)] == [None] * 5
    assert throttle.next_timer() is None
    assert throttle.online(now=10.0) == fix(4)
    assert throttle.next_timer() is None


def test_at_the_return_the_newest_fix_is_told_again_for_it_may_have_been_lost():
    throttle = FixThrottle(interval_s=1.0)
    throttle.offer(fix(0), now=0.0)
    throttle.offline()
    assert throttle.online(now=0.5) is None, "even then not sooner than the interval allows"
    assert throttle.next_timer() == 1.0
    assert throttle.handle_timer(now=1.0) == fix(0)


def test_at_the_first_connection_there_is_nothing_to_tell():
    throttle = FixThrottle(interval_s=1.0)
    assert throttle.online(now=0.0) is None
    assert throttle.next_timer() is None


def test_clear_forgets_the_fix_and_keeps_the_interval():
    throttle = FixThrottle(interval_s=1.0)
    throttle.offer(fix(0), now=0.0)
    throttle.acked(now=0.1)
    throttle.offer(fix(1), now=0.1)
    throttle.clear()
    assert throttle.next_timer() is None
    assert throttle.online(now=0.2) is None
    assert throttle.offer(fix(2), now=0.3) is None
    assert throttle.handle_timer(now=1.0) == fix(2)


@pytest.mark.parametrize("options", [{"interval_s": -1}, {"interval_s": float("nan")}, {"ack_timeout_s": 0.5}])
def test_nonsense_is_refused_by_name(options):
    [name] = options
    with pytest.raises(ValueError, match=name):
        FixThrottle(**{"interval_s": 1.0} | options)


STEPS = ["fix", "fix", "ack", "offline", "online", "dropped"]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 30)), max_size=60))
def test_updates_keep_their_distance_and_the_newest_fix_always_arrives(steps):
    """Times are tenths of a second, so that rounding does not blur the distance."""
    throttle, now, n, told, online = FixThrottle(interval_s=10, ack_timeout_s=100), 0, 0, [], True

    def note(at, update):
        if update is not None:
            assert online
            told.append((at, update.timestamp_ms))

    for step, pause in steps:
        now += pause
        while (timer := throttle.next_timer()) is not None and timer <= now:
            note(timer, throttle.handle_timer(timer))
        match step:
            case "fix":
                n += 1
                note(now, throttle.offer(fix(n), now))
            case "ack":
                note(now, throttle.acked(now))
            case "dropped":
                throttle.dropped()
            case "offline":
                throttle.offline()
                online = False
            case "online":
                online = True
                note(now, throttle.online(now))
    online = True
    note(now, throttle.online(now))
    if (timer := throttle.next_timer()) is not None:
        note(timer, throttle.handle_timer(timer))
    assert all(later - earlier >= 10 for (earlier, _), (later, _) in pairwise(told))
    assert [name for _, name in told] == sorted(name for _, name in told)
    assert not n or told[-1][1] == n
