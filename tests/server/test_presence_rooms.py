"""Who is in which room: in batches, with a grace, and nobody forgotten."""

import random

import pytest

from realtime.server.messages import PresentMember
from realtime.server.presence_rooms import PresenceRooms
from realtime.server.rooms import Member

ANA, BEN, TABLET = Member("ana", "phone"), Member("ben", "phone"), Member("ana", "tablet")


def entry(member, status="online", since=0, **more):
    return PresentMember(*member, "active", status, since, **more)


def rooms(batch_s=0.1, grace_s=15.0, epoch="e"):
    return PresenceRooms(epoch=epoch, batch_s=batch_s, grace_s=grace_s)


def told(diffs):
    """What a diff says, short."""
    return [(diff.room_id, diff.n, [m.user_id for m in diff.joins], [m.user_id for m in diff.leaves]) for diff in diffs]


def settle(presence, now):
    return told(presence.handle_timer(now))


def test_what_happens_within_a_batch_is_told_at_once():
    presence = rooms()
    presence.put("lobby", entry(ANA), 1.0)
    presence.put("lobby", entry(BEN), 1.05)
    assert presence.next_timer() == pytest.approx(1.1)
    assert settle(presence, 1.1) == [("lobby", 1, ["ana", "ben"], [])]
    assert presence.next_timer() is None
    presence.remove("lobby", ANA, 2.0)
    assert settle(presence, 2.1) == [("lobby", 2, [], ["ana"])]


def test_who_comes_and_goes_within_a_batch_was_never_there():
    presence = rooms()
    presence.put("lobby", entry(BEN), 1.0)
    assert settle(presence, 1.1) == [("lobby", 1, ["ben"], [])]
    presence.put("lobby", entry(ANA), 2.0)
    presence.remove("lobby", ANA, 2.05)
    assert settle(presence, 2.1) == []
    presence.remove("lobby", BEN, 3.0)
    presence.put("lobby", entry(BEN, since=3), 3.05)
    assert settle(presence, 3.1) == [("lobby", 2, ["ben"], [])], "another stay, since another time"
    assert presence.n("lobby") == 2


def test_who_was_shown_in_the_middle_of_a_batch_is_told_of_in_any_case():
    presence = rooms()
    presence.put("lobby", entry(BEN), 1.0)
    settle(presence, 1.1)
    presence.put("lobby", entry(ANA), 2.0)
    assert [m.user_id for m in presence.show("lobby", "ben")] == ["ben", "ana"]
    presence.remove("lobby", ANA, 2.05)
    assert settle(presence, 2.1) == [("lobby", 2, [], ["ana"])]


def test_a_lost_member_stays_for_the_grace():
    presence = rooms()
    presence.put("lobby", entry(ANA), 0.0)
    presence.put("lobby", entry(BEN), 0.0)
    settle(presence, 0.1)
    presence.lose("lobby", ANA, 10.0)
    assert [m.user_id for m in presence.show("lobby", "ben")] == ["ana", "ben"]
    assert settle(presence, 24.99) == []
    assert settle(presence, 25.0) == []
    assert settle(presence, 25.1) == [("lobby", 2, [], ["ana"])]


def test_who_is_back_within_the_grace_changes_nothing():
    presence = rooms()
    presence.put("lobby", entry(ANA, since=1), 0.0)
    settle(presence, 0.1)
    for n in range(10):
        presence.lose("lobby", ANA, 10.0 * n)
        presence.put("lobby", entry(ANA, since=2 + n), 10.0 * n + 9)
    assert settle(presence, 1000.0) == []
    assert [m.since for m in presence.show("lobby", "ben")] == [1]


def test_a_change_is_told_as_a_join():
    presence = rooms()
    presence.put("lobby", entry(ANA), 0.0)
    settle(presence, 0.1)
    presence.put("lobby", entry(ANA, "busy", text="in a meeting"), 1.0)
    [diff] = presence.handle_timer(1.1)
    assert (diff.joins, diff.leaves) == ([entry(ANA, "busy", text="in a meeting")], [])


