"""What stands where in a room's log: order, phantoms, and whether all agree."""

from realtime.sim.checkers import divergent, duplicated, lost, phantom, reordered
from tests.sim.stories import SAFETY, Story, texts

# -- reordered


def test_an_offset_that_is_not_above_the_one_before_is_out_of_order():
    story = Story("ana", "ben").send("ana", "m1").send("ben", "m2", "ana")
    story.attempt("cleo", "lobby", "m3")
    story.at(4).deliver("ana", "m3", 1, "cleo")
    assert texts(reordered(story)) == ["ana was told 'm3' of cleo at offset 1 of lobby (4.000 s) after offset 2"]


def test_a_swap_is_one_violation():
    story = Story("ana", "ben").send("ana", "m1").send("ana", "m2")
    story.deliver("ben", "m2", 2).deliver("ben", "m1", 1)
    assert len(reordered(story)) == 1


def test_a_known_offset_that_was_jumped_over_and_never_came_is_out_of_order():
    story = Story("ana", "ben", "cleo").send("ana", "m1", "ben", "cleo").send("ana", "m2", "cleo")
    story.at(4).send("ana", "m3", "ben", "cleo")
    assert texts(reordered(story)) == [
        "ben jumped in lobby from offset 1 to 3 ('m3' of ana, 4.000 s), over 2 ('m2' of ana)"
    ]


def test_own_messages_and_holes_in_the_log_may_be_jumped_over():
    story = Story("ana", "ben").send("ana", "m1", "ben").send("ben", "m2", "ana").send("ana", "m3", "ben")
    story.send("ana", "m4", "ben", offset=9)
    assert reordered(story) == []


def test_what_a_dead_incarnation_was_told_says_nothing_about_the_next():
    story = Story("ana", "ben").send("ana", "m1", "ben").send("ana", "m2", "ben")
    story.killed("ben")
    story.member("ben", "lobby")
    story.deliver("ben", "m2", 2)
    assert reordered(story) == []


def test_what_one_sender_sent_stands_in_the_order_of_its_sending():
    story = Story("ana", "ben")
    story.at(1).attempt("ana", "lobby", "m1")
    story.at(2).attempt("ana", "lobby", "m2")
    story.ok("m2", 1)
    story.ok("m1", 2)
    story.at(3).deliver("ben", "m2", 1).deliver("ben", "m1", 2)
    assert texts(reordered(story)) == [
        "'m1' of ana, sent at 1.000 s, stands in lobby at offset 2, behind 'm2' at offset 1, which ana sent at 2.000 s"
    ]


def test_two_senders_and_two_incarnations_owe_each_other_no_order():
    story = Story("ana", "ben", "cleo")
    story.attempt("ana", "lobby", "m1")
    story.killed("ana")
    story.member("ana", "lobby")
    story.attempt("cleo", "lobby", "m2")
    story.attempt("ana", "lobby", "m3")
    for offset, name in enumerate(("m3", "m2", "m1"), start=1):
        story.deliver("ben", name, offset)
    assert reordered(story) == []


def test_an_outbox_on_disk_keeps_its_order_across_incarnations():
    story = Story("ana", "ben")
    story.at(1).attempt("ana", "lobby", "m1", is_durable=True)
    story.killed("ana")
    story.member("ana", "lobby")
    story.at(5).attempt("ana", "lobby", "m2", is_durable=True)
    for offset, name in enumerate(("m2", "m1"), start=1):
        story.deliver("ben", name, offset)
    assert [text.split(", ")[0] for text in texts(reordered(story))] == ["'m1' of ana"]


def test_a_view_is_in_the_order_of_the_offsets():
    story = Story("ana", "ben").send("ana", "m1").send("ana", "m2").show("ana", (2, "m2"), (1, "m1"))
    assert texts(reordered(story)) == ["ana shows 'm1' of ana at offset 1 of lobby below offset 2"]


# -- phantom


def test_a_message_that_nobody_sent_is_a_phantom():
    story = Story("ana", "ben")
    story.at(3).deliver("ben", "m9", 1)
    assert texts(phantom(story)) == ["ben was told 'm9' in lobby at 3.000 s, which nobody sent"]


def test_a_message_that_is_told_before_it_was_sent_is_a_phantom():
    story = Story("ana", "ben").deliver("ben", "m1", 1)
    story.at(2).attempt("ana", "lobby", "m1")
    assert texts(phantom(story)) == ["ben was told 'm1' in lobby at 0.000 s, which nobody had sent then"]


