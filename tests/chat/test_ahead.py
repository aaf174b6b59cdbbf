"""What comes before its turn: broadcasts during a catch-up, and the newest page, which shows at once."""

from realtime.chat.ahead import Ahead, preview
from realtime.chat.amendments import message_of
from realtime.chat.message import Reaction
from realtime.chat.wire import LoggedAmendment, LoggedMessage


def logged(offset, user_id="ben", message_id=None, **fields):
    return LoggedMessage(
        message_id=message_id or f"m{offset}", user_id=user_id, text=f"m{offset}", timestamp=1000 + offset,
        offset=offset, **fields,
    )  # fmt: skip


def change(offset, event, message_id, user_id="ben", **fields):
    return LoggedAmendment(
        event=event, message_id=message_id, user_id=user_id, timestamp=1000 + offset, offset=offset, **fields
    )


def offsets(entries):
    return [entry.offset for entry in entries]


def held(*numbers, most=100):
    ahead = Ahead(most)
    for offset in numbers:
        ahead.hold(logged(offset))
    return ahead


def test_broadcasts_wait_and_do_not_show():
    ahead = held(12, 13)
    assert (ahead.begin, ahead.shown(0)) == (None, [])
    assert offsets(ahead.take()) == [12, 13]
    assert ahead.take() == []


def test_the_newest_page_shows_and_what_is_broadcast_after_it():
    ahead = held(9, 12, 13)
    ahead.newest([logged(offset) for offset in (10, 11, 12)])
    ahead.hold(logged(14))
    assert ahead.begin == 10
    assert offsets(ahead.shown(5)) == [10, 11, 12, 13, 14]
    assert offsets(ahead.shown(12)) == [13, 14], "what was caught up with shows by itself"
    assert offsets(ahead.take()) == [10, 11, 12, 13, 14], "what is before the page comes with others"
    assert ahead.begin is None


def test_the_page_knows_better_than_a_broadcast_what_became_of_a_message():
    ahead = held(12)
    ahead.newest([logged(11), logged(12, revision=13, deleted=True)])
    assert [entry.revision for entry in ahead.take()] == [0, 13]


def test_an_empty_page_shows_nothing():
    ahead = held(12)
    ahead.newest([])
    assert (ahead.begin, ahead.shown(0)) == (None, [])


def test_beyond_its_bound_the_oldest_are_let_go_and_come_again_with_the_pages():
    ahead = held(10, 11, 12, 13, most=3)
    assert ahead.dropped == 10
    ahead.newest([logged(12), logged(13)])
    ahead.hold(logged(14))
    ahead.hold(logged(15))
    assert (ahead.begin, ahead.dropped) == (13, 12)
    assert offsets(ahead.take()) == [13, 14, 15]


def test_after_a_disconnect_the_picture_stays_until_there_is_a_newer_one():
    ahead = held()
    ahead.newest([logged(10), logged(11)])
    ahead.disconnected()
    assert (ahead.begin, ahead.dropped) == (None, 0)
    ahead.hold(logged(30))
    assert offsets(ahead.shown(5)) == [10, 11]
    ahead.newest([logged(29), logged(30)])
    assert offsets(ahead.shown(5)) == [29, 30]


def test_what_waited_without_a_page_is_forgotten_with_its_connection():
    ahead = held(12)
    ahead.disconnected()
    assert ahead.take() == []


def test_what_shows_from_before_is_not_to_be_told_as_if_it_were_whole():
    ahead = held()
    ahead.newest([logged(10)])
    ahead.disconnected()
    assert ahead.take() == []
    assert ahead.shown(0) == [], "taken: the catch-up is over"


def test_what_shows_may_be_taken_where_its_log_ends():
    ahead = held()
    ahead.newest([logged(10)])
    ahead.disconnected()
    assert offsets(ahead.take_shown(5)) == [10]
    assert ahead.shown(0) == []


def test_a_preview_has_each_message_as_the_changes_behind_it_leave_it():
    entries = [
        logged(10, revision=11, reactions={"👍": ("ana",)}),
        change(11, "chat:reaction", "m10", "ana", emoji="👍", action="add"),
        logged(12, "cleo", "m10"),  # the same id, of another user
        change(13, "chat:edit", "m10", text="changed"),
        change(14, "chat:delete", "m10", "cleo"),
        change(15, "chat:reaction", "m10", "dan", emoji="👍", action="add"),  # the oldest is meant
        change(16, "chat:edit", "m3", text="not here"),
        change(17, "chat:pin", "m10"),
    ]
    messages = preview(entries, lambda entry: message_of(entry, room_id="lobby", user_id=entry.user_id, mine=False))
    assert [(message.text, message.is_deleted, message.revision) for message in messages] == [
        ("changed", False, 15),
        ("", True, 14),
    ]
    assert messages[0].reactions == (Reaction("👍", ("ana", "dan")),)


def test_what_waits_up_to_an_offset_can_be_taken_alone():
    ahead = Ahead()
    for offset in (5, 6, 9):
        ahead.hold(logged(offset))
    assert [entry.offset for entry in ahead.take_up_to(6)] == [5, 6]
    assert [entry.offset for entry in ahead.take()] == [9]
