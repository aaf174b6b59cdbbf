"""One room at one device: whatever arrives twice, late or not at all, each message has one bubble in one order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.chat.log_events import Delivered, Failed, Received
from realtime.chat.message import MessageStatus, Position
from realtime.chat.room_log import RoomLog
from tests.chat.logs import ANA, BEN, joined_log, logged, said, statuses, texts

PENDING, SENT, FAILED = MessageStatus.PENDING, MessageStatus.SENT, MessageStatus.FAILED
RECEIVED = MessageStatus.RECEIVED


class TestOwnMessages:
    @pytest.mark.clause("RT-CHAT-1")
    def test_a_send_is_pending_at_once_and_sent_on_its_ack(self):
        log = joined_log()
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        [message] = log.messages()
        assert (message.status, message.offset, message.mine, message.timestamp_ms) == (PENDING, None, True, 7)
        [event] = log.acked("m1", offset=1, timestamp_ms=1001)
        [message] = log.messages()
        assert event == Delivered(message)
        assert (message.status, message.offset, message.timestamp_ms) == (SENT, 1, 1001)

    def test_an_own_message_in_the_history_of_the_first_join_is_delivered(self):
        """Its ack, and the answer to the join before it, were lost with their connection."""
        log = RoomLog("lobby", ANA)
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        entries = [logged(1), logged(2, ANA, "m1")]
        assert said(log.joined(Position("e", 2), entries, recovered=False, more=False)) == [("Delivered", "m1")]
        assert log.next_timer() is None
        assert log.acked("m1", offset=2, timestamp_ms=1002) == []

    @pytest.mark.clause("RT-CHAT-2")
    def test_without_an_ack_for_five_seconds_it_shows_as_failed_and_a_later_ack_turns_it_to_sent(self):
        log = joined_log()
        log.send("m1", "m1", timestamp_ms=7, now=1.0)
        assert log.next_timer() == 6.0
        assert log.handle_timer(5.9) == []
        assert log.handle_timer(6.0) == [Failed(log.messages()[0])]
        assert statuses(log) == [FAILED]
        assert log.handle_timer(60.0) == []
        assert log.next_timer() is None
        assert said(log.acked("m1", 1, 1001)) == [("Delivered", "m1")]
        assert statuses(log) == [SENT]

    def test_an_acked_message_does_not_fail(self):
        log = joined_log()
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        log.acked("m1", 1, 1001)
        assert log.next_timer() is None
        assert log.handle_timer(99.0) == []

    def test_pending_messages_stand_last_in_the_order_they_were_sent(self):
        log = joined_log(logged(1))
        for name in ("x", "y", "z"):
            log.send(name, name, timestamp_ms=7, now=0.0)
        log.received(logged(2))
        assert texts(log) == ["ben-1", "ben-2", "x", "y", "z"]
        log.acked("y", 3, 1003)
        assert texts(log) == ["ben-1", "ben-2", "y", "x", "z"]

    def test_a_broadcast_that_overtakes_an_own_ack_does_not_change_the_order(self):
        log = joined_log()
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        log.received(logged(2))
        assert texts(log) == ["ben-2", "m1"]
        log.acked("m1", 1, 1001)
        assert texts(log) == ["m1", "ben-2"]

    def test_a_second_ack_and_an_ack_of_nothing_change_nothing(self):
        log = joined_log()
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        log.acked("m1", 1, 1001)
        assert log.acked("m1", 1, 1001) == []
        assert log.acked("other", 2, 1002) == []
        assert texts(log) == ["m1"]

    def test_a_refused_message_stays_visible_with_the_reason(self):
        log = joined_log()
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        [event] = log.refused("m1", "too many messages")
        [message] = log.messages()
        assert event == Failed(message)
        assert (message.status, message.error) == (FAILED, "too many messages")
        assert log.next_timer() is None
        assert log.refused("m1", "again") == []

    def test_a_discarded_message_disappears(self):
        log = joined_log()
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        assert log.discard("m1")
        assert texts(log) == []
        assert log.next_timer() is None
        assert not log.discard("m1")

    def test_unsent_messages_are_found_by_their_id(self):
        log = joined_log()
        message = log.send("m1", "m1", timestamp_ms=7, now=0.0)
        assert log.find("m1") is message
        log.acked("m1", 1, 1001)
        assert log.find("m1").offset == 1
        assert log.find("m2") is None

    def test_an_ack_may_come_before_the_first_join_is_answered(self):
        log = RoomLog("lobby", ANA)
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        assert said(log.acked("m1", 2, 1002)) == [("Delivered", "m1")]
        log.joined(Position("e", 2), [logged(1), logged(2, ANA, "m1")], recovered=False, more=False)
        assert texts(log) == ["ben-1", "m1"]

    def test_a_sent_message_cannot_be_discarded(self):
        log = joined_log()
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        log.acked("m1", 1, 1001)
        assert not log.discard("m1")


class TestReceiving:
    def test_what_was_broadcast_before_the_first_page_is_history_like_it(self):
        """An earlier join was heard and its answer lost; the session goes on, with what was broadcast since."""
        log = RoomLog("lobby", ANA)
        for n in (1, 2, 3, 4):
            assert log.received(logged(n)) == []
        events = log.joined(Position("e", 3), [logged(3)], recovered=False, more=True)
        assert said(events) == [("Received", "ben-4")], "not 1 and 2, if 3 is not told"
        assert texts(log) == ["ben-1", "ben-2", "ben-3", "ben-4"]

    def test_history_of_the_first_join_is_shown_without_events(self):
        log = RoomLog("lobby", ANA)
        assert log.position is None
        assert log.joined(Position("e", 2), [logged(1), logged(2)], recovered=False, more=False) == []
        assert texts(log) == ["ben-1", "ben-2"]
        assert log.position == Position("e", 2)
        assert not log.gap

    @pytest.mark.clause("RT-CHAT-3")
    def test_a_broadcast_is_told_once(self):
        log = joined_log()
        [event] = log.received(logged(1))
        assert event == Received(log.messages()[0])
        assert (event.message.status, event.message.mine) == (RECEIVED, False)
        assert log.received(logged(1)) == []
        assert log.position == Position("e", 1)

    def test_a_message_from_ones_other_device_is_told_as_mine(self):
        log = joined_log()
        [event] = log.received(logged(1, ANA))
        assert (event.message.status, event.message.mine) == (SENT, True)

    def test_two_messages_at_one_offset_are_shown_and_reported(self, caplog):
        log = joined_log(logged(1))
        log.received(logged(1, "cleo"))
        assert texts(log) == ["ben-1", "cleo-1"]
        assert "lobby has two messages at offset 1" in caplog.text

    def test_two_users_may_have_chosen_the_same_message_id(self):
        log = joined_log()
        log.send("same", "same", timestamp_ms=7, now=0.0)
        assert said(log.received(logged(1, BEN, "same"))) == [("Received", "same")]
        assert statuses(log) == [RECEIVED, PENDING]

    def test_however_many_chose_the_same_id_each_message_is_told_once(self):
        log = joined_log()
        users = ["ben", "cleo", "dan"]
        for offset, user in enumerate(users, 1):
            assert said(log.received(logged(offset, user, "same"))) == [("Received", "same")]
        assert [log.received(logged(offset, user, "same")) for offset, user in enumerate(users, 1)] == [[], [], []]
        assert [message.user_id for message in log.messages()] == users

    @pytest.mark.clause("RT-CHAT-3", "RT-CHAT-5")
    def test_the_log_may_bring_the_own_message_whose_ack_was_lost(self):
        log = joined_log()
        log.send("m1", "m1", timestamp_ms=7, now=0.0)
        log.disconnected()
        events = log.joined(Position("e", 2), [logged(1, ANA, "m1"), logged(2)], recovered=True, more=False)
        assert said(events) == [("Delivered", "m1"), ("Received", "ben-2")]
        assert log.acked("m1", 1, 1001) == []
        assert statuses(log) == [SENT, RECEIVED]

    def test_a_late_broadcast_is_put_in_its_place(self):
        log = joined_log()
        log.received(logged(3))
        assert said(log.received(logged(2))) == [("Received", "ben-2")]
        assert texts(log) == ["ben-2", "ben-3"]


class TestCatchingUp:
    def test_broadcasts_before_the_join_is_answered_wait_for_it(self):
        log = joined_log(logged(1))
        log.disconnected()
        assert not log.is_joined
        assert log.received(logged(4)) == []
        assert texts(log) == ["ben-1"]
        events = log.joined(Position("e", 3), [logged(2), logged(3)], recovered=True, more=False)
        assert said(events) == [("Received", "ben-2"), ("Received", "ben-3"), ("Received", "ben-4")]
        assert log.position == Position("e", 4)
        assert log.is_joined

    def test_pages_are_fetched_until_there_is_no_more_and_told_in_order(self):
        log = joined_log(logged(1))
        log.disconnected()
        events = log.joined(Position("e", 5), [logged(2), logged(3)], recovered=True, more=True)
        assert log.wants_more
        assert log.position == Position("e", 3), "an interrupted catch-up goes on where the pages ended"
        assert log.received(logged(6)) == []
        events += log.continued([logged(4), logged(5)], more=False)
        assert said(events) == [("Received", f"ben-{n}") for n in (2, 3, 4, 5, 6)]
        assert not log.wants_more
        assert log.position == Position("e", 6)

    def test_an_interrupted_catch_up_loses_nothing(self):
        log = joined_log(logged(1))
        log.disconnected()
        log.joined(Position("e", 5), [logged(2), logged(3)], recovered=True, more=True)
        log.received(logged(6))
        log.disconnected()
        assert log.position == Position("e", 3)
        events = log.joined(Position("e", 6), [logged(n) for n in (4, 5, 6)], recovered=True, more=False)
        assert said(events) == [("Received", f"ben-{n}") for n in (4, 5, 6)]

    def test_an_empty_page_that_promises_more_ends_the_catch_up(self):
        log = joined_log(logged(1))
        log.disconnected()
        log.joined(Position("e", 1), [], recovered=True, more=True)
        assert not log.wants_more
        assert log.is_joined

    def test_what_could_not_be_covered_is_a_gap(self):
        log = joined_log(logged(1))
        log.disconnected()
        events = log.joined(Position("e", 900), [logged(899), logged(900)], recovered=False, more=True)
        assert said(events) == [("Received", "ben-899"), ("Received", "ben-900")]
        assert log.gap
        assert log.is_joined, "what is older than the newest page is not fetched"
        assert log.position == Position("e", 900)

    def test_a_broadcast_that_waited_for_the_answer_is_told_before_the_page_though_the_server_forgot_it_since(self):
        """The server kept 9 and 10 only when it answered; 5, 6 and 8 had been broadcast before."""
        log = joined_log(logged(1), logged(2))
        log.disconnected()
        for offset in (5, 6, 8):
            log.received(logged(offset))
        events = log.joined(Position("e", 10), [logged(9), logged(10)], recovered=False, more=False, horizon=8)
        assert [text for _, text in said(events)] == ["ben-5", "ben-6", "ben-8", "ben-9", "ben-10"]
        assert [(gap.after, gap.before) for gap in log.gaps] == [(2, 5), (6, 8)]
        assert texts(log) == ["ben-1", "ben-2", "ben-5", "ben-6", "ben-8", "ben-9", "ben-10"]
        assert log.is_joined

    def test_a_page_that_is_gone_before_it_is_fetched_is_a_gap(self):
        log = joined_log(logged(1))
        log.disconnected()
        log.joined(Position("e", 9), [logged(2)], recovered=True, more=True)
        events = log.continued([logged(8), logged(9)], recovered=False, more=False)
        assert said(events) == [("Received", "ben-8"), ("Received", "ben-9")]
        assert log.gap
        assert log.is_joined

    def test_a_page_that_nobody_waits_for_is_ignored(self):
        log = joined_log(logged(1))
        assert log.continued([logged(2)], more=False) == []
        assert texts(log) == ["ben-1"]

    def test_a_new_epoch_is_a_gap_and_its_messages_stand_after_the_old_ones(self):
        log = joined_log(logged(1), logged(2))
        log.disconnected()
        log.joined(Position("f", 1), [logged(1, message_id="new-1")], recovered=False, more=False)
        assert log.gap
        assert log.position == Position("f", 1)
        log.received(logged(2, message_id="new-2", position="f:2"))
        assert texts(log) == ["ben-1", "ben-2", "new-1", "new-2"]
        assert log.position == Position("f", 2)

    def test_a_new_epoch_without_any_message_is_a_gap_too(self):
        log = joined_log(logged(1))
        log.disconnected()
        log.joined(Position("f", 0), [], recovered=True, more=False)
        assert log.gap

    def test_messages_find_their_place_in_an_older_epoch_too(self):
        """An ack of the former log comes late, and the former log returns with what was missed."""
        log = joined_log(logged(1), logged(4))
        log.received(logged(1, "cleo", position="f:1"))
        log.disconnected()
        log.joined(Position("e", 5), [logged(3), logged(5)], recovered=True, more=False)
        log.received(logged(2, "cleo", position="f:2"))
        log.disconnected()
        log.joined(Position("e", 5), [logged(2)], recovered=True, more=False)
        assert texts(log) == ["ben-1", "ben-2", "ben-3", "ben-4", "ben-5", "cleo-1", "cleo-2"]

    def test_an_epoch_that_returns_keeps_its_place(self):
        log = joined_log(logged(1))
        log.joined(Position("f", 1), [logged(1, message_id="new-1")], recovered=False, more=False)
        log.joined(Position("e", 2), [logged(2)], recovered=False, more=False)
        assert texts(log) == ["ben-1", "ben-2", "new-1"]

    def test_a_log_that_is_replaced_under_a_living_connection_is_a_gap(self):
        log = joined_log(logged(1), logged(2))
        assert said(log.received(logged(1, message_id="new-1", position="f:1"))) == [("Received", "new-1")]
        assert log.gap
        assert texts(log) == ["ben-1", "ben-2", "new-1"]
        assert log.position == Position("f", 1)

    def test_an_own_ack_advances_the_position_only_over_what_is_known(self):
        log = joined_log(logged(1))
        for name in ("m2", "m4"):
            log.send(name, name, timestamp_ms=7, now=0.0)
        log.acked("m2", 2, 1002)
        assert log.position == Position("e", 2)
        log.acked("m4", 4, 1004)
        assert log.position == Position("e", 2), "somebody's message 3 may be on its way"
        log.received(logged(3))
        assert log.position == Position("e", 4)

    def test_a_second_join_after_a_lost_answer_is_still_a_first_join(self):
        log = RoomLog("lobby", ANA)
        log.disconnected()
        assert log.joined(Position("e", 1), [logged(1)], recovered=False, more=False) == []
        assert not log.gap


@st.composite
def histories(draw):
    """A room's log, and everything that may reach one device about it, in any order and any number."""
    authors = draw(st.lists(st.sampled_from([ANA, BEN, "cleo"]), min_size=1, max_size=12))
    entries = [logged(offset, author) for offset, author in enumerate(authors, start=1)]
    news = []
    for entry in entries:
        ways = ["log", "ack"] if entry.user_id == ANA else ["log"]
        news += [(draw(st.sampled_from(ways)), entry) for _ in range(draw(st.integers(0, 2)))]
    return entries, draw(st.permutations(news)), draw(st.integers(0, len(news)))


