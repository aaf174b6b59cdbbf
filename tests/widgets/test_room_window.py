"""Which of a room's messages a page holds: the newest, more where the reader goes back, never an unbounded number."""

import pytest

from tests.widgets.fakes import message
from widgets.room_window import MOST, SIZE, STEP, RoomWindow, key_of


def history(count, start=0):
    return tuple(message(n) for n in range(start, start + count))


@pytest.fixture
def window():
    return RoomWindow()


def test_a_short_room_is_shown_whole(window):
    assert window.start(history(3)) == 0
    assert window.start(()) == 0


def test_the_newest_are_shown_while_the_reader_is_at_the_end(window):
    assert window.start(history(SIZE + 50)) == 50
    assert window.start(history(SIZE + 60)) == 60


def test_while_the_reader_is_above_nothing_is_taken_from_under_their_eyes(window):
    window.hold(history(SIZE + 50))
    assert window.start(history(SIZE + 70)) == 50
    window.follow()
    assert window.start(history(SIZE + 70)) == 70


def test_older_ones_come_a_step_at_a_time_until_there_are_none(window):
    messages = history(SIZE + STEP + 10)
    assert window.extend(messages)
    assert window.start(messages) == 10
    assert window.extend(messages)
    assert window.start(messages) == 0
    assert not window.extend(messages)


def test_a_page_from_the_server_stands_before_what_was_held(window):
    window.hold(history(10, start=100))
    longer = history(60, start=50)
    assert window.start(longer) == 50
    window.extend(longer)
    assert window.start(longer) == 0


def test_a_message_that_is_asked_for_is_shown_with_some_before_it(window):
    messages = history(SIZE + 100)
    assert window.reach(messages, key_of(messages[60]))
    assert window.start(messages) == 40
    assert window.reach(messages, key_of(messages[200]))
    assert window.start(messages) == 40  # it is shown already
    assert not window.reach(messages, "nobody:m1")


def test_a_page_holds_no_more_than_its_most(window):
    window.hold(history(1))
    messages = history(MOST + 30)
    assert window.start(messages) == 30
    assert not window.extend(messages)


def test_when_the_room_let_go_what_was_held_the_oldest_that_is_there_is_shown(window):
    window.hold(history(10))
    assert window.start(history(20, start=10)) == 0


def test_ids_are_unique_for_each_author_only():
    assert key_of(message(1, user_id="ana")) != key_of(message(1, user_id="ben"))
