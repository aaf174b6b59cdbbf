"""Who shares a position with whom, and until when."""

import pytest

from realtime.server.location_messages import Rejected, SharedFix
from realtime.server.location_shares import Shares
from realtime.server.rooms import Member

ANA, TABLET, BEN = Member("ana", "phone"), Member("ana", "tablet"), Member("ben", "phone")


def fix(second, metres=0.0):
    return SharedFix(latitude=60 + metres / 111_195, longitude=10.0, accuracy=5.0, timestamp=1000 * second)


@pytest.fixture
def shares():
    return Shares()


def known(shares, room_id="lobby"):
    return [(each.user_id, each.fix.timestamp // 1000) for each in shares.known(room_id)]


def test_the_newest_fix_of_each_user_is_known(shares):
    shares.update("lobby", ANA, [fix(1), fix(2)], until_ms=None, now_ms=0)
    shares.update("lobby", BEN, [fix(5)], until_ms=None, now_ms=0)
    shares.update("lobby", TABLET, [fix(3)], until_ms=None, now_ms=0)
    shares.update("tram", BEN, [fix(6)], until_ms=None, now_ms=0)
    assert known(shares) == [("ana", 3), ("ben", 5)]
    assert known(shares, "tram") == [("ben", 6)]
    assert known(shares, "nowhere") == []


@pytest.mark.clause("RT-LOC-9")
def test_what_cannot_be_true_is_rejected_with_its_place_and_reason(shares):
    fixes = [fix(5), fix(4), fix(6, metres=9000), fix(7)]
    accepted, rejected = shares.update("lobby", ANA, fixes, until_ms=None, now_ms=0)
    assert accepted == [fix(5), fix(7)]
    assert [(each.index, each.reason) for each in rejected] == [(1, "late"), (2, "too_fast")]
    assert known(shares) == [("ana", 7)]


def test_what_comes_again_is_neither_news_nor_wrong(shares):
    shares.update("lobby", ANA, [fix(1), fix(2)], until_ms=None, now_ms=0)
    assert shares.update("lobby", ANA, [fix(1), fix(2), fix(3)], until_ms=None, now_ms=0) == ([fix(3)], [])


def test_each_device_has_a_time_of_its_own(shares):
    """What the phone kept in a tunnel is no older for a tablet that shared meanwhile."""
    shares.update("lobby", TABLET, [fix(9, metres=5000)], until_ms=None, now_ms=0)
    assert shares.update("lobby", ANA, [fix(5), fix(6)], until_ms=None, now_ms=0) == ([fix(5), fix(6)], [])
    assert known(shares) == [("ana", 9)]


def test_a_user_is_gone_with_the_last_device_that_shares(shares):
    shares.update("lobby", ANA, [fix(2)], until_ms=None, now_ms=0)
    shares.update("lobby", TABLET, [fix(1)], until_ms=None, now_ms=0)
    assert not shares.stop("lobby", ANA)
    assert known(shares) == [("ana", 1)]
    assert shares.stop("lobby", TABLET)
    assert known(shares) == []
    assert not shares.stop("lobby", TABLET), "it was told"
    assert len(shares) == 0


def test_sharing_ends_by_itself(shares):
    shares.update("lobby", ANA, [fix(1)], until_ms=5000, now_ms=1000)
    shares.update("lobby", BEN, [fix(1)], until_ms=9000, now_ms=1000)
    assert shares.next_expiry_ms() == 5000
    assert shares.known("lobby")[0].until == 5000
    assert shares.expire(4999) == []
    assert shares.expire(5000) == [("lobby", ANA, True)]
    assert known(shares) == [("ben", 1)]
    assert shares.next_expiry_ms() == 9000


def test_the_last_word_on_the_end_counts(shares):
    shares.update("lobby", ANA, [fix(1)], until_ms=5000, now_ms=1000)
    shares.update("lobby", ANA, [fix(2)], until_ms=None, now_ms=2000)
    assert shares.next_expiry_ms() is None
    assert shares.expire(10_000) == []


def test_after_the_end_nothing_is_taken(shares):
    """A phone sends what it kept in a tunnel when the time is over already."""
    accepted, rejected = shares.update("lobby", ANA, [fix(1), fix(2)], until_ms=5000, now_ms=5000)
    assert accepted == []
    assert [each.reason for each in rejected] == ["expired", "expired"]
    assert len(shares) == 0


class TestWhoIsLost:
    def test_is_on_no_map_and_goes_on_where_they_were(self, shares):
        shares.update("lobby", ANA, [fix(1), fix(2)], until_ms=None, now_ms=0)
        assert shares.lose("lobby", ANA) == (True, [])
        assert known(shares) == []
        assert len(shares) == 0
        assert shares.update("lobby", ANA, [fix(1), fix(2), fix(3)], until_ms=None, now_ms=0) == ([fix(3)], [])
        assert known(shares) == [("ana", 3)]

    def test_while_only_repeating_is_on_the_map_again(self, shares):
        shares.update("lobby", ANA, [fix(1)], until_ms=None, now_ms=0)
        shares.lose("lobby", ANA)
        assert shares.update("lobby", ANA, [fix(1)], until_ms=None, now_ms=0) == ([fix(1)], []), "the others forgot it"
        assert known(shares) == [("ana", 1)]

    def test_with_one_of_two_devices_is_no_loss_of_the_user(self, shares):
        shares.update("lobby", ANA, [fix(2)], until_ms=None, now_ms=0)
        shares.update("lobby", TABLET, [fix(1)], until_ms=None, now_ms=0)
        assert shares.lose("lobby", ANA) == (False, [])

    def test_who_never_shared_is_not_lost_but_forgotten(self, shares):
        assert shares.lose("lobby", ANA) == (False, [("lobby", ANA)])

    def test_and_stops_is_forgotten(self, shares):
        shares.update("lobby", ANA, [fix(5)], until_ms=None, now_ms=0)
        shares.lose("lobby", ANA)
        assert not shares.stop("lobby", ANA)
        assert shares.update("lobby", ANA, [fix(4)], until_ms=None, now_ms=0) == ([fix(4)], [])

    def test_is_forgotten_when_there_are_too_many(self):
        shares = Shares(most_lost=2)
        for number in range(3):
            member = Member(f"user {number}", "phone")
            shares.update("lobby", member, [fix(1)], until_ms=None, now_ms=0)
            forgotten = shares.lose("lobby", member)[1]
        assert forgotten == [("lobby", Member("user 0", "phone"))]


class TestClocks:
    """A phone's clock may be hours away from the server's."""

    DAY_MS = 86_400_000

    @pytest.mark.clause("RT-LOC-11")
    def test_an_end_is_as_far_away_as_the_phone_says(self, shares):
        its_now = 7_200_000
        shares.update("lobby", ANA, [fix(1)], until_ms=its_now + 60_000, sent_ms=its_now, now_ms=1000)
        assert shares.next_expiry_ms() == 61_000
        shares.update("lobby", ANA, [fix(2)], until_ms=its_now + 60_000, sent_ms=its_now + 5000, now_ms=9000)
        assert shares.next_expiry_ms() == 61_000, "the second one was on its way for 3 s longer"
        shares.update("lobby", ANA, [fix(3)], until_ms=its_now + 90_000, sent_ms=its_now + 9000, now_ms=10_000)
        assert shares.next_expiry_ms() == 91_000, "another end"

    def test_a_clock_that_is_behind_does_not_end_it_at_once(self, shares):
        accepted, _ = shares.update("lobby", ANA, [fix(1)], until_ms=60_000, sent_ms=0, now_ms=3_600_000)
        assert accepted == [fix(1)]

    def test_a_fix_of_the_future_is_rejected(self, shares):
        far = fix(self.DAY_MS // 1000 + 61)  # a day and a second
        assert shares.update("lobby", ANA, [far], until_ms=None, now_ms=60_000)[1] == [Rejected(0, "future")]
        assert shares.update("lobby", BEN, [fix(3600)], until_ms=None, now_ms=0)[1] == [], "a zone set wrong"
        shares.update("lobby", TABLET, [fix(1)], until_ms=None, now_ms=0)
        assert known(shares) == [("ben", 3600), ("ana", 1)]


def test_clear_forgets_all(shares):
    shares.update("lobby", ANA, [fix(1)], until_ms=5000, now_ms=1000)
    shares.clear()
    assert (len(shares), shares.next_expiry_ms()) == (0, None)
