"""Receipts: told sparingly, again until the server has them, and merged whatever comes twice or late."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.chat.message import Marker
from realtime.chat.receipts import MarkerMoved, Receipts, ReceiptToSend

RECEIVED, READ = "received", "read"


def let_in(**options):
    """Ana's receipts in a room that she joined, where nobody has received anything."""
    receipts = Receipts("ana", **options)
    receipts.joined([], epoch="e")
    return receipts


def send(receipts, now):
    """What is sent at a time, taken by the server at once."""
    sent = receipts.handle_timer(now)
    for each in sent:
        receipts.told(each)
    return sent


class TestReporting:
    def test_what_was_received_is_told_at_once_where_nothing_was_told_for_a_while(self):
        receipts = let_in(interval_s=1.0)
        assert receipts.next_timer() is None
        receipts.received(3)
        assert receipts.next_timer() <= 0.0
        assert send(receipts, now=10.0) == [ReceiptToSend(RECEIVED, 3)]
        assert receipts.next_timer() is None
        assert dict(receipts.markers) == {"ana": Marker("ana", 3, 0)}, "as her other devices see it"

    def test_and_then_at_most_once_per_interval_with_the_newest_only(self):
        receipts = let_in(interval_s=1.0)
        receipts.received(1)
        send(receipts, now=10.0)
        for offset in range(2, 50):
            receipts.received(offset)
        assert receipts.next_timer() == 11.0
        assert receipts.handle_timer(now=10.9) == []
        assert send(receipts, now=11.0) == [ReceiptToSend(RECEIVED, 49)]

    def test_what_is_read_does_not_wait_for_the_pace_of_what_is_received(self):
        receipts = let_in(interval_s=5.0)
        receipts.received(1)
        assert send(receipts, now=10.0) == [ReceiptToSend(RECEIVED, 1)]
        receipts.read(1)
        assert send(receipts, now=10.5) == [ReceiptToSend(READ, 1)], "somebody is looking at that bubble"
        receipts.received(2)
        receipts.read(2)
        assert receipts.next_timer() == 15.5
        assert send(receipts, now=15.5) == [ReceiptToSend(READ, 2)]
        receipts.received(3)
        assert receipts.next_timer() == 20.5, "one report was for both"

    def test_a_busy_room_costs_a_report_every_five_seconds(self):
        receipts = let_in()
        reports = 0
        for second in range(60):
            receipts.received(second + 1)
            reports += len(send(receipts, now=float(second)))
        assert reports == 12  # 60 s / 5 s

    @pytest.mark.clause("RT-CHAT-9")
    def test_read_implies_received(self):
        receipts = let_in(interval_s=1.0)
        receipts.received(5)
        receipts.read(5)
        assert send(receipts, now=0.0) == [ReceiptToSend(READ, 5)]
        receipts.received(6)
        assert send(receipts, now=1.0) == [ReceiptToSend(RECEIVED, 6)]
        receipts.read(4)
        assert receipts.next_timer() is None, "markers only go on"

    def test_one_is_on_its_way_at_a_time(self):
        receipts = let_in(interval_s=1.0)
        receipts.received(1)
        [first] = receipts.handle_timer(now=0.0)
        receipts.received(2)
        assert receipts.next_timer() is None
        receipts.told(first)
        assert receipts.next_timer() == 1.0

    def test_nothing_is_told_before_the_room_is_joined_and_everything_after(self):
        receipts = Receipts("ana")
        receipts.received(2)
        receipts.read(1)
        assert receipts.next_timer() is None
        receipts.joined([], epoch="e")
        assert send(receipts, now=0.0) == [ReceiptToSend(RECEIVED, 2), ReceiptToSend(READ, 1)]

    def test_what_the_server_did_not_confirm_is_told_again_on_the_next_connection(self):
        receipts = let_in()
        receipts.received(2)
        assert receipts.handle_timer(now=0.0) == [ReceiptToSend(RECEIVED, 2)]
        receipts.disconnected()
        assert receipts.next_timer() is None
        receipts.joined([Marker("ana", 1, 0)], epoch="e")
        assert send(receipts, now=9.0) == [ReceiptToSend(RECEIVED, 2)]

    def test_what_the_server_has_although_its_answer_was_lost_is_not_told_again(self):
        receipts = let_in()
        receipts.received(2)
        receipts.handle_timer(now=0.0)
        receipts.disconnected()
        receipts.joined([Marker("ana", 2, 0)], epoch="e")
        assert receipts.next_timer() is None

    def test_what_the_server_refuses_is_told_again_ever_more_rarely(self):
        receipts = let_in(interval_s=1.0)
        receipts.received(2)
        now, pauses = 0.0, []
        for _ in range(8):
            [refused] = receipts.handle_timer(now)
            receipts.not_told(refused, now)
            pauses.append(receipts.next_timer() - now)
            now = receipts.next_timer()
        assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
        assert send(receipts, now) == [ReceiptToSend(RECEIVED, 2)]
        receipts.received(3)
        assert receipts.next_timer() == now + 1.0, "it is taken again: as before"

    def test_the_next_connection_is_the_next_try(self):
        receipts = let_in(interval_s=1.0)
        receipts.received(2)
        now = 0.0
        for _ in range(5):
            [refused] = receipts.handle_timer(now)
            receipts.not_told(refused, now)
            now = receipts.next_timer()
        receipts.disconnected()
        receipts.joined([], epoch="e")
        assert receipts.next_timer() < now - 10

    def test_a_late_word_about_a_former_connection_changes_nothing(self):
        receipts = let_in()
        receipts.received(2)
        [former] = receipts.handle_timer(now=0.0)
        receipts.disconnected()
        receipts.joined([], epoch="e")
        receipts.received(3)
        [present] = receipts.handle_timer(now=5.0)
        receipts.not_told(former, 5.0)
        assert receipts.next_timer() is None, "the present one is on its way"
        receipts.told(present)
        assert receipts.next_timer() is None

    def test_another_log_starts_anew(self):
        receipts = let_in()
        receipts.received(7)
        receipts.read(7)
        receipts.heard("ben", received=7)
        send(receipts, now=0.0)
        receipts.joined([], epoch="another")
        assert (receipts.own_read, receipts.anyone_received, dict(receipts.markers)) == (0, 0, {})
        receipts.received(2)
        assert send(receipts, now=5.0) == [ReceiptToSend(RECEIVED, 2)]

    def test_a_server_without_receipts_is_told_nothing(self):
        receipts = Receipts("ana")
        receipts.received(2)
        receipts.joined(None, epoch="e")
        receipts.read(2)
        assert receipts.next_timer() is None
        assert receipts.own_read == 2, "this device knows it all the same"

    def test_who_wants_no_receipts_tells_nothing_and_still_hears_the_others(self):
        receipts = let_in(reports=False)
        receipts.received(2)
        receipts.read(2)
        assert receipts.next_timer() is None
        assert receipts.handle_timer(now=9.0) == []
        assert receipts.heard("ben", read=2) == [MarkerMoved("ben", RECEIVED, 2), MarkerMoved("ben", READ, 2)]

    @pytest.mark.parametrize("interval_s", [0, -1])
    def test_an_interval_must_be_positive(self, interval_s):
        with pytest.raises(ValueError, match="interval"):
            Receipts("ana", interval_s=interval_s)


