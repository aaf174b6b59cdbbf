"""Each checker catches what it is for, and accuses nobody who is right. Definitions: docstrings of the checkers."""

import pytest

from realtime.sim.checkers import check, duplicated, lost, reordered, stuck, vacuous
from realtime.sim.history import History
from tests.sim.stories import SAFETY, Story, texts


def good():
    """Three members, a fault, a reconnect, messages: everything in order."""
    story = Story("ana", "ben", "cleo")
    story.at(1).send("ana", "m1", "ben", "cleo")
    story.at(2).fault("outage")
    story.at(3).send("ben", "m2", "ana", "cleo")
    story.at(9).reconnect("ana")
    story.healed()
    return story


def test_nobody_is_accused_who_is_right():
    story = good()
    for name in ("ana", "ben", "cleo"):
        story.show(name, (1, "m1"), (2, "m2"))
    assert [checker(story) for checker in (*SAFETY, vacuous)] == [[]] * 7


def test_an_empty_history_is_only_vacuous():
    story = History(lambda: 0.0)
    assert [checker(story) for checker in SAFETY] == [[]] * 6
    assert len(vacuous(story)) == 4


# -- lost


def test_an_acked_message_that_a_member_never_got_is_lost():
    story = Story("ana", "ben", "cleo")
    story.at(12).send("ana", "m1", "ben")
    [violation] = lost(story)
    assert violation.text == "'m1' of ana, acked at 12.000 s with offset 1 in lobby, never reached cleo"
    assert (violation.kind, violation.t_s) == ("lost", 12)


def test_each_member_who_did_not_get_it_is_one_loss():
    assert len(lost(Story("ana", "ben", "cleo").send("ana", "m1").send("ana", "m2"))) == 4


def test_its_ack_is_the_senders_delivery():
    assert lost(Story("ana").send("ana", "m1")) == []


def test_another_device_of_the_sender_must_get_it():
    story = Story("ana-phone", "ana-tablet").send("ana-phone", "m1")
    assert [violation.text.split()[-1] for violation in lost(story)] == ["ana-tablet"]


def test_what_was_not_acked_cannot_be_lost():
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1")
    story.attempt("ana", "lobby", "m2")
    story.fail("m2", "refused")
    assert lost(story) == []


def test_who_is_in_another_room_or_dead_is_not_to_get_it():
    story = Story("ana", "ben")
    story.member("cleo", "kitchen")
    story.send("ana", "m1")
    story.killed("ben")
    assert lost(story) == []


def test_who_joined_after_the_ack_need_not_be_called_back():
    story = Story("ana").send("ana", "m1")
    story.member("ben", "lobby")
    assert lost(story) == []


def test_who_joined_later_has_all_that_follows_the_start_of_the_view():
    """The first join brings the newest messages, not all: those before are the history that can be scrolled to."""
    story = Story("ana")
    for n in range(1, 6):
        story.send("ana", f"m{n}")
    story.member("ben", "lobby")
    assert lost(story.show("ben", (3, "m3"), (4, "m4"), (5, "m5"))) == []
    assert len(lost(story.show("ben", (3, "m3"), (5, "m5")))) == 1


def test_a_join_brings_the_newest_message_at_least():
    story = Story("ana").send("ana", "m1").send("ana", "m2")
    story.member("ben", "lobby")
    assert lost(story) == [], "nobody knows what ben shows"
    assert [violation.text.split()[0] for violation in lost(story.show("ben"))] == ["'m2'"]


def test_what_was_sent_after_the_join_must_come_by_the_callback():
    story = Story("ana", "ben").send("ana", "m1").show("ben", (1, "m1"))
    assert len(lost(story)) == 1


def test_what_was_under_way_at_the_join_may_come_by_either():
    story = Story("ana")
    story.attempt("ana", "lobby", "m1")
    story.attempt("ana", "lobby", "m2")
    story.member("ben", "lobby")
    story.ok("m1", 1)
    story.ok("m2", 2)
    story.deliver("ben", "m2", 2)
    assert lost(story.show("ben", (1, "m1"), (2, "m2"))) == []


def test_a_restarted_device_begins_anew():
    """What the dead incarnation missed comes with the history; what follows, by the callback."""
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.killed("ben")
    story.send("ana", "m2")
    story.member("ben", "lobby")
    story.send("ana", "m3", "ben")
    assert lost(story.show("ben", (1, "m1"), (2, "m2"), (3, "m3"))) == []
    story.send("ana", "m4")
    assert len(lost(story)) == 1