class TestInvisible:
    def presence(self):
        presence = rooms()
        presence.put("lobby", entry(ANA, "invisible"), 0.0)
        presence.put("lobby", entry(BEN), 0.0)
        return presence

    def test_is_seen_by_ones_own_devices_only(self):
        presence = self.presence()
        [diff] = presence.handle_timer(0.1)
        assert told([diff]) == [("lobby", 1, ["ben"], [])]
        assert [m.user_id for m in presence.show("lobby", "ben")] == ["ben"]
        assert [m.user_id for m in presence.show("lobby", "ana")] == ["ana", "ben"]
        assert [(user, [m.user_id for m in joins], leaves) for user, joins, leaves in diff.own] == [
            ("ana", ["ana"], [])
        ]

    def test_goes_and_comes_without_a_trace(self):
        presence = self.presence()
        presence.handle_timer(0.1)
        presence.remove("lobby", ANA, 1.0)
        [diff] = presence.handle_timer(1.1)
        assert (diff.n, diff.joins, diff.leaves) == (None, [], [])
        assert [(user, joins, [m.user_id for m in leaves]) for user, joins, leaves in diff.own] == [
            ("ana", [], ["ana"])
        ]
        assert presence.n("lobby") == 1

    def test_to_become_it_is_a_leave_and_to_end_it_a_join(self):
        presence = rooms()
        presence.put("lobby", entry(ANA), 0.0)
        presence.handle_timer(0.1)
        presence.put("lobby", entry(ANA, "invisible"), 1.0)
        assert settle(presence, 1.1) == [("lobby", 2, [], ["ana"])]
        presence.put("lobby", entry(ANA), 2.0)
        assert settle(presence, 2.1) == [("lobby", 3, ["ana"], [])]

    def test_is_not_given_away_by_a_snapshot_in_the_middle_of_a_batch(self):
        presence = self.presence()
        presence.show("lobby", "ben")
        presence.remove("lobby", ANA, 0.05)
        assert settle(presence, 0.1) == [("lobby", 1, ["ben"], [])]


def test_a_room_that_was_forgotten_does_not_count_from_the_beginning():
    """Otherwise who heard the first diff of its former life takes the first one of the next for a repetition."""
    presence = rooms()
    for now in (0.0, 1.0, 2.0):
        presence.put("lobby", entry(ANA), now)
        presence.handle_timer(now + 0.1)
        presence.remove("lobby", ANA, now + 0.5)
        presence.handle_timer(now + 0.6)
    assert len(presence) == 0
    assert presence.n("lobby") == 6
    assert presence.n("attic") == 6


def test_removing_and_losing_strangers_is_harmless():
    presence = rooms()
    presence.remove("lobby", ANA, 0.0)
    presence.lose("lobby", ANA, 0.0)
    assert presence.next_timer() is None
    assert presence.show("lobby", "ana") == []
    assert len(presence) == 0


def test_whoever_leaves_at_last_is_told_of():
    presence, gone = rooms(), []
    presence.when_left(lambda room_id, member: gone.append((room_id, member)))
    presence.put("lobby", entry(ANA), 0.0)
    presence.put("lobby", entry(TABLET), 0.0)
    presence.remove("lobby", ANA, 1.0)
    presence.lose("lobby", TABLET, 1.0)
    assert gone == [("lobby", ANA)]
    presence.handle_timer(16.0)
    assert gone == [("lobby", ANA), ("lobby", TABLET)]


def test_after_a_stop_nobody_is_there_and_the_epoch_is_another():
    presence = rooms()
    presence.put("lobby", entry(ANA), 0.0)
    presence.lose("lobby", ANA, 0.0)
    presence.begin_anew("f")
    assert (presence.epoch, len(presence), presence.next_timer()) == ("f", 0, None)
    assert presence.show("lobby", "ana") == []


def test_a_storm_of_joins_costs_a_frame_per_batch_and_not_per_member():
    presence = rooms()
    for n in range(1000):
        presence.put("lobby", entry(Member(f"u{n}", "phone")), n / 1000)  # within a second: at most eleven batches
    frames = []
    while (due := presence.next_timer()) is not None:
        frames += presence.handle_timer(due)
    assert len(frames) <= 11
    assert sum(len(diff.joins) for diff in frames) == 1000


@pytest.mark.parametrize("seed", range(20))
def test_snapshot_and_diffs_always_come_to_the_truth(seed):
    """An observer who merges naively, from a snapshot at any moment on, is right once it is quiet."""
    rng = random.Random(seed)
    presence = rooms(batch_s=1.0, grace_s=5.0)
    members = [Member(f"u{n}", "phone") for n in range(4)]
    there, views, now = set(), [], 0.0
    for step in range(200):
        now += rng.choice((0.0, 0.1, 2.0))
        hear(presence.handle_timer(now), views)
        member, act = rng.choice(members), rng.choice(("put", "put", "lose", "remove", "show"))
        if act == "put":
            presence.put("lobby", entry(member, rng.choice(("online", "busy", "invisible")), since=step), now)
            there.add(member)
        elif act == "show":
            views.append({(m.user_id, m.device_id): m for m in presence.show("lobby", "an observer")})
        else:
            getattr(presence, act)("lobby", member, now)
            there.discard(member)
    while (due := presence.next_timer()) is not None:
        hear(presence.handle_timer(due), views)
    truth = {(m.user_id, m.device_id): m for m in presence.show("lobby", "an observer")}
    assert set(truth) <= there
    assert views
    assert all(view == truth for view in views)


def hear(diffs, views):
    for diff in diffs:
        for view in views:
            view.update({(m.user_id, m.device_id): m for m in diff.joins})
            for member in diff.leaves:
                view.pop((member.user_id, member.device_id), None)
