"""What a directed link is like."""

import random

import pytest

from realtime.network.conditions import IDEAL, LinkConditions, LossBursts
from realtime.network.rate_trace import RateTrace
from realtime.network.trace_model import StepSeries
from realtime.network.units import MS, NS


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": 1.1},
        {"loss": -0.1},
        {"delay_ns": -1},
        {"jitter_ns": -1},
        {"jitter_memory": 1.0},
        {"jitter_memory": -0.1},
        {"rate_bps": 0},
        {"queue_bytes": 0},
    ],
)
def test_impossible_conditions_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LinkConditions(**wrong)


@pytest.mark.parametrize(
    ("figures", "says"), [((0, 1), "mean_good_ns"), ((1, 0), "mean_bad_ns"), ((1, 1, 1.5), "probability")]
)
def test_impossible_bursts_are_refused(figures, says):
    with pytest.raises(ValueError, match=says):
        LossBursts(*figures)


def test_nothing_said_is_ideal():
    assert LinkConditions() == IDEAL
    assert (IDEAL.rate_at(0), IDEAL.delay_at(0), IDEAL.loss_at(0)) == (None, 0, 0.0)


def test_what_it_is_like_at_a_time():
    """Traces rule over constants."""
    moving = LinkConditions(
        rate_bps=RateTrace([0, NS], [8000, 0], 2 * NS),
        delay_ns=MS,
        loss=0.5,
        delays=StepSeries((0, NS), (5 * MS, 9 * MS), 2 * NS),
        losses=StepSeries((0, NS), (0.1, 0.2), 2 * NS),
    )
    assert [(moving.rate_at(at), moving.delay_at(at), moving.loss_at(at)) for at in (0, NS)] == [
        (8000, 5 * MS, 0.1),
        (0, 9 * MS, 0.2),
    ]


def test_bursts_begin_as_if_they_had_always_been():
    """A tenth of the time is bad, so a tenth of 2000 begins inside: binomial, four standard deviations."""
    bursts = LossBursts(900 * MS, 100 * MS)
    rng = random.Random(1)
    inside = sum(bursts.spells(5 * NS, rng).until(5 * NS) > 0 for _ in range(2000))
    assert abs(inside / 2000 - bursts.bad_share) < 4 * (0.1 * 0.9 / 2000) ** 0.5