def test_a_message_acked_to_a_dead_incarnation_counts_as_anybodys():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.killed("ana")
    story.member("ana", "lobby")
    assert lost(story.show("ana", (1, "m1"))) == []


def test_an_outbox_that_outlived_its_process_is_acked_to_the_new_one():
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1")
    story.killed("ana")
    story.member("ana", "lobby")
    story.ok("m1", 1)
    story.deliver("ben", "m1", 1)
    assert [checker(story) for checker in SAFETY] == [[]] * 6


# -- duplicated


def test_a_second_callback_is_a_duplicate():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.at(7).deliver("ben", "m1", 1)
    [violation] = duplicated(story)
    assert violation.text == "ben was told 'm1' of ana in lobby again at 7.000 s, after 0.000 s"
    assert violation.t_s == 7
    assert reordered(story) == [], "one thing, one name"


def test_each_further_callback_counts():
    story = Story("ana", "ben").send("ana", "m1", "ben", "ben", "ben")
    assert len(duplicated(story)) == 2


def test_two_receivers_or_two_incarnations_are_no_duplicate():
    story = Story("ana", "ben", "cleo").send("ana", "m1", "ben", "cleo")
    story.killed("ben")
    story.member("ben", "lobby")
    story.deliver("ben", "m1", 1)
    assert duplicated(story) == []


def test_a_message_that_stands_twice_in_a_view_is_a_duplicate():
    story = Story("ana", "ben").send("ana", "m1", "ben").show("ben", (1, "m1"), (2, "m1"))
    assert texts(duplicated(story)) == [
        "'m1' of ana is in the log of lobby twice: ana has it at offset 1 (0.000 s), ben at 2 (0.000 s)"
    ]


def test_an_own_message_that_was_acked_is_not_told_as_well():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.at(2).deliver("ana", "m1", 1)
    assert texts(duplicated(story)) == ["ana was told its own 'm1' of ana in lobby at 2.000 s, and its ack at 0.000 s"]
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1")
    story.killed("ana")
    story.member("ana", "lobby")
    assert duplicated(story.deliver("ana", "m1", 1)) == [], "another incarnation had sent it"


def test_a_message_with_two_offsets_was_logged_twice():
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1")
    story.at(3).deliver("ben", "m1", 1)
    story.at(5).ok("m1", 2)
    assert texts(duplicated(story)) == [
        "'m1' of ana is in the log of lobby twice: ben has it at offset 1 (3.000 s), ana at 2 (5.000 s)"
    ]


# -- gaps


def with_a_gap(*kept, gaps):
    """Ben was told of the first and the fourth message of four; the server forgot some."""
    story = Story("ana", "ben").send("ana", "m1", "ben").send("ana", "m2").send("ana", "m3").send("ana", "m4", "ben")
    story.view("ben", "lobby", [(1, "m1"), (4, "m4")], gaps=gaps)
    story.logged("lobby", [(offset, f"m{offset}") for offset in kept])
    return story


def test_what_is_gone_from_the_server_may_be_missing_where_a_gap_says_so():
    story = with_a_gap(4, gaps=[(1, 4)])
    assert [violation for checker in SAFETY for violation in checker(story)] == []


def test_what_is_missing_without_a_word_is_lost():
    assert len(lost(with_a_gap(4, gaps=[]))) == 2
    assert len(lost(with_a_gap(4, gaps=[(2, 4)]))) == 1


def test_a_gap_is_no_excuse_where_the_server_has_the_messages():
    assert texts(lost(with_a_gap(3, 4, gaps=[(1, 4)]))) == [
        "'m3' of ana, acked at 0.000 s with offset 3 in lobby, is in the server's log, and ben shows a gap there"
    ]


# -- stuck


def test_a_send_without_an_answer_in_the_end_is_stuck():
    story = Story("ana", "ben")
    story.at(5).attempt("ana", "lobby", "m1")
    assert texts(stuck(story)) == ["'m1' of ana, sent to lobby at 5.000 s, was neither acked nor refused"]


def test_answered_sends_and_those_of_the_dead_are_not_stuck():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.attempt("ana", "lobby", "m2")
    story.fail("m2", "refused")
    story.attempt("ben", "lobby", "m3")
    story.killed("ben")
    story.member("ben", "lobby")
    assert stuck(story) == []


