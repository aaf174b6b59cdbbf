"""Typing: told sparingly, and gone by itself on both sides."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.chat.typing_indicator import TypingChanged, TypingIndicator, TypingToSend

SEND_START, SEND_STOP = TypingToSend(True), TypingToSend(False)


@pytest.mark.clause("RT-CHAT-7")
def test_the_first_key_is_told_at_once_and_the_next_ones_are_throttled():
    typing = TypingIndicator(clear_s=3.0)
    assert typing.set_typing(True, now=0.0) == [SEND_START]
    assert [typing.set_typing(True, now=n / 10) for n in range(1, 20)] == [[]] * 19
    assert typing.set_typing(True, now=2.0) == [SEND_START], "told anew before the receivers' 3 s are over"


@pytest.mark.clause("RT-CHAT-4", "RT-CHAT-7")
def test_a_key_that_was_not_told_is_told_when_two_seconds_are_over_so_that_nobody_sees_a_break():
    """Keys at 0, 1.9 and 4.5 s are less than 3 s apart: one spell of typing, also at the receiver."""
    typing, receiver, shown = TypingIndicator(clear_s=3.0), TypingIndicator(clear_s=3.0), []
    keys = [0.0, 1.9, 4.5]
    for now in sorted({*keys, *(tenth / 10 for tenth in range(100))}):
        told = typing.set_typing(True, now) if now in keys else []
        told += typing.handle_timer(now)
        heard = [change for event in told for change in receiver.heard("ana", event.is_typing, now)]
        shown += [(now, change.is_typing) for change in heard + receiver.handle_timer(now)]
    assert shown == [(0.0, True), (7.5, False)]


def test_a_single_key_is_not_told_twice():
    typing = TypingIndicator(clear_s=3.0)
    typing.set_typing(True, now=0.0)
    assert typing.next_timer() == 3.0
    typing.set_typing(True, now=0.5)
    assert typing.next_timer() == 2.0
    assert typing.handle_timer(now=2.0) == [SEND_START]
    assert typing.next_timer() == 3.5


@pytest.mark.clause("RT-CHAT-4")
def test_own_typing_stops_by_itself_three_seconds_after_the_last_key():
    typing = TypingIndicator(clear_s=3.0)
    typing.set_typing(True, now=0.0)
    typing.set_typing(True, now=1.0)
    assert typing.handle_timer(now=2.0) == [SEND_START]
    assert typing.next_timer() == 4.0
    assert typing.handle_timer(now=3.9) == []
    assert typing.handle_timer(now=4.0) == [SEND_STOP]
    assert typing.next_timer() is None
    assert typing.set_typing(True, now=4.1) == [SEND_START], "a new start is told at once"


def test_stopping_is_told_once():
    typing = TypingIndicator()
    typing.set_typing(True, now=0.0)
    assert typing.set_typing(False, now=0.1) == [SEND_STOP]
    assert typing.set_typing(False, now=0.2) == []
    assert typing.next_timer() is None


@pytest.mark.clause("RT-CHAT-4")
def test_the_own_message_ends_own_typing_without_a_word():
    typing = TypingIndicator()
    typing.set_typing(True, now=0.0)
    typing.own_message()
    assert typing.next_timer() is None
    assert typing.set_typing(False, now=0.1) == []


@pytest.mark.clause("RT-CHAT-4", "RT-CHAT-7")
def test_a_remote_user_stops_typing_three_seconds_after_the_last_word_of_it():
    typing = TypingIndicator(clear_s=3.0)
    assert typing.heard("ben", True, now=0.0) == [TypingChanged("ben", True)]
    assert typing.heard("ben", True, now=2.0) == []
    assert typing.heard("cleo", True, now=2.5) == [TypingChanged("cleo", True)]
    assert typing.users == ("ben", "cleo")
    assert typing.next_timer() == 5.0
    assert typing.handle_timer(now=5.0) == [TypingChanged("ben", False)]
    assert typing.users == ("cleo",)
    assert typing.handle_timer(now=9.0) == [TypingChanged("cleo", False)]


@pytest.mark.clause("RT-CHAT-4")
def test_a_remote_message_ends_its_users_typing():
    typing = TypingIndicator()
    typing.heard("ben", True, now=0.0)
    assert typing.message_from("cleo") == []
    assert typing.message_from("ben") == [TypingChanged("ben", False)]
    assert typing.message_from("ben") == []


def test_a_remote_stop_is_believed():
    typing = TypingIndicator()
    typing.heard("ben", True, now=0.0)
    assert typing.heard("ben", False, now=1.0) == [TypingChanged("ben", False)]
    assert typing.heard("ben", False, now=1.0) == []
    assert typing.users == ()


def test_clear_forgets_everyone():
    typing = TypingIndicator()
    typing.set_typing(True, now=0.0)
    typing.heard("ben", True, now=0.0)
    assert typing.clear() == [TypingChanged("ben", False)]
    assert typing.next_timer() is None


@pytest.mark.parametrize("clear_s", [0, -1])
def test_a_clear_time_must_be_positive(clear_s):
    with pytest.raises(ValueError, match="clear_s"):
        TypingIndicator(clear_s=clear_s)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 5.0)), max_size=40))
def test_what_is_told_alternates_sensibly_and_ends_in_a_stop(keys):
    """However one types, starts are at least 2 s apart, and silence ends in a stop."""
    typing = TypingIndicator(clear_s=3.0)
    now, told = 0.0, []

    def until(end):
        while (timer := typing.next_timer()) is not None and timer <= end:
            told.extend((timer, event.is_typing) for event in typing.handle_timer(timer))

    for is_typing, pause in keys:
        now += pause
        until(now)
        told += [(now, event.is_typing) for event in typing.set_typing(is_typing, now)]
    until(now + 10)
    assert typing.next_timer() is None
    assert not told or not told[-1][1]
    for (earlier, was), (later, is_now) in pairwise(told):
        assert was or is_now, "never two stops in a row"
        assert not (was and is_now) or later - earlier >= 2.0 - 1e-9
