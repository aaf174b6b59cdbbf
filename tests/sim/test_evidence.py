"""A history read once: messages with what became of them, members with what they got, logs as they were told."""

from realtime.sim.evidence import Evidence
from tests.sim.stories import Story


def test_a_message_knows_what_became_of_it():
    story = Story("ana", "ben")
    story.at(1).attempt("ana", "lobby", "m1")
    story.at(2).ok("m1", 4)
    story.at(3).attempt("ana", "lobby", "m2")
    story.at(4).fail("m2", "not_member")
    story.attempt("ana", "lobby", "m3")
    first, second, third = Evidence(story).letters.values()
    assert (first.sender, first.room, first.sent_s, first.acked.t_s, first.acked.offset) == ("ana", "lobby", 1, 2, 4)
    assert (second.acked, second.refused.reason) == (None, "not_member")
    assert (third.acked, third.refused) == (None, None)
    assert first.is_resolved
    assert second.is_resolved
    assert not third.is_resolved


def test_the_first_ack_counts():
    story = Story("ana")
    story.at(1).send("ana", "m1")
    story.at(2).ok("m1", 1)
    assert Evidence(story).letters["m1"].acked.t_s == 1


def test_after_a_kill_a_device_is_another_member_until_it_has_joined_again():
    story = Story("ana", "ben")
    story.send("ana", "m1", "ben")
    story.killed("ben")
    assert [seat.receiver for seat in Evidence(story).final_seats] == ["ana"]
    story.member("ben", "lobby")
    story.send("ana", "m2", "ben")
    evidence = Evidence(story)
    assert [(seat.receiver, seat.incarnation, list(seat.told)) for seat in evidence.seats] == [
        ("ana", 0, []),
        ("ben", 0, ["m1"]),
        ("ben", 1, ["m2"]),
    ]
    assert [seat.incarnation for seat in evidence.final_seats] == [0, 1]


def test_to_come_back_after_a_crash_is_to_reconnect():
    story = Story("ana", "ben")
    story.reconnect("ana")
    assert Evidence(story).reconnects == 1
    story.killed("ben")
    story.member("ben", "lobby")
    story.member("ben", "kitchen")
    assert Evidence(story).reconnects == 2


def test_a_device_in_two_rooms_has_two_seats():
    story = Story("ana", "ben")
    story.member("ben", "kitchen")
    assert [(seat.receiver, seat.room) for seat in Evidence(story).final_seats] == [
        ("ana", "lobby"),
        ("ben", "lobby"),
        ("ben", "kitchen"),
    ]


def test_a_log_is_what_acks_deliveries_and_views_say():
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1")
    story.ok("m1", 3)
    story.deliver("ben", "m2", 5).show("ben", (3, "m1"), (4, "m0"))
    log = Evidence(story).logs["lobby"]
    assert {offset: claim.message_id for offset, claim in log.by_offset.items()} == {3: "m1", 4: "m0", 5: "m2"}
    assert log.offsets == [3, 4, 5]
    assert (log.conflicts, log.moves) == ([], [])


def test_it_notices_where_the_witnesses_disagree():
    story = Story("ana", "ben", "cleo")
    story.deliver("ben", "m1", 1).deliver("cleo", "m2", 1).deliver("cleo", "m1", 2)
    log = Evidence(story).logs["lobby"]
    assert [(a.witness, a.message_id, b.witness, b.message_id) for a, b in log.conflicts] == [
        ("ben", "m1", "cleo", "m2")
    ]
    assert [(a.witness, a.offset, b.witness, b.offset) for a, b in log.moves] == [("ben", 1, "cleo", 2)]


def test_it_is_read_once():
    evidence = Evidence(Story("ana"))
    assert Evidence.of(evidence) is evidence
    assert isinstance(Evidence.of(Story("ana")), Evidence)


def test_what_a_device_sent_may_be_its_own_in_all_its_lives():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.killed("ana")
    story.member("ana", "lobby")
    own = [
        [seat.is_own(evidence.letters["m1"]) for seat in evidence.seats if seat.receiver == "ana"]
        for evidence in (Evidence(story), Evidence(story, is_told_own=False))
    ]
    assert own == [[True, False], [True, True]]
