"""A room is its log, its typing and its members, in one picture."""

import pytest

from realtime.chat.amendments import Amendment, Kind
from realtime.chat.log_events import Deleted, Delivered, Edited, Failed, Reacted, Received
from realtime.chat.message import Gap, Marker, MessageStatus
from realtime.chat.receipts import MarkerMoved, ReceiptToSend
from realtime.chat.room import Mentioned, Room
from realtime.chat.typing_indicator import TypingChanged, TypingToSend
from realtime.chat.wire import (
    HistoryReply,
    JoinReply,
    LoggedAmendment,
    LoggedMessage,
    MarkerPayload,
    MemberPayload,
    PresenceDiff,
)


def logged(offset, user_id="ben", text=None, epoch=None):
    name = f"{user_id}-{offset}"
    return LoggedMessage(
        message_id=name, user_id=user_id, text=text or name, timestamp=offset, offset=offset,
        position=epoch and f"{epoch}:{offset}",
    )  # fmt: skip


def amending(offset, kind, about, user_id="ben", **fields):
    return LoggedAmendment(
        event=f"chat:{kind}", message_id=about, user_id=user_id, timestamp=1000 + offset, offset=offset, **fields
    )  # fmt: skip


def reply(*entries, last=None, members=("ana",), recovered=False, more=False, receipts=None, epoch="e"):
    """The answer to a join; ``receipts``: user, received, read."""
    return JoinReply(
        position=f"{epoch}:{last or len(entries)}",
        recovered=recovered,
        messages=entries,
        more=more,
        members=tuple(MemberPayload(*member.split("/")) for member in members),
        receipts=receipts if receipts is None else tuple(MarkerPayload(*each) for each in receipts),
    )


def diff(joins=(), leaves=()):
    return PresenceDiff(
        "lobby",
        joins=tuple(MemberPayload(*member.split("/")) for member in joins),
        leaves=tuple(MemberPayload(*member.split("/")) for member in leaves),
    )


@pytest.fixture
def room():
    room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
    room.joined(reply())
    return room


def test_a_new_room_is_empty_and_not_joined():
    state = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0).state()
    assert repr(state) == "<RoomState 'lobby' not joined messages=0>"


def test_the_picture_shows_everything(room):
    room.joined(reply(logged(1), members=("ana", "ben/phone", "ben/tablet")))
    room.receive(logged(2, "cleo"))
    room.heard_typing("ben", True, now=0.0)
    room.send("m1", "mine", timestamp_ms=7, now=0.0)
    state = room.state()
    assert state.texts == ("ben-1", "cleo-2", "mine")
    assert state.typing == ("ben",)
    assert state.members == ("ana", "ben")
    assert state.unread == 2
    assert state.joined


def test_at_a_server_without_receipts_history_is_read_and_later_messages_are_unread_until_marked():
    room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
    room.joined(reply(logged(1), logged(2)))
    assert room.state().unread == 0
    room.receive(logged(3))
    room.receive(logged(4, "ana"))
    room.receive(logged(4, "ana"))
    assert room.state().unread == 1, "one's own message from another device is read"
    room.mark_read()
    assert room.state().unread == 0


@pytest.mark.clause("RT-CHAT-4")
def test_a_message_ends_its_authors_typing_also_when_it_waited_for_the_catch_up(room):
    room.heard_typing("ben", True, now=0.0)
    events = room.receive(logged(1))
    assert [type(event) for event in events] == [TypingChanged, Received]
    assert events[0] == TypingChanged("ben", False)
    room.disconnected()
    assert room.receive(logged(2)) == []
    room.heard_typing("ben", True, now=0.3)
    events = room.joined(reply(last=1, recovered=True))
    assert TypingChanged("ben", False) in events
    assert room.state().typing == ()


@pytest.mark.clause("RT-CHAT-4")
def test_the_own_message_ends_own_typing(room):
    assert room.set_typing(True, now=0.0) == [TypingToSend(True)]
    room.send("m1", "mine", timestamp_ms=7, now=0.5)
    assert room.handle_timer(now=3.5) == []


def test_own_typing_on_another_device_is_not_shown(room):
    assert room.heard_typing("ana", True, now=0.0) == []
    assert room.state().typing == ()


