"""Messages of a room in their places, without what the server's pages are about."""

from realtime.chat.amendments import Amendment, Kind
from realtime.chat.log_book import LogBook
from realtime.chat.log_events import Delivered, Reacted, Received
from realtime.chat.message import Position, Reaction
from realtime.chat.wire import LoggedAmendment, LoggedMessage


def logged(offset, user_id="ben"):
    return LoggedMessage(
        message_id=f"{user_id}-{offset}", user_id=user_id, text=f"text {offset}", timestamp=offset, offset=offset
    )


def reaction(offset, about, user_id="ben"):
    return LoggedAmendment(
        event="chat:reaction", message_id=about, user_id=user_id, timestamp=offset, offset=offset, emoji="👍",
        action="add",
    )  # fmt: skip


def book_of(*entries, epoch="e"):
    book = LogBook("lobby", "ana")
    book.enter(epoch)
    for entry in entries:
        book.next(entry)
    return book


def shown(book):
    return [(message.message_id, message.offset) for message in book.messages()]


def test_entries_are_told_once_and_move_the_position():
    book = book_of()
    [event] = book.next(logged(1))
    assert event == Received(book.find("ben-1"))
    [event] = book.next(reaction(2, "ben-1"))
    assert event == Reacted(book.find("ben-1"))
    assert book.next(logged(1)) == book.next(reaction(2, "ben-1")) == []
    assert (book.position, book.find("ben-1").reactions) == (Position("e", 2), (Reaction("👍", ("ben",)),))


def test_own_entries_beyond_the_position_wait_for_what_precedes_them():
    book = book_of(logged(1))
    book.send("m1", "mine", timestamp_ms=1, now=0.0)
    [event] = book.acked("m1", 3, 3)
    assert event == Delivered(book.find("m1"))
    assert (shown(book), book.position.offset) == ([("ben-1", 1), ("m1", 3)], 1)
    book.next(logged(2))
    assert (shown(book), book.position.offset) == ([("ben-1", 1), ("ben-2", 2), ("m1", 3)], 3)


def test_a_reaction_to_an_own_message_may_overtake_its_acknowledgement():
    book = book_of()
    book.send("m1", "mine", timestamp_ms=1, now=0.0)
    assert book.next(reaction(2, "m1")) == []
    book.acked("m1", 1, 1)
    assert book.find("m1").reactions == (Reaction("👍", ("ben",)),)


def test_a_change_that_changes_nothing_moves_nothing():
    """It is acknowledged with the place of its message, which may not have come yet."""
    book = book_of(logged(1))
    book.saw_end(4)
    change = Amendment(kind=Kind.REACTION, message_id="ben-2", user_id="ana", timestamp_ms=1, emoji="👍", add=False)
    book.change("c1", change)
    assert book.change_acked("c1", 2, 2) == []
    assert book.position.offset == 1
    assert book.next(logged(2)) == [Received(book.find("ben-2"))]


def test_what_will_not_come_is_a_gap():
    book = book_of(logged(1))
    book.skip_to(4)
    book.next(logged(5))
    assert [(gap.after, gap.before) for gap in book.gaps] == [(1, 5)]


def test_another_log_goes_on_where_it_was_left():
    book = book_of(logged(1), logged(2))
    book.enter("f")
    book.next(logged(1, "cleo"))
    assert book.position == Position("f", 1)
    book.enter("e")
    assert book.position == Position("e", 2)
    assert shown(book) == [("ben-1", 1), ("ben-2", 2), ("cleo-1", 1)]