@pytest.mark.clause("RT-CHAT-3")
@given(histories())
def test_any_order_of_broadcasts_acks_and_catch_up_gives_the_same_room(history):
    entries, news, at = history
    log = joined_log()
    told = []

    def tell(batch):
        for way, entry in batch:
            if way == "ack":
                told.extend(log.acked(entry.message_id, entry.offset, entry.timestamp))
            else:
                told.extend(log.received(entry))

    for entry in entries:
        if entry.user_id == ANA:
            log.send(entry.message_id, entry.text, timestamp_ms=7, now=0.0)
    tell(news[:at])
    log.disconnected()
    since = log.position.offset
    tell(news[at:])
    missed = [entry for entry in entries if entry.offset > since]
    told.extend(log.joined(Position("e", len(entries)), missed, recovered=True, more=False))
    for entry in entries:  # the outbox retries what it has no ack for
        if entry.user_id == ANA:
            told.extend(log.acked(entry.message_id, entry.offset, entry.timestamp))

    covered = [entry for entry in entries if entry.user_id == ANA or entry.offset > since or ("log", entry) in news]
    assert texts(log) == [entry.text for entry in covered]
    assert [message.offset for message in log.messages()] == [entry.offset for entry in covered]
    assert sorted(event.message.text for event in told) == sorted(entry.text for entry in covered), "each told once"
    assert {type(event) for event in told if event.message.mine} <= {Delivered}
    assert log.position == Position("e", len(entries))


