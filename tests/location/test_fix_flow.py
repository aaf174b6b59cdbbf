"""What becomes of one's own fixes: few are told, none of those is lost, and the newest comes soon."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.connection.net_info import NetType
from realtime.location.battery import BatteryStatus
from realtime.location.fix import Fix
from realtime.location.fix_flow import BATCH, FixFlow
from realtime.location.resolution import Resolution


def fix(n, *, speed_mps=None):
    return Fix(latitude=0.0, longitude=n / 1000, accuracy_m=1.0, timestamp_ms=n, speed_mps=speed_mps)  # 111 m apart


def flow(**options):
    kept = {name: options.pop(name) for name in ("ack_timeout_s", "max_kept") if name in options}
    return FixFlow(Resolution(**{"interval_s": 1.0} | options), **kept)


def numbers(batch):
    return None if batch is None else [each.timestamp_ms for each in batch.fixes]


@pytest.mark.clause("RT-LOC-1")
def test_ten_fixes_in_a_second_give_two_updates_and_the_second_is_the_newest():
    own = flow()
    first = own.offer(fix(0), now=0.0)
    assert numbers(first) == [0]
    assert own.acked(first.number, now=0.05) is None
    assert [own.offer(fix(n), now=n / 10) for n in range(1, 10)] == [None] * 9
    assert own.next_timer() == 1.0
    assert own.handle_timer(now=0.99) is None
    last = own.handle_timer(now=1.0)
    assert numbers(last) == [9]
    assert own.acked(last.number, now=1.05) is None
    assert own.next_timer() is None


def test_after_a_pause_a_fix_is_told_at_once():
    own = flow()
    for n in (0, 1, 9):
        batch = own.offer(fix(n), now=float(n))
        assert numbers(batch) == [n]
        own.acked(batch.number, now=float(n))


@pytest.mark.clause("RT-LOC-1")
def test_while_an_update_is_on_its_way_fixes_are_kept_one_per_interval():
    """On a stalled connection updates would pile up."""
    own = flow()
    first = own.offer(fix(0), now=0.0)
    assert [own.offer(fix(n), now=n / 2) for n in range(1, 10)] == [None] * 9
    assert numbers(own.acked(first.number, now=4.9)) == [2, 4, 6, 8, 9], "and the newest, to be where one is"


def test_of_a_bunch_that_comes_late_one_per_interval_is_kept_by_the_times_of_measuring():
    """Its source was cut off for ten seconds: a browser's page on a phone, whose kernel could not be reached."""
    own = flow()
    first = own.offer(fix(0), now=0.0)
    own.acked(first.number, now=0.05)
    at_once = own.offer(fix(500), now=10.0)
    assert numbers(at_once) == [500]
    assert [own.offer(fix(n), now=10.0) for n in range(1000, 4001, 500)] == [None] * 7
    later = own.acked(at_once.number, now=11.0)
    assert numbers(later) == [1500, 2500, 3500, 4000]


def test_an_acknowledgement_that_never_comes_does_not_end_the_tracking():
    own = flow(ack_timeout_s=10.0)
    first = own.offer(fix(0), now=0.0)
    own.offer(fix(1), now=1.0)
    assert own.next_timer() == 10.0
    again = own.handle_timer(now=10.0)
    assert numbers(again) == [0, 1]
    assert own.acked(first.number, now=10.1) is None, "a late answer to the first: the second is still on its way"
    assert own.next_timer() == 20.0


def test_an_update_that_could_not_be_written_is_due_again():
    own = flow()
    first = own.offer(fix(0), now=0.0)
    own.returned(first.number)
    assert own.next_timer() == 1.0
    assert numbers(own.handle_timer(now=1.0)) == [0]


def test_what_the_server_will_never_take_is_forgotten():
    own = flow()
    first = own.offer(fix(0), now=0.0)
    own.given_up(first.number)
    assert own.next_timer() is None
    assert own.online(now=5.0) is None


@pytest.mark.clause("RT-LOC-1")
def test_offline_one_fix_per_interval_is_kept_and_all_are_told_at_the_return():
    own = flow()
    own.offline()
    assert [own.offer(fix(n), now=n / 2) for n in range(9)] == [None] * 9
    assert own.kept == (fix(0), fix(2), fix(4), fix(6), fix(8))
    assert numbers(own.online(now=10.0)) == [0, 2, 4, 6, 8]


def test_an_update_whose_connection_died_is_told_again_with_what_came_since():
    own = flow()
    own.offer(fix(0), now=0.0)
    own.offline()
    own.offer(fix(1), now=1.0)
    assert numbers(own.online(now=5.0)) == [0, 1]


@pytest.mark.clause("RT-LOC-5")
def test_after_a_long_tunnel_batches_follow_each_other_without_a_pause():
    own = flow()
    own.offline()
    for n in range(250):
        own.offer(fix(n), now=float(n))
    batches = [own.online(now=300.0)]
    while batches[-1] is not None:
        batches.append(own.acked(batches[-1].number, now=300.0 + len(batches) / 10))
    told = [numbers(batch) for batch in batches[:-1]]
    assert list(map(len, told)) == [BATCH, BATCH, 50]
    assert [n for batch in told for n in batch] == list(range(250))


@pytest.mark.clause("RT-LOC-6")
def test_what_is_kept_is_bounded_and_keeps_its_ends():
    own = flow(max_kept=40)
    own.offline()
    for n in range(1000):
        own.offer(fix(n), now=float(n))
        assert len(own.kept) <= 40
    assert own.kept[0] == fix(0)
    assert own.kept[-1] == fix(999)


def test_at_a_return_to_a_server_that_has_forgotten_the_newest_is_told_again():
    own = flow()
    first = own.offer(fix(0), now=0.0)
    own.acked(first.number, now=0.1)
    own.offline()
    assert numbers(own.online(now=9.0)) == [0]


