"""What notifications go through, asked of the simulated world."""

import itertools

import pytest

from realtime.lab.push_experiments import APPS, MoodyGateway, race, shown_after_s, tries
from realtime.server.push.gateway import DELIVERED, Gone, Parcel, Push, PushToken, Rejected, TryAgain

pytestmark = pytest.mark.untraced  # long simulations

DELAY_S = 3.0
"""From a message to its push."""
LAG_S = 1.0
"""What a push service takes at most."""


class TestDelays:
    @pytest.mark.clause("RT-PUSH-1")
    def test_who_looks_is_shown_at_once_and_who_does_not_after_the_delay(self):
        """40 ms for the message on Wi-Fi; the push service takes 50 ms at least."""
        found = {app: shown_after_s("wifi", app, messages=8, seed=1) for app in APPS}
        assert {app: len(times) for app, times in found.items()} == dict.fromkeys(APPS, 8)
        for app in ("in the room", "in another room"):
            assert min(found[app]) == pytest.approx(0.04, abs=0.005)
        for app in ("in the background", "killed"):
            times = sorted(found[app])
            assert DELAY_S + 0.05 <= times[len(times) // 2] <= times[-1] <= DELAY_S + LAG_S + 0.1
            assert times[0] < DELAY_S, "one came while another waited, and went with it"

    def test_a_seed_is_a_run(self):
        first, again, other = (shown_after_s("lte", "killed", messages=4, seed=seed) for seed in (1, 1, 2))
        assert first == again != other

    def test_in_a_lift_some_take_long_and_none_is_lost(self):
        found = shown_after_s("subway", "in the background", messages=20, seed=1)
        assert len(found) == 20
        assert max(found) > 10


class TestRace:
    @pytest.mark.clause("RT-PUSH-3")
    @pytest.mark.parametrize("seeds", [range(10), range(10, 20)], ids=str)
    def test_each_message_is_shown_once_by_whichever_way_comes_first(self, seeds):
        found = [race(seed) for seed in seeds]
        for seed, each in zip(seeds, found, strict=True):
            assert each.never == (), f"seed {seed}"
            assert each.twice == (), f"seed {seed}"
            assert each.by_socket + each.by_push <= each.sent
        assert sum(each.by_push for each in found) > 10
        assert sum(each.by_socket for each in found) > 10
        assert sum(each.both_came for each in found) > 3, "a race there was"


class TestTries:
    @pytest.mark.clause("RT-PUSH-7")
    def test_a_push_service_that_fails_is_tried_again_after_growing_pauses(self):
        found = tries(down_s=60, pushes=1, seed=1)
        times = [at_s for at_s, _, _ in found.attempts]
        pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
        for n, pause_s in enumerate(pauses):
            assert 0.5 * 2**n <= pause_s <= 2**n + 0.001, "half to all of 1, 2, 4 … s"
        assert [outcome for _, _, outcome in found.attempts] == ["try again"] * len(pauses) + ["delivered"]
        assert found.shown == ("push 0",)
        assert found.dead_letters.empty

    @pytest.mark.clause("RT-PUSH-7")
    def test_what_is_tried_too_often_is_in_the_report_with_its_reason(self):
        found = tries(down_s=3600, pushes=2, seed=1)
        assert len(found.attempts) == 2 * 8
        assert found.shown == ()
        assert found.dead_letters[["push_id", "user_id", "attempts"]].to_numpy().tolist() == [
            ["push 0", "ben", 8],
            ["push 1", "ben", 8],
        ]
        assert found.dead_letters["reason"].str.contains("8 times").all()

    async def test_moods(self):
        gateway = MoodyGateway(lambda: 5.0)
        parcel = Parcel(Push(id="p"), PushToken("ben", "phone", "local", "t"))
        assert await gateway.send([parcel]) == [DELIVERED]
        gateway.down_until_s = 9.0
        gateway.retry_after_s = 2.0
        assert await gateway.send([parcel]) == [TryAgain("HTTP 503", 2.0)]
        gateway.down_until_s = 0.0
        gateway.refuses.add("p")
        assert await gateway.send([parcel]) == [Rejected("the payload is too large")]
        gateway.revoke("t")
        assert await gateway.send([Parcel(Push(id="q"), parcel.token)]) == [Gone("the app was removed")]
        assert gateway.attempts == [
            (5.0, "p", "delivered"),
            (5.0, "p", "try again"),
            (5.0, "p", "rejected"),
            (5.0, "q", "gone"),
        ]