def test_what_was_on_the_disk_of_one_who_came_back_must_be_answered():
    story = Story("ana", "ben")
    story.at(5).attempt("ben", "lobby", "m1", is_durable=True)
    story.killed("ben")
    assert stuck(story) == [], "nobody is there to hear the answer"
    story.member("ben", "lobby")
    assert texts(stuck(story)) == ["'m1' of ben, sent to lobby at 5.000 s, was neither acked nor refused"]
    story.ok("m1", 1)
    assert stuck(story) == []


# -- vacuous


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("fault", "no fault"),
        ("reconnect", "nobody reconnected"),
        ("ok", "nothing was acked"),
        ("member", "had a member to reach"),
    ],
)
def test_a_run_in_which_something_did_not_happen_proves_nothing(missing, words):
    story = good()
    kind = {"fault": "FaultFired", "reconnect": "Reconnect", "ok": "Acked", "member": "Joined"}[missing]
    story.records = [record for record in story.records if type(record).__name__ != kind]
    assert any(words in text for text in texts(vacuous(story)))
    assert all(violation.t_s == 9 for violation in vacuous(story))


# -- all together


def test_the_report_counts_everything():
    story = good()
    story.at(10).attempt("ana", "lobby", "m3")
    story.at(11).deliver("ben", "m9", 9).deliver("ben", "m9", 9)
    report = check(story)
    assert list(report.counts) == [
        *("attempted", "acked", "delivered", "lost", "duplicated", "reordered", "phantom", "divergent", "stuck"),
        *("faults", "reconnects", "presence", "crossings", "notifications"),
    ]
    assert list(report.counts.values()) == [3, 2, 6, 0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0]
    assert [violation.kind for violation in report.violations] == ["stuck", "duplicated", "phantom"]
    assert not report.passed
    assert check(good()).passed


def test_violations_come_in_the_order_of_their_times():
    story = good()
    for n in range(3):
        story.at(20 - n).attempt("ana", "lobby", f"stuck {n}")
    times = [violation.t_s for violation in check(story).violations]
    assert times == [18, 19, 20]


def test_a_vacuous_run_does_not_pass_unless_it_may():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    assert {violation.kind for violation in check(story).violations} == {"vacuous"}
    assert check(story, may_be_vacuous=True).passed


def test_latencies_are_measured_from_the_send_the_ack_and_the_heal():
    story = Story("ana", "ben", "cleo")
    story.at(1).attempt("ana", "lobby", "m1")
    story.at(2).ok("m1", 1)
    story.deliver("ben", "m1", 1)
    story.at(10).healed()
    story.at(14).deliver("cleo", "m1", 1)
    latencies = check(story).latencies
    assert (latencies["delivery"].count, latencies["delivery"].p50_s, latencies["delivery"].max_s) == (2, 1, 13)
    assert (latencies["delivery after heal"].count, latencies["delivery after heal"].max_s) == (1, 4)
    assert latencies["stable"].max_s == 12, "from the ack until the last member has it"


@pytest.mark.untraced
def test_a_hundred_thousand_records_take_a_moment():
    """10 members, 9000 messages, 9 deliveries each: linear, or this test times out."""
    names = [f"p{n}" for n in range(10)]
    story = Story(*names)
    for n in range(9_000):
        story.at(n / 10).send(names[n % 10], f"m{n}", *(name for name in names if name != names[n % 10]))
    story.fault("outage")
    story.reconnect("p1")
    assert len(story.records) > 99_000
    report = check(story)
    assert report.passed
    assert report.counts["delivered"] == 81_000


def test_without_a_view_what_a_device_said_it_lacks_is_not_lost_nor_what_the_server_let_go_of():
    story = Story("ana", "ben").send("ana", "m1").send("ana", "m2", "ben")
    assert len(lost(story)) == 1
    story.gap("ben", "lobby", 0, 2)
    assert lost(story) == []
    story.logged("lobby", [(2, "m2")], horizon=1)
    assert lost(story) == []
    story.logged("lobby", [], horizon=1)
    assert texts(lost(story)) == ["'m2' of ana, acked at 0.000 s with offset 2 in lobby, is not in the server's log"]


def test_who_joins_a_room_whose_messages_the_server_has_let_go_of_lacks_none():
    """Though the newest message is in everybody's view otherwise."""
    story = Story("ana").send("ana", "m1")
    story.member("ben", "lobby")
    story.show("ben").logged("lobby", [], horizon=0)
    assert len(lost(story)) == 2, "ben lacks it, and so does the log"
    story.logged("lobby", [], horizon=1)
    assert lost(story) == []