def test_a_refused_message_that_is_told_is_a_phantom_whichever_came_first():
    for order in ((0, 1), (1, 0)):
        story = Story("ana", "ben")
        story.attempt("ana", "lobby", "m1")
        steps = [lambda s: s.fail("m1", "too_long"), lambda s: s.deliver("ben", "m1", 1)]
        for n in order:
            steps[n](story)
        assert texts(phantom(story)) == [
            "ben was told 'm1' of ana in lobby at 0.000 s, which was refused at 0.000 s: too_long"
        ]


def test_a_refused_message_that_is_acked_is_a_phantom():
    story = Story("ana")
    story.attempt("ana", "lobby", "m1")
    story.fail("m1", "too_long")
    story.ok("m1", 1)
    assert texts(phantom(story)) == ["'m1' of ana was acked at 0.000 s, and refused at 0.000 s: too_long"]


def test_an_ack_of_what_nobody_sent_is_a_phantom():
    story = Story("ana")
    story.ok("m9", 1)
    assert texts(phantom(story)) == ["'m9' was acked at 0.000 s, which nobody sent"]


def test_a_message_in_the_wrong_room_is_a_phantom():
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1")
    story.delivery("ben", "kitchen", "m1", 1, "ana")
    assert texts(phantom(story)) == ["ben was told 'm1' of ana in kitchen at 0.000 s, which was sent to lobby"]


def test_a_message_that_says_something_else_is_a_phantom():
    story = Story("ana", "ben", "cleo")
    story.attempt("ana", "lobby", "m1", "ana: hello")
    story.delivery("ben", "lobby", "m1", 1, "ana", "ana: hello")
    story.delivery("cleo", "lobby", "m1", 1, "ana", "mallory: hello")
    assert texts(phantom(story)) == [
        "cleo was told 'm1' of ana in lobby at 0.000 s as 'mallory: hello', which was sent as 'ana: hello'"
    ]


def test_what_a_message_says_need_not_be_noted():
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1", "ana: hello")
    story.delivery("ben", "lobby", "m1", 1, "ana")
    assert phantom(story) == []


def test_a_view_holds_no_phantoms():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.attempt("ana", "lobby", "m2")
    story.fail("m2", "too_long")
    story.show("ben", (1, "m1"), (2, "m9"), (3, "m2"))
    assert [violation.text.split(" in ")[0] for violation in phantom(story)] == [
        "ben shows 'm9'",
        "ben shows 'm2' of ana",
    ]


def test_an_unresolved_send_that_shows_up_later_is_none():
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1")
    story.killed("ana")
    story.at(60).deliver("ben", "m1", 1)
    assert [checker(story) for checker in SAFETY] == [[]] * 6


# -- divergent


def test_two_messages_at_one_offset_are_a_divergence():
    story = Story("ana", "ben", "cleo")
    story.attempt("ana", "lobby", "m1")
    story.attempt("cleo", "lobby", "m2")
    story.at(2).deliver("ana", "m2", 7, "cleo").deliver("ben", "m1", 7).deliver("ben", "m2", 7, "cleo")
    assert texts(divergent(story)) == [
        "at offset 7 of lobby ana has 'm2' of cleo (2.000 s), ben has 'm1' of ana (2.000 s)"
    ]


def test_acks_and_views_are_witnesses_too():
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1")
    story.attempt("ben", "lobby", "m2")
    story.ok("m1", 1)
    story.ok("m2", 1)
    assert len(divergent(story)) == 1
    story = Story("ana", "ben").send("ana", "m1", "ben").send("ana", "m2", "ben")
    assert divergent(story.show("ben", (1, "m1"), (2, "m2"))) == []
    assert len(divergent(story.show("ben", (1, "m2"), (2, "m1")))) == 2


def test_a_message_that_vanished_from_a_final_view_is_a_divergence():
    story = Story("ana", "ben").send("ana", "m1", "ben").send("ana", "m2", "ben")
    story.at(9).show("ben", (2, "m2"))
    assert texts(divergent(story)) == ["ben shows nothing at offset 1 of lobby (9.000 s), where ana has 'm1' of ana"]


def test_a_message_of_ones_own_that_vanished_from_the_view_is_a_divergence():
    story = Story("ana").send("ana", "m1")
    assert len(divergent(story.show("ana"))) == 1


def test_an_unacked_message_that_only_some_have_in_the_end_is_a_divergence():
    story = Story("ana", "ben", "cleo")
    story.attempt("ana", "lobby", "m1")
    story.killed("ana")
    story.deliver("ben", "m1", 1).show("ben", (1, "m1"))
    story.send("ben", "m2", "cleo", offset=2)
    assert len(divergent(story.show("cleo", (2, "m2")))) == 1