class TestHearing:
    @pytest.mark.clause("RT-CHAT-9")
    def test_markers_only_go_on_and_merging_twice_changes_nothing(self):
        receipts = let_in()
        assert receipts.heard("ben", received=3) == [MarkerMoved("ben", RECEIVED, 3)]
        assert receipts.heard("ben", received=3) == []
        assert receipts.heard("ben", received=2) == []
        assert receipts.heard("ben", read=2) == [MarkerMoved("ben", READ, 2)]
        assert receipts.heard("ben", read=5) == [MarkerMoved("ben", RECEIVED, 5), MarkerMoved("ben", READ, 5)]
        assert dict(receipts.markers) == {"ben": Marker("ben", 5, 5)}

    def test_what_anyone_else_has_is_known(self):
        receipts = let_in()
        receipts.heard("ben", received=3)
        receipts.heard("cleo", received=5, read=1)
        receipts.heard("ana", received=9, read=9)
        assert (receipts.anyone_received, receipts.anyone_read) == (5, 1), "one's own other devices do not count"

    def test_what_an_own_other_device_read_is_read_here_and_not_told_again(self):
        receipts = let_in()
        receipts.received(4)
        receipts.heard("ana", read=4)
        assert receipts.own_read == 4
        assert receipts.next_timer() is None
        receipts.read(3)
        assert receipts.own_read == 4

    def test_the_markers_at_the_join_are_merged_and_those_that_moved_meanwhile_are_told(self):
        receipts = Receipts("ana")
        assert receipts.joined([Marker("ana", 4, 2), Marker("ben", 4, 4)], epoch="e") == [
            MarkerMoved("ana", READ, 2)
        ], "at first, what this user has read elsewhere"
        assert (receipts.own_read, receipts.anyone_read) == (2, 4)
        receipts.disconnected()
        later = [Marker("ana", 4, 3), Marker("ben", 3, 3), Marker("cleo", 6, 0)]
        moved = receipts.joined(later, epoch="e")
        assert moved == [MarkerMoved("ana", READ, 3), MarkerMoved("cleo", RECEIVED, 6)]

    def test_a_picture_of_the_markers_stays_as_it_is(self):
        receipts = let_in()
        receipts.heard("ben", received=1)
        before = receipts.markers
        receipts.heard("ben", received=2)
        assert before["ben"].received == 1
        assert receipts.markers is receipts.markers, "and is not made anew without need"


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("received"), st.integers(1, 9)),
            st.tuples(st.just("read"), st.integers(1, 9)),
            st.tuples(st.sampled_from(["fail", "answer", "break", "wait"]), st.just(0)),
        ),
        max_size=40,
    )
)
def test_in_the_end_the_server_has_the_newest_whatever_went_wrong(steps):
    receipts, server, now, on_the_way = let_in(interval_s=1.0), {RECEIVED: 0, READ: 0}, 0.0, []

    def standing():
        return [Marker("ana", max(server.values()), server[READ])]

    def answer():
        while on_the_way:
            each = on_the_way.pop()
            server[each.kind] = max(server[each.kind], each.up_to)
            receipts.told(each)

    wanted = {RECEIVED: 0, READ: 0}
    for what, offset in steps:
        match what:
            case "received" | "read":
                getattr(receipts, what)(offset)
                wanted[what] = max(wanted[what], offset)
            case "fail":
                while on_the_way:
                    receipts.not_told(on_the_way.pop(), now)
            case "answer":
                answer()
            case "break":
                on_the_way.clear()
                receipts.disconnected()
                receipts.joined(standing(), epoch="e")
            case "wait":
                now += 0.4
                on_the_way += receipts.handle_timer(now)
    for _ in range(4):
        answer()
        now = max(now, receipts.next_timer() or now)
        on_the_way += receipts.handle_timer(now)
    assert receipts.next_timer() is None
    assert server[READ] == wanted[READ] == receipts.own_read
    assert max(server.values()) == max(wanted.values())