def test_both_kinds_of_timers_are_waited_for(room):
    assert room.next_timer() is None
    room.send("m1", "mine", timestamp_ms=7, now=0.0)
    assert room.next_timer() == 5.0
    room.heard_typing("ben", True, now=1.0)
    assert room.next_timer() == 4.0
    assert room.handle_timer(now=4.0) == [TypingChanged("ben", False)]
    [failed] = room.handle_timer(now=5.0)
    assert failed == Failed(room.state().messages[0])


def test_a_lost_connection_shows(room):
    room.heard_typing("ben", True, now=0.0)
    assert room.disconnected() == [TypingChanged("ben", False)]
    state = room.state()
    assert not state.joined
    assert state.members == ("ana",), "the last that was known"


def test_acks_refusals_and_discards_reach_the_log(room):
    for name in ("x", "y", "z"):
        room.send(name, name, timestamp_ms=7, now=0.0)
    [delivered] = room.acked("x", offset=1, timestamp_ms=8)
    assert isinstance(delivered, Delivered)
    [failed] = room.refused("y", "no")
    assert failed.message.error == "no"
    assert room.discard("z")
    assert [(m.text, m.status) for m in room.state().messages] == [
        ("x", MessageStatus.SENT),
        ("y", MessageStatus.FAILED),
    ]


def test_pages_continue_a_catch_up(room):
    room.disconnected()
    room.joined(reply(logged(1), last=2, recovered=True, more=True))
    assert room.wants_more
    assert not room.state().joined
    room.continued(HistoryReply(messages=(logged(2),), more=False))
    assert room.state().joined
    assert str(room.position) == "e:2"


class TestMembers:
    def test_a_user_is_present_until_the_last_device_leaves(self, room):
        room.diff(diff(joins=["ben/phone", "ben/tablet"]))
        room.diff(diff(leaves=["ben/phone"]))
        assert room.state().members == ("ana", "ben")
        room.diff(diff(leaves=["ben/tablet"]))
        assert room.state().members == ("ana",)

    def test_merging_twice_changes_nothing(self, room):
        for _ in range(2):
            room.diff(diff(joins=["ben/phone"]))
        room.diff(diff(leaves=["ben/phone"]))
        room.diff(diff(leaves=["ben/phone"]))
        assert room.state().members == ("ana",)

    def test_a_snapshot_replaces_what_was_known_and_diffs_that_came_before_it_are_in_it(self, room):
        """A session that goes on is sent what it missed: that ben left, for one; the snapshot knows that he is back."""
        room.diff(diff(joins=["ben/phone"]))
        room.disconnected()
        room.diff(diff(joins=["dan/phone"], leaves=["ben/phone"]))
        assert room.state().members == ("ana", "ben")
        room.joined(reply(members=("ana", "ben/phone")))
        assert room.state().members == ("ana", "ben")


def test_leaving_shows_nobody(room):
    room.send("m1", "mine", timestamp_ms=7, now=0.0)
    room.left()
    state = room.state()
    assert (state.joined, state.members, state.texts) == (False, (), ("mine",))


