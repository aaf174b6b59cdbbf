"""A crowd that loses its server, and all come back: nobody too fast, nobody too late."""

import functools

import pytest

from realtime.lab.backoff_policies import POLICIES
from realtime.lab.scenarios import herd
from realtime.server.admission import Admission
from realtime.sim.seed_run import Settings, run_seed
from realtime.sim.world import simulate

pytestmark = pytest.mark.untraced  # long simulations

HERD = "realtime.lab.scenarios.herd:main"
PHONES, LIMIT = 100, 10


@functools.cache
def returned(policy, seed=1):
    """What came of a small herd: ten seconds of places, as the large one has twenty."""
    play = functools.partial(herd.play, policy=policy, phones=PHONES, handshakes_per_s=LIMIT)
    return simulate(play, seed=seed).result


@pytest.mark.clause("RT-CON-10")
@pytest.mark.parametrize("policy", POLICIES)
def test_however_they_come_back_no_second_lets_more_in_than_the_limit(policy):
    found = returned(policy)
    assert found.busiest_handshakes <= LIMIT
    assert found.handshakes == PHONES


@pytest.mark.clause("RT-CON-11")
def test_all_are_back_within_the_computed_bound():
    """100 at 10 a second: Erlang's B(10, 10) is 0.2146, so 12.73 s of places; up to 20 s before, and 20 s after."""
    found = returned("full jitter")
    assert sorted(found.back_s) == sorted(found.attempts)
    assert len(found.back_s) == PHONES
    assert found.bound_s == pytest.approx(12.73 + 2 * 20 + herd.SLACK_S, abs=0.01)
    assert PHONES / LIMIT - 1 <= max(found.back_s.values()) <= found.bound_s


@pytest.mark.clause("RT-CON-11")
def test_a_server_that_is_very_slow_wastes_more_of_its_places_and_the_bound_knows_it():
    """60 at 2 a second: B(2, 2) is 0.4, so 50 s of places where 30 s would do if they came one by one."""
    play = functools.partial(herd.play, phones=60, handshakes_per_s=2)
    found = simulate(play, seed=2).result
    assert found.bound_s == pytest.approx(50 + 2 * 20 + herd.SLACK_S)
    assert 29 <= max(found.back_s.values()) <= found.bound_s
    assert found.busiest_handshakes <= 2


@pytest.mark.clause("RT-CON-11")
def test_nobody_starves():
    """Some ten attempts into the outage, the backoff's own; then each is refused a few times at most."""
    tries = returned("full jitter").attempts.values()
    after = returned("full jitter").knocks
    assert max(tries) <= 20
    assert sum(after.values()) <= 2 * PHONES
    assert max(after.values()) <= 5


def test_without_jitter_they_come_in_one_crowd_and_with_it_they_do_not():
    assert returned("fixed delay").busiest_attempts > PHONES / 2
    assert returned("no jitter").busiest_attempts > PHONES / 2
    assert returned("full jitter").busiest_attempts < PHONES / 4


def test_those_who_heed_the_servers_word_knock_less_often():
    polite, stubborn = (sum(returned(policy).knocks.values()) for policy in ("full jitter", "fixed delay"))
    assert polite < stubborn / 2


def test_the_scenario_is_judged_and_repeats_itself(monkeypatch):
    monkeypatch.setattr(herd, "PHONES", 24)
    monkeypatch.setattr(herd, "HANDSHAKES_PER_S", 3)
    first, again = (run_seed(HERD, 3, Settings(is_shuffled=True)) for _ in range(2))
    assert first.violations == ()
    assert first.hash == again.hash
    assert first.counts["reconnects"] == 24
    assert first.counts["acked"] > 0
    assert first.counts["lost"] == first.counts["duplicated"] == first.counts["stuck"] == 0
    assert first.faults == {"kill_app": 1}
    assert first.latencies["back"].count == 24


def test_a_server_that_lets_everybody_in_is_found_out(monkeypatch):
    monkeypatch.setattr(herd, "PHONES", 24)
    monkeypatch.setattr(herd, "HANDSHAKES_PER_S", 3)
    monkeypatch.setattr(Admission, "knock", lambda admission, now: None)
    result = run_seed(HERD, 3)
    assert "over the limit" in {violation.kind for violation in result.violations}


def test_who_is_too_late_is_named(monkeypatch):
    monkeypatch.setattr(herd, "PHONES", 24)
    monkeypatch.setattr(herd, "HANDSHAKES_PER_S", 3)
    monkeypatch.setattr(herd, "SLACK_S", -45.0)
    result = run_seed(HERD, 3)
    assert {violation.kind for violation in result.violations} == {"late return"}


@pytest.mark.parametrize("seed", range(3))
def test_phones_that_lose_their_network_or_are_pocketed_as_they_come_back_do_not_spoil_it(seed):
    """30 phones, 3 a second; a third of them in trouble of up to 10 s within the 10 s after the return."""

    async def main(world):
        draw = world.rng("trouble")
        for n in draw.sample(range(30), 10):
            verb = draw.choice(("outage", "background", "unplug", "hold"))
            at_s = BACK_S + draw.uniform(0, 10)
            world.at(at_s, trouble, world, verb, f"phone-{n:04}", draw.uniform(1, 10))
        return await herd.play(world, phones=30, handshakes_per_s=3)

    found = simulate(main, seed=seed).result
    assert found.busiest_handshakes <= 3
    assert len(found.back_s) == 30
    # An attempt into a dead network ends after 20 s at most, and then there is one more wait.
    assert max(found.back_s.values()) <= found.bound_s + 10 + 20 + herd.CAP_S


BACK_S = herd.COME_S + herd.CALM_S + herd.OUTAGE_S


def trouble(world, verb, host, for_s):
    arguments = (host, "server") if verb == "hold" else (host,)
    getattr(world, verb)(*arguments, for_s=for_s)