def test_even_then_not_sooner_than_the_interval_allows():
    own = flow()
    own.offer(fix(0), now=0.0)
    own.offline()
    assert own.online(now=0.5) is None
    assert own.next_timer() == 1.0
    assert numbers(own.handle_timer(now=1.0)) == [0]


def test_at_the_first_connection_there_is_nothing_to_tell():
    own = flow()
    assert own.online(now=0.0) is None
    assert own.next_timer() is None


def test_in_a_pause_nothing_is_told_and_the_last_fix_before_it_is_kept():
    own = flow()
    first = own.offer(fix(0), now=0.0)
    own.acked(first.number, now=0.1)
    own.offer(fix(1), now=0.5)
    own.pause(now=0.6)
    assert own.next_timer() is None
    assert own.online(now=99.0) is None
    assert numbers(own.resume(now=100.0)) == [1]


def test_clear_forgets_the_fixes_and_keeps_the_interval():
    own = flow()
    first = own.offer(fix(0), now=0.0)
    own.acked(first.number, now=0.1)
    own.offer(fix(1), now=0.1)
    own.clear()
    assert own.next_timer() is None
    assert own.online(now=0.2) is None
    assert own.offer(fix(2), now=0.3) is None
    assert numbers(own.handle_timer(now=1.0)) == [2]


class TestResolution:
    @pytest.mark.clause("RT-LOC-3")
    def test_too_short_a_way_is_not_told_until_the_silence_gets_long(self):
        own = flow(displacement_m=150.0, still_interval_s=60.0)
        told = []
        for second in range(125):
            batch = own.offer(fix(0 if second < 120 else 2), now=float(second))  # 222 m away
            if batch is not None:
                told.append(second)
                own.acked(batch.number, now=float(second))
        assert told == [0, 60, 120]

    def test_the_way_counts_from_what_was_told(self):
        own = flow(displacement_m=250.0)
        told = []
        for n in range(10):
            if (batch := own.offer(fix(n), now=float(n))) is not None:
                told.append(n)
                own.acked(batch.number, now=float(n))
        assert told == [0, 3, 6, 9]

    @pytest.mark.clause("RT-LOC-3", "RT-LOC-4")
    def test_speed_network_and_battery_change_the_interval(self):
        own = flow(stretch_m=20.0, cellular_factor=2.0, low_battery_factor=3.0)

        def seconds_to_next(start, speed_mps):
            told = []
            for second in range(start, start + 200):
                if (batch := own.offer(fix(second, speed_mps=speed_mps), now=float(second))) is not None:
                    told.append(second)
                    own.acked(batch.number, now=float(second))
            return told[-1] - told[-2]

        assert seconds_to_next(0, 20.0) == 1
        assert seconds_to_next(1000, 2.0) == 10
        own.conditions(net=NetType.CELLULAR, battery=BatteryStatus(1.0, False))
        assert seconds_to_next(2000, 2.0) == 20
        own.conditions(net=NetType.CELLULAR, battery=BatteryStatus(0.1, False))
        assert seconds_to_next(3000, 2.0) == 60


@pytest.mark.parametrize("options", [{"ack_timeout_s": 0.5}, {"max_kept": 3}])
def test_nonsense_is_refused_by_name(options):
    [name] = options
    with pytest.raises(ValueError, match=name):
        flow(**options)


STEPS = ["fix", "fix", "fix", "ack", "ack", "offline", "online", "returned", "pause", "resume"]


@pytest.mark.clause("RT-LOC-5")
@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 30)), max_size=80))
def test_every_kept_fix_arrives_in_order_and_the_newest_is_among_them(steps):
    """Times are tenths of a second, so that rounding does not blur the distance."""
    own, now, n = FixFlow(Resolution(interval_s=10, still_interval_s=600), ack_timeout_s=100), 0, 0
    online, paused = True, False
    on_the_way, arrived, starts, kept = None, [], [], set()

    def note(at, batch):
        nonlocal on_the_way
        kept.update(own.kept)
        if batch is not None:
            assert online
            assert not paused
            assert 1 <= len(batch.fixes) <= BATCH
            on_the_way = batch
            starts.append(at)

    def arrive(at):
        nonlocal on_the_way
        if on_the_way is not None:
            batch, on_the_way = on_the_way, None
            arrived.extend(each for each in batch.fixes if each not in arrived)
            kept.update(batch.fixes)
            note(at, own.acked(batch.number, at))

    for step, pause in steps:
        now += pause
        while (timer := own.next_timer()) is not None and timer <= now:
            note(timer, own.handle_timer(timer))
        match step:
            case "fix" if not paused:
                n += 1
                note(now, own.offer(fix(n), now))
            case "ack" if online:
                arrive(now)
            case "returned" if on_the_way is not None and online:
                own.returned(on_the_way.number)
                on_the_way = None
            case "offline":
                own.offline()
                online, on_the_way = False, None
            case "online":
                online, on_the_way = True, None
                note(now, own.online(now))
            case "pause":
                own.pause(now)
                paused = True
            case "resume":
                paused = False
                note(now, own.resume(now))
    online, paused, on_the_way = True, False, None
    note(now, own.resume(now))
    on_the_way = None
    note(now, own.online(now))
    for _ in range(5):
        arrive(now)
        if (timer := own.next_timer()) is not None:
            now = max(now, timer)
            note(now, own.handle_timer(now))
    assert all(later - earlier >= 10 for earlier, later in pairwise(starts))
    times = [each.timestamp_ms for each in arrived]
    assert times == sorted(times)
    assert kept == set(arrived)
    assert not n or times[-1] == n
