"""What those go through who share their position, asked of the simulated world."""

import pytest

from realtime.lab.location_experiments import marker_ages, ride

pytestmark = pytest.mark.untraced  # long simulations

TUNNELS = ((60.0, 40.0), (150.0, 20.0))


class TestARide:
    @pytest.fixture(scope="class")
    @staticmethod
    def found():
        return ride(tunnels=TUNNELS, seed=1)

    def test_has_each_second_with_its_place_and_its_rate(self, found):
        """The trace is 300 s long; its places begin and end some seconds apart from that."""
        assert len(found.moments) == pytest.approx(300, abs=10)
        at_s = [moment.at_s for moment in found.moments]
        assert at_s == sorted(at_s)
        assert {moment.has_network for moment in found.moments if 62 < moment.at_s < 98} == {False}
        assert {moment.has_network for moment in found.moments if 102 < moment.at_s < 148} == {True}
        assert max(moment.rate_bps for moment in found.moments) > 100e6

    @pytest.mark.clause("RT-LOC-5")
    def test_each_fix_is_shown_to_the_other_in_the_end(self, found):
        assert all(moment.shown_after_s is not None for moment in found.moments)
        waits = {moment.has_network: [] for moment in found.moments}
        for moment in found.moments:
            waits[moment.has_network].append(moment.shown_after_s)
        assert min(waits[False]) > 0
        assert max(waits[False]) >= 40
        assert sorted(waits[True])[len(waits[True]) // 2] < 2, "usually, it is at most one interval"

    def test_messages_wait_where_there_is_no_network(self, found):
        assert len(found.messages) == 29, "one each 10 s, up to 290 s"
        slow = [message for message in found.messages if message.wait_s > 10]
        assert {60 <= message.at_s <= 100 or 150 <= message.at_s <= 170 for message in slow} == {True}
        assert min(message.wait_s for message in found.messages) < 0.5

    def test_of_one_seed_is_one_ride(self, found):
        assert ride(tunnels=TUNNELS, seed=1) == found != ride(tunnels=TUNNELS, seed=2)


@pytest.mark.clause("RT-LOC-7")
@pytest.mark.parametrize("reported", [False, True])
def test_a_marker_ages_in_a_tunnel_and_is_young_soon_after_it(reported):
    """The bound of a way back that nobody reports is derived in tests/location/test_sequences_simulated.py."""
    found = marker_ages(tunnels=((60.0, 120.0),), end_s=400.0, reported=reported, seed=1)
    by_s = {round(each.at_s): each for each in found}
    assert by_s[50].age_s < 8
    assert by_s[50].kept <= 1
    assert by_s[95].age_s == pytest.approx(35, abs=8), "as long as it is shown"
    assert by_s[175].age_s is None, "the server takes a lost one off the map"
    assert by_s[175].kept == pytest.approx(23, abs=2), "one each 5 s"
    back_s = 180 + (6 if reported else 81)
    assert all(each.age_s < 12 for each in found if each.at_s > back_s)
    assert all(each.kept <= 2 for each in found if each.at_s > back_s)
