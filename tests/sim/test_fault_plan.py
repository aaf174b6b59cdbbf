"""Random schedules of faults that leave a run the time to heal."""

import json
import random
from collections import Counter

import pytest

from realtime.sim.fault_plan import VERBS, Fault, FaultBudget, FaultPlan

PHONES = ["ana", "ben", "cem"]
SEEDS = range(60)
TRACES = ("subway",)


def drawn(seed, *, duration_s=120.0, servers=("server",), **budget):
    return FaultPlan.draw(
        random.Random(seed), hosts=PHONES, servers=servers, duration_s=duration_s, budget=FaultBudget(**budget)
    )


def intervals(plan):
    return [(fault.at_s, fault.at_s + (fault.for_s or 0)) for fault in plan.faults]


def at_once(plan):
    """The most faults in force at one moment."""
    spans = intervals(plan)
    return max(sum(start <= moment <= end for start, end in spans) for moment, _ in spans)


def unhealthy_s(plan):
    """How long any fault is in force."""
    total, until = 0.0, 0.0
    for start, end in sorted(intervals(plan)):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def test_the_same_seed_draws_the_same_plan():
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.untraced
def test_everything_is_healed_in_time():
    for seed in SEEDS:
        plan = drawn(seed)
        assert plan.faults
        assert [fault.at_s for fault in plan.faults] == sorted(fault.at_s for fault in plan.faults)
        assert plan.healed_s == max(end for _, end in intervals(plan)) <= 120.0
        for fault in plan.faults:
            assert (fault.for_s is None) == (not VERBS[fault.verb].lasts)
            assert fault.at_s >= 0


def test_the_budget_is_kept():
    for seed in SEEDS:
        plan = drawn(seed, unhealthy_share=0.3, at_once=2, longest_s=9, shortest_s=2, per_minute=20)
        assert unhealthy_s(plan) <= 0.3 * 120 + 1e-6
        assert at_once(plan) <= 2
        assert all(2 <= fault.for_s <= 9 for fault in plan.faults if fault.for_s is not None)


@pytest.mark.untraced
def test_a_generous_budget_is_used():
    """Bounds that nothing reaches would not be noticed to be bounds."""
    plans = [drawn(seed, unhealthy_share=0.9, at_once=3, longest_s=40, per_minute=20) for seed in SEEDS]
    assert max(at_once(plan) for plan in plans) == 3
    assert max(unhealthy_s(plan) for plan in plans) > 0.8 * 120
    assert max(fault.for_s or 0 for plan in plans for fault in plan.faults) > 35
    assert min(fault.for_s or 99 for plan in plans for fault in plan.faults) < 1


@pytest.mark.untraced
def test_how_many():
    """Six a minute are twelve in two minutes, give or take half."""
    counts = [len(drawn(seed, per_minute=6, at_once=100, unhealthy_share=1.0).faults) for seed in SEEDS]
    assert min(counts) >= 6
    assert max(counts) <= 18
    assert 10 < sum(counts) / len(counts) < 14


def test_verbs_are_drawn_by_their_weights():
    count = Counter(fault.verb for seed in SEEDS for fault in drawn(seed, traces=TRACES, weights={"crash": 20}).faults)
    assert set(count) == set(VERBS)
    assert 0.4 < count["crash"] / count.total() < 0.6, "20 of 39 draws, less what had no place"
    only = drawn(1, weights={**dict.fromkeys(VERBS, 0), "reset": 1})
    assert {fault.verb for fault in only.faults} == {"reset"}