def test_what_is_lost_is_not_divergent_as_well():
    story = Story("ana", "ben").send("ana", "m1").send("ana", "m2", "ben").show("ben", (2, "m2"))
    assert (len(lost(story)), len(divergent(story))) == (1, 0)


def test_a_view_may_begin_late_if_its_device_came_late():
    story = Story("ana").send("ana", "m1").send("ana", "m2")
    story.member("ben", "lobby")
    assert divergent(story.show("ben", (2, "m2"))) == []


def test_the_view_of_a_dead_incarnation_is_over():
    story = Story("ana", "ben").show("ben").send("ana", "m1", "ben")
    story.killed("ben")
    assert divergent(story) == []


def test_one_author_per_message():
    story = Story("ana", "ben", "cleo")
    story.attempt("ana", "lobby", "m1")
    story.at(2).deliver("ben", "m1", 1, "ana").deliver("cleo", "m1", 1, "dora")
    assert texts(divergent(story)) == ["ben was told that 'm1' in lobby is by ana, cleo that it is by dora (2.000 s)"]


# -- what the server's log holds


def test_the_log_of_the_server_is_a_witness_who_has_everything():
    story = Story("ana", "ben").send("ana", "m1", "ben").send("ana", "m2", "ben")
    story.logged("lobby", [(1, "m1"), (2, "m2")])
    assert [checker(story) for checker in SAFETY] == [[]] * 6


def test_an_acked_message_that_is_not_in_the_log_is_lost():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.at(4).send("ana", "m2", "ben").at(9).logged("lobby", [(1, "m1")])
    assert texts(lost(story)) == ["'m2' of ana, acked at 4.000 s with offset 2 in lobby, is not in the server's log"]


def test_a_log_that_was_trimmed_has_lost_nothing():
    story = Story("ana", "ben").send("ana", "m1", "ben").send("ana", "m2", "ben")
    story.logged("lobby", [(2, "m2")])
    assert lost(story) == []


def test_an_empty_log_has_lost_everything():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.logged("lobby", [])
    assert len(lost(story)) == 1


def test_a_retry_that_was_stored_again_is_a_duplicate_though_the_clients_hide_it():
    story = Story("ana", "ben").send("ana", "m1", "ben")
    story.at(9).logged("lobby", [(1, "m1"), (2, "m1")])
    assert texts(duplicated(story)) == [
        "'m1' of ana is in the log of lobby twice: ana has it at offset 1 (0.000 s), the server at 2 (9.000 s)"
    ]


def test_what_the_log_should_not_hold_is_a_phantom():
    story = Story("ana", "ben")
    story.attempt("ana", "lobby", "m1")
    story.fail("m1", "disk full")
    story.at(9).logged("lobby", [(1, "m1"), (2, "m9")])
    assert texts(phantom(story)) == [
        "the server holds 'm1' of ana in lobby at 9.000 s, which was refused at 0.000 s: disk full",
        "the server holds 'm9' in lobby at 9.000 s, which nobody sent",
    ]


def test_a_log_that_is_not_in_the_order_of_its_offsets_is_out_of_order():
    story = Story("ana", "ben").send("ana", "m1", "ben").send("ana", "m2", "ben")
    story.logged("lobby", [(2, "m2"), (1, "m1")])
    assert texts(reordered(story)) == ["the server holds 'm1' of ana at offset 1 of lobby below offset 2"]


def test_a_phantom_that_was_told_and_is_shown_is_one():
    story = Story("ana", "ben").deliver("ben", "m9", 1).show("ben", (1, "m9"))
    assert len(phantom(story)) == 1


def test_a_message_may_come_as_it_was_edited_and_not_as_it_never_was():
    story = Story("ana", "ben", "cleo")
    story.attempt("ana", "lobby", "m1", "ana: one")
    story.delivery("ben", "lobby", "m1", 1, "ana", "ana: one")
    story.amended("m1", "ana: two")
    story.delivery("cleo", "lobby", "m1", 1, "ana", "ana: two")
    assert phantom(story) == []
    story.delivery("dora", "lobby", "m1", 1, "ana", "ana: three")
    [text] = texts(phantom(story))
    assert text == "dora was told 'm1' of ana in lobby at 0.000 s as 'ana: three', which was sent as 'ana: one'"


def test_who_says_that_there_is_a_gap_may_jump_over_it_though_the_process_dies_later():
    story = Story("ana", "ben").send("ana", "m1", "ben").send("ana", "m2").send("ana", "m3")
    story.gap("ben", "lobby", 1, 3)
    story.deliver("ben", "m3", 3)
    story.killed("ben")
    assert reordered(story) == []
    other = Story("ana", "ben").send("ana", "m1", "ben").send("ana", "m2").send("ana", "m3", "ben")
    assert len(reordered(other)) == 1
