"""How much may go wrong in a run, and what can be drawn."""

import math
import random
from collections import Counter

import pytest

from realtime.sim.fault_budget import VERBS, Cast, FaultBudget, verb_named, weights

PHONES = ["ana", "ben", "cem"]


def cast(phones=PHONES, servers=("server",), **budget):
    return Cast(random.Random(1), phones, list(servers), FaultBudget(**budget))


def drawn(verb, cast, times=60):
    """The positional arguments of many draws, without repetition."""
    return {VERBS[verb].draw(cast)[0] for _ in range(times)}


def test_every_verb_has_a_weight_of_its_own_or_the_budgets():
    assert set(weights(cast(traces=("subway",)))) == set(VERBS)
    own = weights(cast(weights={"outage": 0, "crash": 50}))
    assert "outage" not in own
    assert own["crash"] == 50
    assert own["reset"] == VERBS["reset"].weight


def test_without_traces_none_are_followed():
    assert "follow" not in weights(cast())
    assert drawn("follow", cast(traces=("subway",))) == {(phone, "subway") for phone in PHONES}


def test_a_lone_phone_is_cut_from_nobody():
    assert not {"partition", "partition_oneway"} & set(weights(cast(["ana"], ())))
    assert drawn("hold", cast(["ana"], ())) == {("ana",)}


@pytest.mark.parametrize("verb", ["background", "change_network", "nat_expire", "set_profile", "set_conditions"])
def test_only_phones_do_what_phones_do(verb):
    assert {args[0] for args in drawn(verb, cast())} == set(PHONES)


@pytest.mark.parametrize("verb", ["outage", "unplug", "reset", "crash", "kill_app"])
def test_what_happens_to_any_host(verb):
    assert drawn(verb, cast()) == {(host,) for host in [*PHONES, "server"]}


@pytest.mark.parametrize("verb", ["partition", "partition_oneway"])
def test_phones_are_cut_from_servers_either_way(verb):
    to, fro = {(phone, "server") for phone in PHONES}, {("server", phone) for phone in PHONES}
    assert drawn(verb, cast()) == to | fro


def test_without_servers_phones_are_cut_from_each_other():
    assert drawn("partition", cast(servers=())) == {(a, b) for a in PHONES for b in PHONES if a != b}


def test_a_host_is_held_or_two_of_them():
    held = drawn("hold", cast())
    assert Counter(len(args) for args in held).keys() == {1, 2}


def test_networks_come_from_the_budget():
    assert {args[1] for args in drawn("change_network", cast(profiles=("2g", "wifi")))} == {"2g", "wifi"}


def test_conditions_are_numbers_in_bounds():
    draws = [VERBS["set_conditions"].draw(cast())[1] for _ in range(60)]
    assert all(0.02 <= options["loss"] <= 0.3 and 20 <= options["delay_ms"] <= 800 for options in draws)


def test_an_unknown_verb():
    with pytest.raises(ValueError, match="no verb 'outrage'; there are outage, partition"):
        verb_named("outrage")


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="nothing to draw"):
        weights(cast(weights=dict.fromkeys(VERBS, 0)))


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ({"unhealthy_share": 0}, "unhealthy_share"),
        ({"unhealthy_share": 1.1}, "unhealthy_share"),
        ({"at_once": 0}, "at_once"),
        ({"longest_s": 0.1}, "longest_s"),
        ({"shortest_s": 0}, "shortest_s"),
        ({"per_minute": 0}, "per_minute"),
        ({"per_minute": math.nan}, "per_minute"),
        ({"weights": {"outrage": 1}}, "no verb 'outrage'; there are"),
        ({"weights": {"outage": -1}}, "weight of outage"),
        ({"profiles": ()}, "profiles"),
        ({"profiles": ("nope",)}, "nope"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(budget, words):
    with pytest.raises(ValueError, match=words):
        FaultBudget(**budget)
