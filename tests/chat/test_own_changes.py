"""This user's own edits, deletions and reactions: they show at once, over whatever the server says."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.chat.amendments import fold
from realtime.chat.message import Reaction
from realtime.chat.own_changes import OwnChanges
from tests.chat.test_amendments import deletion, edit, message, reaction


@pytest.fixture
def changes():
    return OwnChanges()


def changed(changes, change_id, change, shown):
    """A loaded message is changed by this user: as it shows then."""
    changes.add(change_id, change, shown)
    return changes.shown(shown)


def test_without_any_a_message_shows_as_it_stands(changes):
    assert not changes.are_any
    assert changes.shown(message()) == message()
    assert changes.amend(message(), edit(7)) == (fold(message(), [edit(7)]), True)
    assert changes.amend(message(revision=7), edit(7)) == (message(revision=7), False)


def test_a_change_shows_at_once_and_stays_over_what_the_server_says(changes):
    mine = message(user_id="ana")
    shown = changed(changes, "c1", edit(None, "mine", "ana"), mine)
    assert (shown.text, shown.revision) == ("mine", 0)
    shown, applied = changes.amend(shown, edit(4, "from my tablet", "ana"))
    assert (shown.text, shown.revision, applied) == ("mine", 4, True)


def test_a_refused_change_falls_back_to_what_stands_by_then(changes):
    shown = changed(changes, "c1", edit(None, "mine", "ana"), message(user_id="ana"))
    shown, _ = changes.amend(shown, edit(4, "from my tablet", "ana"))
    assert changes.refused("c1").text == "mine"
    assert changes.shown(shown).text == "from my tablet"
    changes.reached(4)
    assert not changes.are_any
    assert changes.refused("c1") is None


@pytest.mark.parametrize("own", [edit(None, "mine", "ana"), deletion(None, "ana")])
def test_an_edit_and_a_deletion_are_pending_until_they_are_acknowledged(changes, own):
    shown = changed(changes, "c1", own, message(user_id="ana"))
    assert shown.pending
    shown, _ = changes.amend(shown, changes.acked("c1", 4, 1004))
    assert not shown.pending
    assert not changed(changes, "c2", reaction(None), message(user_id="ana")).pending, "the reaction says it itself"


def test_a_refused_edit_is_pending_no_more(changes):
    shown = changed(changes, "c1", edit(None, "mine", "ana"), message(user_id="ana"))
    changes.refused("c1")
    assert changes.shown(shown) == message(user_id="ana")


def test_an_acknowledged_change_is_an_entry_of_the_log(changes):
    shown = changed(changes, "c1", reaction(None), message())
    assert shown.reactions == (Reaction("👍", ("ana",), pending=True),)
    acked = changes.acked("c1", 4, 1004)
    assert acked == reaction(4)
    shown, applied = changes.amend(shown, acked)
    assert (shown.reactions, shown.revision, applied) == ((Reaction("👍", ("ana",)),), 4, True)
    assert changes.amend(shown, reaction(4)) == (shown, False), "a page may bring it too"
    changes.reached(4)
    assert not changes.are_any
    assert changes.acked("c1", 4, 1004) is None


def test_an_entry_that_comes_before_the_lost_acknowledgement_counts_once(changes):
    shown = changed(changes, "c1", reaction(None), message())
    shown, applied = changes.amend(shown, reaction(4))
    assert applied
    shown, applied = changes.amend(shown, changes.acked("c1", 4, 1004))
    assert (applied, shown.reactions) == (False, (Reaction("👍", ("ana",)),))


def test_a_change_that_is_overtaken_by_anothers_takes_its_place_before_it(changes):
    """Its acknowledgement comes after the broadcast of what was logged behind it."""
    shown = changed(changes, "c1", reaction(None), message())
    shown, _ = changes.amend(shown, reaction(5, "ben"))
    shown, applied = changes.amend(shown, changes.acked("c1", 4, 1004))
    assert applied
    assert (shown.reactions, shown.revision) == ((Reaction("👍", ("ana", "ben")),), 5)


def test_what_is_acknowledged_ahead_of_a_catch_up_waits_for_what_comes_before_it(changes):
    shown = changed(changes, "c1", edit(None, "mine", "ana"), message(user_id="ana"))
    shown, _ = changes.amend(shown, changes.acked("c1", 9, 1009))
    changes.reached(3)
    shown, applied = changes.amend(shown, reaction(7, "ben"))
    assert applied
    assert (shown.text, shown.reactions, shown.revision) == ("mine", (Reaction("👍", ("ben",)),), 9)
    changes.reached(9)
    assert not changes.are_any


def test_a_message_that_is_loaded_later_shows_the_change_too(changes):
    changes.add("c1", reaction(None))
    acked = changes.acked("c1", 9, 1009)
    assert changes.shown(message()).reactions == (Reaction("👍", ("ana",)),)
    assert changes.watch(message(revision=5)).revision == 9
    assert changes.amend(changes.watch(message(revision=9)), acked)[1] is False


def test_changes_are_kept_apart_by_their_messages(changes):
    changes.add("c1", edit(None, "mine", "ana"))
    assert changes.watch(message(user_id="ben")).text == "first", "of another user with the same id"
    assert changes.watch(message(user_id="ana", message_id="m2")).text == "first"


def test_further_changes_show_in_the_order_they_were_made(changes):
    mine = message(user_id="ana")
    shown = mine
    for change_id, change in {"c1": edit(None, "one", "ana"), "c2": edit(None, "two", "ana")}.items():
        shown = changed(changes, change_id, change, shown)
    assert shown.text == "two"
    shown, _ = changes.amend(shown, changes.acked("c1", 4, 1004))
    assert shown.text == "two"
    changes.add("c3", deletion(None, "ana"))
    assert changes.shown(shown).is_deleted
    assert changes.about(mine) == ["c2", "c3"]


def test_a_removal_that_removed_nothing_is_no_entry(changes):
    """The server acknowledges it with the place of the message itself."""
    shown = changed(changes, "c1", reaction(None, add=False), message())
    assert changes.amend(shown, changes.acked("c1", 3, 1003)) == (message(), False)


def test_in_another_log_old_acknowledgements_mean_nothing(changes):
    changes.add("c1", reaction(None))
    changes.acked("c1", 9, 1009)
    changes.another_log()
    assert not changes.are_any
    assert changes.shown(message()).reactions == ()


@given(st.data())
def test_in_whatever_order_acknowledgements_and_entries_come_it_ends_as_the_log_has_it(data):
    """Others' entries come in the order of the log, own ones when their acknowledgement does, or by the log too."""
    people = data.draw(st.lists(st.sampled_from(["ana", "ben", "cleo"]), min_size=1, max_size=8))
    log = [
        reaction(offset, user, emoji=data.draw(st.sampled_from("👍🚋")), add=data.draw(st.booleans()))
        if user != "ana" or data.draw(st.booleans())
        else edit(offset, f"text {offset}", "ana")
        for offset, user in enumerate(people, 4)
    ]
    mine = message(user_id="ana")
    changes, shown = OwnChanges(), mine
    own = [change for change in log if change.user_id == "ana"]
    for change in own:
        unsent = msgspec.structs.replace(change, offset=None)
        shown = changed(changes, str(change.offset), unsent, shown)
    acks = list(own)
    for entry in log:
        while acks and data.draw(st.booleans()):
            acked = acks.pop(0)
            amendment = changes.acked(str(acked.offset), acked.offset, acked.timestamp_ms)
            shown, _ = changes.amend(shown, amendment)
        if entry.user_id != "ana" or data.draw(st.booleans()):
            shown, _ = changes.amend(shown, entry)
    for acked in acks:
        amendment = changes.acked(str(acked.offset), acked.offset, acked.timestamp_ms)
        shown, _ = changes.amend(shown, amendment)
    assert shown == fold(mine, log)
    changes.reached(99)
    assert not changes.are_any
