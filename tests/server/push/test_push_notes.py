"""Notes of pushes: keys that keep their order, times that outlive a process."""

from realtime.server.engine.base import Note
from realtime.server.push.gateway import Push, PushToken
from realtime.server.push.push_notes import Clock, made, names, value


def test_numbers_are_keys_in_their_order_and_several_texts_are_told_apart():
    assert sorted(made("k", n, 1).key for n in (10, 9, 100)) == [made("k", n, 1).key for n in (9, 10, 100)]
    ambiguous = [("a", "b c"), ("a b", "c"), ('a"', "b"), ("a", '"b')]
    assert [names(made("k", each, 1)) for each in ambiguous] == ambiguous
    assert made("k", "plain", None) == Note("k", "plain", None)


def test_values_come_back_as_they_were():
    push = Push(id="m1", title="ben", body="ü", data={"url": "room/lobby", "count": 2}, ttl_s=60.0, is_urgent=True)
    assert value(made("k", "a", push), Push) == push
    token = PushToken("ana", "phone", "local", "t1")
    assert value(made("k", "a", token), PushToken) == token


def test_a_time_is_the_same_moment_for_the_next_process():
    before, after = Clock(5000.0, 1_700_000_000_000), Clock(12.0, 1_700_000_030_000)  # 30 s later
    assert after.time(before.ms(5100.0)) == 12.0 + 70.0
    assert after.time(before.ms(5000.0)) == 12.0 - 30.0
