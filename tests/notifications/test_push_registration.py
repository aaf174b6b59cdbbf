"""The token's way to the server: told until it is there, and again when it changed or the server may have forgotten."""

import itertools

import pytest

from realtime.notifications.push_registration import PushRegistration, Register, Unregister


def registration():
    return PushRegistration(retry_s=2.0)


def test_it_is_told_at_once_and_once():
    machine = registration()
    machine.connected(recovered=False, now=0)
    machine.token("t1", now=1)
    assert machine.next_timer() == 1
    assert machine.handle_timer(1) == [Register("t1")]
    assert (machine.next_timer(), machine.is_registered) == (None, False)
    machine.done(Register("t1"), 1.1)
    assert (machine.next_timer(), machine.is_registered) == (None, True)


def test_offline_it_waits_for_the_connection():
    machine = registration()
    machine.token("t1", now=0)
    assert machine.next_timer() is None
    machine.connected(recovered=False, now=5)
    assert machine.handle_timer(5) == [Register("t1")]


def test_without_an_answer_it_is_told_again_on_the_next_connection():
    machine = registration()
    machine.token("t1", now=0)
    machine.connected(recovered=False, now=0)
    machine.handle_timer(0)
    machine.disconnected()
    machine.connected(recovered=True, now=9)
    assert machine.handle_timer(9) == [Register("t1")]


@pytest.mark.parametrize(("recovered", "told"), [(True, []), (False, [Register("t1")])])
def test_a_server_that_may_have_forgotten_is_told_again(recovered, told):
    machine = registration()
    machine.token("t1", now=0)
    machine.connected(recovered=False, now=0)
    machine.handle_timer(0)
    machine.done(Register("t1"), 0)
    machine.disconnected()
    machine.connected(recovered=recovered, now=9)
    assert machine.handle_timer(9) == told


def test_what_failed_is_tried_again_ever_more_rarely_up_to_a_minute():
    machine = registration()
    machine.connected(recovered=False, now=0)
    machine.token("t1", now=0)
    now, tries = 0.0, []
    for _ in range(8):
        now = machine.next_timer()
        assert machine.handle_timer(now) == [Register("t1")]
        tries.append(now)
        machine.failed(Register("t1"), now)
    assert [b - a for a, b in itertools.pairwise(tries)] == [2, 4, 8, 16, 32, 60, 60]


def test_what_the_server_refuses_for_good_is_not_tried_again_until_the_token_changes():
    machine = registration()
    machine.connected(recovered=False, now=0)
    machine.token("t1", now=0)
    machine.handle_timer(0)
    machine.refused(Register("t1"))
    machine.disconnected()
    machine.connected(recovered=False, now=9)
    assert machine.next_timer() is None
    machine.token("t2", now=10)
    assert machine.handle_timer(10) == [Register("t2")]


def test_a_rotation_on_the_way_is_told_after_it_and_a_late_answer_means_the_old_one():
    machine = registration()
    machine.connected(recovered=False, now=0)
    machine.token("t1", now=0)
    machine.handle_timer(0)
    machine.token("t2", now=0.5)
    assert machine.handle_timer(0.5) == [Register("t2")]
    machine.done(Register("t1"), 0.6)
    assert not machine.is_registered
    machine.done(Register("t2"), 0.7)
    assert machine.is_registered
    machine.token("t2", now=1)
    assert machine.next_timer() is None


def test_logging_out_unregisters_until_it_is_done():
    machine = registration()
    machine.connected(recovered=False, now=0)
    machine.token("t1", now=0)
    machine.handle_timer(0)
    machine.done(Register("t1"), 0)
    machine.log_out(now=1)
    assert machine.handle_timer(1) == [Unregister("t1")]
    machine.disconnected()
    machine.connected(recovered=False, now=9)
    assert machine.handle_timer(9) == [Unregister("t1")]
    machine.done(Unregister("t1"), 9)
    machine.disconnected()
    machine.connected(recovered=False, now=20)
    assert machine.next_timer() is None


def test_logging_out_of_what_was_never_told_tells_nothing():
    machine = registration()
    machine.token("t1", now=0)
    machine.log_out(now=0)
    machine.connected(recovered=False, now=0)
    assert machine.next_timer() is None
