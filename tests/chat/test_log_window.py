"""The loaded part of a room: in order, each message once, the oldest let go beyond a bound."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.chat.log_window import LogWindow
from realtime.chat.message import Message, MessageStatus


def message(offset, user_id="ben", message_id=None, text=""):
    return Message(
        room_id="lobby", message_id=message_id or f"m{offset}", user_id=user_id, text=text, timestamp_ms=0,
        offset=offset, status=MessageStatus.RECEIVED,
    )  # fmt: skip


def window_of(*offsets, most=100):
    window = LogWindow("lobby", most)
    for offset in offsets:
        window.place(message(offset))
    return window


def offsets(window):
    return [each.offset for each in window.picture(())]


def test_messages_stand_in_the_order_of_their_offsets():
    assert offsets(window_of(2, 1, 5, 3)) == [1, 2, 3, 5]


def test_pictures_stay_as_they_were_taken():
    window = window_of(1, 2, most=2)
    pictures = [window.picture(("unsent",))]
    window.place(message(3))
    pictures.append(window.picture(()))
    window.replace(message(3, text="new"))
    pictures.append(window.picture(()))
    assert [[getattr(each, "offset", each) for each in picture] for picture in pictures] == [
        [1, 2, "unsent"],
        [2, 3],
        [2, 3],
    ]
    assert [picture[-1].text for picture in pictures[1:]] == ["", "new"]


def test_two_users_may_have_chosen_the_same_id():
    window = LogWindow("lobby", 100)
    for offset, user in enumerate(["ben", "cleo", "dan"], 1):
        assert not window.has("same", user)
        window.place(message(offset, user, "same"))
        assert window.has("same", user)
    assert window.find("same").user_id == "ben", "the oldest is meant, as at the server"
    assert window.find("same", "cleo").offset == 2
    assert window.find("same", "zoe") is None
    assert window.find("other") is None


def test_the_oldest_by_the_room_counts_also_when_it_came_later():
    window = LogWindow("lobby", 100)
    window.place(message(5, "ben", "same"))
    window.place(message(2, "cleo", "same"))
    assert window.find("same").user_id == "cleo"


def test_a_message_is_replaced_where_it_stands():
    window = window_of(1, 2, 3)
    window.replace(message(2, text="new"))
    assert [each.text for each in window.picture(())] == ["", "new", ""]
    assert window.find("m2").text == "new"


def test_two_messages_at_one_offset_are_both_kept_in_one_order(caplog):
    for users in (["ben", "cleo"], ["cleo", "ben"]):
        window = LogWindow("lobby", 100)
        for user in users:
            window.place(message(1, user, f"{user}'s"))
        assert [each.user_id for each in window.picture(())] == ["ben", "cleo"]
        window.replace(message(1, "cleo", "cleo's", text="new"))
        assert [each.text for each in window.picture(())] == ["", "new"]
    assert "lobby has two messages at offset 1" in caplog.text


def test_beyond_its_bound_the_oldest_is_let_go():
    window = window_of(1, 2, 3, 4, 5, most=3)
    assert offsets(window) == [3, 4, 5]
    assert len(window) == 3
    assert window.begin == 3
    assert not window.has("m2", "ben")
    assert window.find("m2") is None


def test_what_was_let_go_does_not_come_back_by_itself():
    window = window_of(1, 2, 3, 4, 5, most=3)
    assert not window.is_new("x", "ben", 2)
    assert window.is_new("x", "ben", 3)
    assert window.is_new("x", "ben", 9)


@pytest.mark.clause("RT-CHAT-15")
def test_room_is_made_for_what_is_paged_in_and_it_goes_first():
    window = window_of(*range(1, 8), most=3)
    window.reopen(3, 2)
    assert window.is_new("x", "ben", 3)
    for offset in (3, 4):
        window.place(message(offset))
    assert offsets(window) == [3, 4, 5, 6, 7]
    window.place(message(8))
    assert offsets(window) == [4, 5, 6, 7, 8], "as many as the reader made room for"


def test_many_are_let_go_at_once_but_not_of_the_page_that_a_reader_has_asked_for():
    window = window_of(*range(1, 33), most=32)
    window.place(message(33))
    assert offsets(window) == list(range(3, 34))  # 32 // 16 = 2
    assert not window.has("m2", "ben")
    assert window.has("m3", "ben")
    assert window.floor == 2
    window.reopen(1, 2)
    for offset in (1, 2, 34):
        window.place(message(offset))
    assert offsets(window) == list(range(1, 35)), "32, and the 2 that were asked for"
    window.place(message(35))
    assert offsets(window) == list(range(2, 36))


def test_many_are_let_go_at_once_but_of_one_log():
    window = window_of(1, most=32)
    window.enter(1)
    for offset in range(1, 33):
        window.place(message(offset, message_id=f"new-{offset}"))
    assert len(window) == 32
    assert window.begin == 1
    assert window.let_go == (0, 1)


def test_another_log_stands_after_the_former_and_lets_the_former_go_first():
    window = window_of(1, 2, most=3)
    window.enter(1)
    window.place(message(1, message_id="new-1"))
    window.place(message(2, message_id="new-2"))
    assert [each.message_id for each in window.picture(())] == ["m2", "new-1", "new-2"]
    assert window.begin is None, "before the log of now stands another one"
    window.place(message(3, message_id="new-3"))
    assert window.begin == 1
    window.enter(0)
    assert not window.is_new("x", "ben", 2), "it was let go"
    window.enter(1)
    assert window.is_new("x", "ben", 1)


def test_a_former_log_that_returns_keeps_its_place():
    window = window_of(1, 4)
    window.enter(1)
    window.place(message(1, message_id="new-1"))
    window.enter(0)
    window.place(message(2))
    window.place(message(5))
    assert [each.message_id for each in window.picture(())] == ["m1", "m2", "m4", "m5", "new-1"]
    window.replace(message(1, message_id="new-1", text="x"))
    assert window.picture(())[-1].text == "x"


def test_memory_is_bounded_whatever_passes_through():
    window = window_of(*range(1, 2001), most=100)
    assert 100 - 100 // 16 <= len(window) <= 100, "a sixteenth is let go at once, too"
    assert window.kept <= 100 * 5 // 4 + 1, "a quarter is let go at once, so that it costs little"


@given(st.lists(st.integers(1, 30), unique=True), st.integers(1, 8))
def test_in_whatever_order_they_come_the_newest_are_loaded(arriving, most):
    window = LogWindow("lobby", most)
    for offset in arriving:
        if window.is_new(f"m{offset}", "ben", offset):
            window.place(message(offset))
    shown = offsets(window)
    assert shown == sorted(shown)
    assert shown == sorted(arriving)[-most:]
    assert all(window.has(f"m{offset}", "ben") == (offset in shown) for offset in arriving)


def test_a_bound_below_one_is_a_mistake():
    with pytest.raises(ValueError, match="at least 1"):
        LogWindow("lobby", 0)


class TestStatuses:
    """Own messages up to an offset are delivered, and read."""

    @pytest.fixture
    def window(self):
        window = LogWindow("lobby", 100)
        for offset in range(1, 7):
            window.place(own(offset) if offset % 2 else message(offset))
        return window

    def test_only_own_messages_up_to_the_markers_change(self, window):
        before = window.picture(())
        assert window.marked(received=3, read=1)
        assert statuses(window) == ["read", "received", "delivered", "received", "sent", "received"]
        assert {each.status for each in before if each.mine} == {MessageStatus.SENT}, "pictures stay as they were"
        assert window.find("m1").status is MessageStatus.READ

    def test_markers_only_go_on_and_what_moves_nothing_is_told(self, window):
        window.marked(received=3, read=3)
        assert not window.marked(received=2, read=1)
        assert not window.marked(received=4, read=4), "no own message at 4"
        assert statuses(window)[0:5:2] == ["read", "read", "sent"]
        assert window.marked(received=5, read=4)
        assert statuses(window)[0:5:2] == ["read", "read", "delivered"]

    def test_what_is_placed_or_shown_anew_later_has_its_status(self, window):
        window.marked(received=9, read=7)
        window.place(own(7))
        window.place(own(9))
        window.place(own(11))
        assert statuses(window)[-3:] == ["read", "delivered", "sent"]
        window.replace(own(1, text="edited"))
        assert (window.find("m1").text, window.find("m1").status) == ("edited", MessageStatus.READ)

    def test_another_log_starts_anew_and_the_former_stays_as_it_was(self, window):
        window.marked(received=3, read=3)
        window.enter(1)
        window.place(own(1, message_id="new-1"))
        window.place(own(2, message_id="new-2"))
        assert statuses(window)[-2:] == ["sent", "sent"]
        window.marked(received=9, read=1)
        assert statuses(window) == ["read", "received", "read", "received", "sent", "received", "read", "delivered"]
        window.replace(own(5, text="edited"))
        assert statuses(window)[4] == "sent"


def own(offset, message_id=None, text=""):
    return msgspec.structs.replace(
        message(offset, "ana", message_id, text), mine=True, status=MessageStatus.SENT
    )  # fmt: skip


def statuses(window):
    return [each.status.value for each in window.picture(())]
