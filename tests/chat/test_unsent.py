"""Own messages that the server has not acknowledged."""

from realtime.chat.message import MessageStatus
from realtime.chat.unsent import Unsent


def unsent_of(*ids):
    unsent = Unsent("lobby", "ana", 5.0)
    for number, message_id in enumerate(ids):
        unsent.send(message_id, "hello", timestamp_ms=7, now=float(number))
    return unsent


def test_they_stand_in_the_order_they_were_sent():
    unsent = unsent_of("m1", "m2")
    assert [message.message_id for message in unsent.messages] == ["m1", "m2"]
    assert {(message.status, message.offset, message.mine) for message in unsent.messages} == {
        (MessageStatus.PENDING, None, True)
    }


def test_after_five_seconds_each_is_late_once():
    unsent = unsent_of("m1", "m2")
    assert unsent.next_timer() == 5.0
    assert unsent.handle_timer(4.9) == []
    [late] = unsent.handle_timer(5.0)
    assert (late.message_id, late.status, late.error) == ("m1", MessageStatus.FAILED, None)
    assert unsent.get("m1") == late
    assert unsent.next_timer() == 6.0
    assert len(unsent.handle_timer(99.0)) == 1
    assert unsent.next_timer() is None


def test_a_refused_one_stays_with_the_reason_and_is_not_late():
    unsent = unsent_of("m1")
    refused = unsent.refused("m1", "no")
    assert (refused.status, refused.error) == (MessageStatus.FAILED, "no")
    assert unsent.messages == (refused,)
    assert unsent.next_timer() is None
    assert unsent.refused("m1", "again") is None
    assert unsent.refused("other", "no") is None


def test_one_that_the_server_could_not_store_says_so_and_still_waits():
    unsent = unsent_of("m1")
    unsent.held("m1", "storage_failed")
    unsent.held("other", "storage_failed")
    [message] = unsent.messages
    assert (message.status, message.error, message.held) == (MessageStatus.PENDING, None, "storage_failed")
    [late] = unsent.handle_timer(5.0)
    assert (late.status, late.held) == (MessageStatus.FAILED, "storage_failed")
    unsent.retry("m1", 10.0)
    assert unsent.get("m1").held is None


def test_one_that_is_sent_again_is_pending_as_if_it_were_new():
    unsent = unsent_of("m1", "m2")
    unsent.refused("m1", "no")
    unsent.retry("m1", 10.0)
    message = unsent.get("m1")
    assert (message.status, message.error) == (MessageStatus.PENDING, None)
    assert [message.message_id for message in unsent.messages] == ["m1", "m2"]
    assert [late.message_id for late in unsent.handle_timer(15.0)] == ["m2", "m1"]


def test_a_discarded_one_is_gone():
    unsent = unsent_of("m1")
    assert unsent.discard("m1")
    assert not unsent.discard("m1")
    assert (unsent.messages, unsent.get("m1"), unsent.next_timer()) == ((), None, None)