def test_as_json_and_back():
    for seed in range(10):
        plan = drawn(seed, traces=TRACES)
        text = plan.to_json()
        assert FaultPlan.from_json(text) == plan
        assert "\n" not in text
    plan = FaultPlan((Fault(1.5, "outage", ("ana",), for_s=2.0), Fault(3.0, "reset", ("server",))))
    assert json.loads(plan.to_json()) == [
        {"at_s": 1.5, "verb": "outage", "args": ["ana"], "for_s": 2.0},
        {"at_s": 3.0, "verb": "reset", "args": ["server"]},
    ]
    assert FaultPlan.from_json(plan.to_json().encode()) == plan


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no fault plan"),
        ('{"verb": "outage"}', "no fault plan"),
        (
            '[{"at_s": 1, "verb": "outrage", "args": ["ana"]}]',
            "fault 0: there is no verb 'outrage'; there are .*outage",
        ),
        ('[{"at_s": 1, "verb": "reset", "args": ["a"]}, {"at_s": -1, "verb": "reset"}]', "fault 1: at_s .* not -1"),
        ('[{"at_s": 1, "verb": "reset", "args": ["ana"], "for_s": 3}]', "fault 0: reset is over at once"),
        ('[{"at_s": 1, "verb": "outage", "args": ["ana"], "for_s": 0}]', "fault 0: for_s .* above 0"),
        ('[{"at_s": 1, "verb": "outage", "args": ["ana"]}]', "fault 0: outage needs for_s"),
        ('[{"at_s": 1, "verb": "outage", "args": ["ana"], "for": 3}]', "unknown field `for`"),
        ('[{"at_s": "x", "verb": "outage", "args": ["ana"]}]', "no fault plan"),
    ],
)
def test_wrong_json_is_refused_with_the_place(text, words):
    with pytest.raises(ValueError, match=words):
        FaultPlan.from_json(text)


def test_fewer_faults():
    plan = drawn(1)
    assert plan.without(()) == plan
    assert plan.without({0, 2}).faults == (plan.faults[1], *plan.faults[3:])
    assert plan.without(range(len(plan.faults))).faults == ()
    assert plan.without(range(len(plan.faults))).healed_s == 0.0
    with pytest.raises(IndexError, match="999"):
        plan.without({999})


def test_a_plan_is_readable():
    plan = FaultPlan(
        (
            Fault(1.5, "partition", ("ana", "server"), for_s=2.0),
            Fault(3.25, "set_conditions", ("ana",), {"loss": 0.1}, for_s=1.0),
            Fault(30.0, "reset", ("server",)),
        )
    )
    assert str(plan).splitlines() == [
        "  1.500 s  partition ana server for 2 s",
        "  3.250 s  set_conditions ana loss=0.1 for 1 s",
        " 30.000 s  reset server",
    ]
    assert str(FaultPlan(())) == "no faults"


class FakeWorld:
    """Writes down what is asked of it."""

    def __init__(self, now_s):
        self.now_s = now_s
        self.fault_plan = None
        self.asked = []

    def at(self, t_s):
        return FakeSchedule(self, t_s)


class FakeSchedule:
    def __init__(self, world, t_s):
        self.world, self.t_s = world, t_s

    def __getattr__(self, verb):
        return lambda *args, **options: self.world.asked.append((self.t_s, verb, args, options))


def test_a_plan_is_applied_from_now_on_and_the_world_knows_it():
    plan = FaultPlan(
        (
            Fault(1.5, "outage", ("ana",), for_s=2.0),
            Fault(2.0, "set_conditions", ("ana",), {"loss": 0.1}, for_s=1.0),
            Fault(3.0, "reset", ("server",)),
        )
    )
    world = FakeWorld(10.0)
    plan.apply(world)
    assert world.asked == [
        (11.5, "outage", ("ana",), {"for_s": 2.0}),
        (12.0, "set_conditions", ("ana",), {"loss": 0.1, "for_s": 1.0}),
        (13.0, "reset", ("server",), {}),
    ]
    assert world.fault_plan is plan
    with pytest.raises(ValueError, match="one plan"):
        plan.apply(world)


def test_a_run_too_short_for_any_fault_is_refused():
    with pytest.raises(ValueError, match="too short"):
        drawn(1, duration_s=3, unhealthy_share=0.5, shortest_s=2)
    with pytest.raises(ValueError, match="hosts"):
        FaultPlan.draw(random.Random(1), hosts=[], duration_s=60)
    with pytest.raises(ValueError, match="twice"):
        FaultPlan.draw(random.Random(1), hosts=["ana", "server"], servers=["server"], duration_s=60)