class TestReceipts:
    @pytest.fixture
    def room(self):
        """Ana's room, at a server with receipts, where nobody has said or received anything."""
        room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
        room.joined(reply(receipts=[]))
        return room

    def test_what_came_from_others_is_reported(self, room):
        room.receive(logged(1))
        room.receive(logged(2))
        assert room.handle_timer(now=room.next_timer()) == [ReceiptToSend("received", 2)]
        room.receipt_told(ReceiptToSend("received", 2))
        room.receive(logged(3, "ana"))
        assert room.next_timer() is None, "nobody waits for the word that ana has her own"

    def test_what_a_page_brought_is_reported(self, room):
        room.disconnected()
        room.joined(reply(logged(1), logged(2), recovered=True, more=True, last=3, receipts=[]))
        [receipt] = room.handle_timer(now=room.next_timer())
        assert receipt == ReceiptToSend("received", 2)
        room.receipt_told(receipt)
        room.continued(HistoryReply(messages=(logged(3),), more=False))
        assert room.handle_timer(now=room.next_timer()) == [ReceiptToSend("received", 3)]

    def test_what_is_marked_as_read_is_reported(self, room):
        room.receive(logged(1))
        room.receive(logged(2))
        room.mark_read(1)
        assert room.state().unread == 1
        room.mark_read()
        assert room.state().unread == 0
        assert room.handle_timer(now=room.next_timer()) == [ReceiptToSend("read", 2)]

    def test_nothing_is_read_beyond_what_came(self, room):
        room.receive(logged(1))
        room.mark_read(99)
        room.receive(logged(2))
        assert room.state().unread == 1

    def test_a_refused_receipt_is_tried_again(self, room):
        room.receive(logged(1))
        [receipt] = room.handle_timer(now=0.0)
        room.receipt_not_told(receipt, now=0.0)
        assert room.next_timer() == 2.0

    def test_markers_of_others_show_and_are_told_when_they_move(self, room):
        assert room.heard_marker("ben", received=1) == [MarkerMoved("ben", "received", 1)]
        assert room.heard_marker("ben", read=1) == [MarkerMoved("ben", "read", 1)]
        assert dict(room.state().markers) == {"ben": Marker("ben", 1, 1)}

    def test_what_was_read_on_another_device_is_read_here(self, room):
        for offset in (1, 2, 3):
            room.receive(logged(offset))
        assert room.heard_marker("ana", read=2) == [MarkerMoved("ana", "received", 2), MarkerMoved("ana", "read", 2)]
        assert room.state().unread == 1

    def test_what_the_user_read_before_is_not_unread_on_a_new_device(self):
        room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
        room.joined(reply(logged(1), logged(2), logged(3, text="hi @ana"), receipts=[("ana", 3, 1), ("ben", 3, 3)]))
        assert (room.state().unread, room.state().mentioned) == (2, 1)

    def test_a_message_that_mentions_this_user_is_told_as_such(self, room):
        events = room.receive(logged(1, text="hi @ana"))
        [received] = [event for event in events if isinstance(event, Received)]
        assert events == [received, Mentioned(received.message)]
        assert room.receive(logged(2, text="hi @ben"))[1:] == []
        assert (room.state().unread, room.state().mentioned) == (2, 1)
        room.mark_read()
        assert room.state().mentioned == 0

    def test_what_was_read_already_when_it_comes_is_not_told_as_a_mention(self, room):
        room.heard_marker("ana", read=1)
        assert [type(event) for event in room.receive(logged(1, text="hi @ana"))] == [Received]

    @pytest.mark.parametrize("comes_by", ["broadcast", "join"])
    def test_another_log_starts_markers_anew(self, room, comes_by):
        for offset in (1, 2, 3):
            room.receive(logged(offset))
        room.mark_read(2)
        room.heard_marker("ben", read=3)
        if comes_by == "broadcast":
            room.receive(logged(1, "cleo", epoch="f"))
        else:
            room.disconnected()
            room.joined(reply(logged(1, "cleo"), epoch="f", receipts=[]))
        assert room.state().markers == {}
        assert room.state().unread == 2, "one of the former log, one of the new one"
        assert ReceiptToSend("received", 1) in room.handle_timer(now=99.0)
        room.mark_read()
        assert room.state().unread == 0

    def test_receipts_can_be_switched_off(self):
        room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0, receipts=False)
        room.joined(reply(logged(1), receipts=[("ana", 0, 0)]))
        assert room.state().unread == 1
        room.mark_read()
        assert (room.state().unread, room.next_timer()) == (0, None)