@pytest.mark.clause("RT-CHAT-3")
@given(data=st.data(), authors=st.lists(st.sampled_from([ANA, BEN, "cleo"]), max_size=14))
def test_whatever_connections_break_the_log_arrives_whole_once_and_in_order(data, authors):
    """The server keeps its promise; connections break anywhere: in a page, in the broadcasts, before acks."""
    log, told, server, unacked = joined_log(), [], [], []

    def sync():
        start = log.position.offset
        page = data.draw(st.integers(1, 4))
        missed = server[start:]
        if not data.draw(st.booleans()):
            page = len(missed) + 1  # all at once
        cut = data.draw(st.integers(0, 4))
        told.extend(log.joined(Position("e", len(server)), missed[:page], recovered=True, more=len(missed) > page))
        while log.wants_more and (cut := cut - 1):
            start = log.position.offset
            told.extend(log.continued(server[start : start + page], more=len(server) > start + page))

    for offset, author in enumerate(authors, start=1):
        entry = logged(offset, author)
        server.append(entry)
        if author == ANA:
            log.send(entry.message_id, entry.text, timestamp_ms=7, now=0.0)
            unacked.append(entry)
        elif data.draw(st.booleans(), label="connected"):
            if not log.is_joined and not log.wants_more:
                sync()
            told.extend(log.received(entry))
        else:
            log.disconnected()
        while unacked and data.draw(st.booleans(), label="ack arrives"):
            acked = unacked.pop(0)
            told.extend(log.acked(acked.message_id, acked.offset, acked.timestamp))
    log.disconnected()
    while not log.is_joined:
        sync()
    for entry in unacked:
        told.extend(log.acked(entry.message_id, entry.offset, entry.timestamp))
    assert texts(log) == [entry.text for entry in server]
    theirs = [event.message.offset for event in told if isinstance(event, Received)]
    assert theirs == [entry.offset for entry in server if entry.user_id != ANA]
    assert len(told) == len(server)


def test_a_picture_of_the_messages_stays_as_it_was_taken():
    log = joined_log()
    log.send("m1", "mine", timestamp_ms=0, now=0.0)
    pictures = [log.messages()]
    log.received(logged(2, message_id="second"))
    pictures.append(log.messages())
    log.acked("m1", 1, 0)  # comes before what was there already
    pictures.append(log.messages())
    log.received(logged(3, message_id="third"))
    pictures.append(log.messages())
    shown = [[message.text for message in picture] for picture in pictures]
    assert shown == [["mine"], ["second", "mine"], ["mine", "second"], ["mine", "second", "third"]]
