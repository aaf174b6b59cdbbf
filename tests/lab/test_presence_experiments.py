"""What presence goes through, asked of the simulated world."""

import random

import pytest

from realtime.lab.presence_experiments import (
    ENDS,
    Naive,
    absences_s,
    bound_s,
    gone_after_s,
    heard_of,
    sizes,
    told_in_any_order,
)
from realtime.presence.presence_state import PresenceState
from realtime.presence.wire import Member

pytestmark = pytest.mark.untraced  # long simulations

LATE_S = 2.0
"""Packets on LTE, retransmissions included."""


class TestAbsences:
    def test_nobody_is_away_on_a_good_network(self):
        assert absences_s("wifi", hours=0.5, seed=1) == []

    def test_each_glance_at_another_app_is_an_absence_where_there_is_no_grace(self):
        found = absences_s("wifi", hours=1, glances_per_h=20, seed=1)
        assert 10 < len(found) < 35, "20, by chance"
        assert found == absences_s("wifi", hours=1, glances_per_h=20, seed=1)
        assert found != absences_s("wifi", hours=1, glances_per_h=20, seed=2)

    @pytest.mark.clause("RT-PRES-4")
    def test_with_a_grace_others_see_those_that_are_longer_and_no_other(self):
        """On Wi-Fi a word more to ben's phone changes nothing of what becomes of it, so the runs can be compared."""
        without = absences_s("wifi", hours=1, glances_per_h=20, seed=1)
        with_it = absences_s("wifi", hours=1, glances_per_h=20, grace_s=15, seed=1)
        longer = [each for each in without if each > 15]
        assert 0 < len(longer) < len(without)
        assert with_it == pytest.approx([each - 15 for each in longer], abs=0.1)

    def test_a_subway_takes_the_network_away(self):
        assert len(absences_s("subway", hours=1, seed=1)) > 5


class TestGhosts:
    @pytest.mark.clause("RT-PRES-5")
    @pytest.mark.parametrize("end", ENDS)
    def test_whoever_is_gone_disappears_within_the_bound(self, end):
        found = gone_after_s(end, phones=12, seed=1)
        assert len(found) == 12
        assert max(found) <= bound_s(end) + LATE_S
        assert found == gone_after_s(end, phones=12, seed=1)

    def test_the_bounds(self):
        """The server's ping may be 25 s away, and waits 20 s; the grace is 15 s, and what changes is told in 0.1 s."""
        assert {end: round(bound_s(end), 1) for end in ENDS} == {
            "leaves the room": 0.1,
            "goes to the background": 15.1,
            "is killed": 15.1,
            "loses its network": 60.1,
        }
        assert bound_s("loses its network", ping_interval_s=10, ping_timeout_s=5, grace_s=5) == pytest.approx(20.1)

    @pytest.mark.clause("RT-PRES-3")
    def test_a_goodbye_is_at_once_and_a_loss_takes_the_grace_at_least(self):
        assert max(gone_after_s("leaves the room", phones=5, seed=1)) < 1
        assert min(gone_after_s("is killed", phones=5, seed=1)) > 15
        assert min(gone_after_s("loses its network", phones=5, seed=1)) > 35, "20 s to answer, and the grace"


class TestSizes:
    @pytest.mark.clause("RT-PRES-13")
    def test_a_change_has_one_size_and_a_snapshot_grows_with_the_room(self):
        small, large = sizes(10), sizes(1000)
        assert small.diff_bytes == large.diff_bytes
        assert 80 < large.snapshot_bytes / 1000 < 130, "a member"
        assert large.snapshot_bytes > 90 * small.snapshot_bytes

    def test_of_a_room_whose_members_say_much(self):
        assert sizes(10, text="on the tram", meta={"floor": 3}).diff_bytes > sizes(10).diff_bytes + 20


class TestOrders:
    @pytest.mark.clause("RT-PRES-2")
    def test_told_in_any_order_it_is_the_truth_in_the_end(self):
        for seed in range(50):
            changes = told_in_any_order(random.Random(seed), changes=20)
            assert heard_of(PresenceState("lobby"), changes) == changes.truth

    def test_who_believes_what_comes_last_is_wrong(self):
        wrong = 0
        for seed in range(50):
            changes = told_in_any_order(random.Random(seed), changes=20)
            wrong += heard_of(Naive(), changes) != changes.truth
        assert wrong > 10

    def test_in_order_the_naive_is_right_as_well(self):
        state = Naive()
        state.snapshot([Member("ana", "phone")], "e", 1)
        assert [member.user_id for member in state.room().members] == ["ana"]