class TestAmendments:
    @pytest.fixture
    def room(self):
        """Ana's room with a message of Ben's that she has not read, and one of her own."""
        room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
        room.joined(reply(receipts=[]))
        room.receive(logged(1, text="hi @ana"))
        room.receive(logged(2, "ana"))
        return room

    def test_what_others_change_shows_and_is_told(self, room):
        [edited] = room.receive(amending(3, "edit", "ben-1", text="hi all"))
        [reacted] = room.receive(amending(4, "reaction", "ana-2", emoji="👍", action="add"))
        assert (edited, reacted) == (Edited(room.find("ben-1")), Reacted(room.find("ana-2")))
        [deleted] = room.receive(amending(5, "delete", "ben-1"))
        assert deleted == Deleted(room.find("ben-1"))
        first, second = room.state().messages
        assert (first.text, first.is_deleted, second.reactions[0].user_ids) == ("", True, ("ben",))
        assert str(room.position) == "e:5"

    def test_what_is_changed_is_no_message_more_and_a_mention_may_go(self, room):
        assert (room.state().unread, room.state().mentioned) == (1, 1)
        room.receive(amending(3, "edit", "ben-1", text="hi all"))
        assert (room.state().unread, room.state().mentioned) == (1, 0)
        room.receive(amending(4, "reaction", "ana-2", emoji="👍", action="add"))
        assert room.state().unread == 1
        room.receive(amending(5, "delete", "ben-1"))
        assert room.state().unread == 0

    def test_an_own_change_shows_at_once_and_until_it_is_refused(self, room):
        change = Amendment(kind=Kind.EDIT, message_id="ana-2", user_id="ana", timestamp_ms=7, text="mine")
        for change_id in ("c1", "c2"):
            room.change(change_id, change)
        assert room.state().texts[1] == "mine"
        assert room.change_acked("c1", offset=3, timestamp_ms=8) == [Edited(room.find("ana-2"))]
        room.change_refused("c2")
        assert room.state().texts[1] == "mine"

    def test_what_a_page_shows_as_amended_is_unread_as_it_stands(self):
        room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
        deleted = LoggedMessage("m2", "ben", "", 2, 2, deleted=True, revision=3)
        deletion = amending(3, "delete", "m2")
        room.joined(reply(logged(1), deleted, deletion, receipts=[]))
        assert (room.state().unread, len(room.state().messages)) == (1, 2)

    def test_what_was_deleted_while_this_device_was_away_is_not_unread(self, room):
        room.disconnected()
        deleted = LoggedMessage("m3", "ben", "", 3, 3, deleted=True, revision=4)
        events = room.joined(reply(deleted, amending(4, "delete", "m3"), recovered=True, last=4))
        assert [type(event) for event in events] == [Received]
        assert room.state().unread == 1


class TestPages:
    def test_older_ones_are_paged_in(self):
        room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
        room.joined(reply(logged(3), more=True, last=3, receipts=[]))
        assert (room.state().has_older, room.oldest) == (True, 3)
        assert room.older(HistoryReply(messages=(logged(1), logged(2)), more=False)) == []
        state = room.state()
        assert (state.has_older, state.unread, len(state.messages)) == (False, 3, 3)

    def test_the_newest_are_shown_ahead_and_what_is_between_is_behind(self, room):
        room.disconnected()
        room.joined(reply(logged(1), last=9, recovered=True, more=True))
        assert not room.shows_end
        room.newest(HistoryReply(messages=(logged(8), logged(9)), more=True))
        assert room.shows_end
        assert (room.state().texts, room.state().behind) == (("ben-1", "ben-8", "ben-9"), 6)

    def test_what_is_gone_is_a_gap(self, room):
        room.disconnected()
        room.joined(JoinReply(position="e:9", recovered=False, messages=(logged(8),), more=False, horizon=7))
        assert room.state().gaps == (Gap(0, 8),)

    def test_memory_is_bounded(self):
        room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0, max_messages=2)
        room.joined(reply(receipts=[]))
        for offset in (1, 2, 3, 4):
            room.receive(logged(offset))
        state = room.state()
        assert (state.texts, state.has_older, state.unread) == (("ben-3", "ben-4"), True, 4)


def test_own_messages_are_delivered_and_read():
    room = Room("lobby", "ana", failed_after_s=5.0, typing_clear_s=3.0)
    room.joined(reply(logged(1, "ana"), receipts=[("ben", 1, 0)]))
    room.receive(logged(2, "ana"))

    def statuses():
        return [message.status.value for message in room.state().messages]

    assert statuses() == ["delivered", "sent"]
    room.heard_marker("ben", read=2)
    assert statuses() == ["read", "read"]
    room.send("m3", "three", timestamp_ms=7, now=0.0)
    room.heard_marker("cleo", received=3)
    room.acked("m3", offset=3, timestamp_ms=8)
    assert statuses() == ["read", "read", "delivered"]
    room.heard_marker("ana", read=3)
    assert statuses() == ["read", "read", "delivered"], "what this user read elsewhere is another matter"
