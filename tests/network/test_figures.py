"""Link conditions in the units that people type."""

import math
import re
from dataclasses import replace

import pytest

from realtime.network.figures import FIGURES, changed, figures
from realtime.network.link import DEFAULT_QUEUE_BYTES, MS, NS, LinkConditions, LossBursts
from realtime.network.profiles import profile
from realtime.network.rate_trace import RateTrace
from realtime.network.trace_model import StepSeries

LTE = profile("lte").down  # 50 Mbit/s, 50 ms


def test_conditions_are_told_in_the_units_of_their_names():
    shown = LinkConditions(rate_bps=64_500, delay_ns=12_500_000, jitter_ns=3 * MS, loss=0.02, queue_bytes=300_000)
    assert figures(shown, 0) == {
        "rate_kbps": 64.5,
        "delay_ms": 12.5,
        "jitter_ms": 3.0,
        "loss": 0.02,
        "queue_kb": 300.0,
    }
    assert tuple(figures(shown, 0)) == FIGURES


def test_no_limit_is_none_and_has_no_queue():
    assert figures(LinkConditions(), 0)["rate_kbps"] is None
    assert figures(LinkConditions(), 0)["queue_kb"] is None


def test_a_queue_that_nobody_chose_is_told_all_the_same():
    assert figures(LinkConditions(rate_bps=1000), 0)["queue_kb"] == DEFAULT_QUEUE_BYTES / 1000


def test_a_rate_that_changes_with_time_is_told_as_of_now_and_kept_until_another_is_given():
    tram = replace(LTE, rate_bps=RateTrace([0, NS], [8_000, 16_000], 2 * NS))
    assert [figures(tram, at)["rate_kbps"] for at in (0, NS, 2 * NS)] == [8, 16, 8]
    assert figures(tram, 0)["queue_kb"] == LTE.queue_bytes / 1000
    assert changed(tram, {"loss": 0.1}).rate_bps is tram.rate_bps
    assert changed(tram, {"rate_kbps": 64}).rate_bps == 64_000


def test_losses_that_come_in_bursts_end_when_a_loss_is_chosen():
    bursty = replace(LTE, bursts=LossBursts(NS, NS))
    assert changed(bursty, {"delay_ms": 1}).bursts == bursty.bursts
    assert changed(bursty, {"loss": 0}).bursts is None


def test_delays_and_losses_of_a_trace_are_told_as_of_now_and_kept_until_others_are_given():
    steps = {
        "delays": StepSeries((0, NS), (5 * MS, 40 * MS), 2 * NS),
        "losses": StepSeries((0, NS), (0.5, 0.0), 2 * NS),
    }
    tram = replace(LTE, **steps)
    assert [figures(tram, at)["delay_ms"] for at in (0, NS, 2 * NS)] == [5, 40, 5]
    assert [figures(tram, at)["loss"] for at in (0, NS, 2 * NS)] == [0.5, 0, 0.5]
    assert changed(tram, {"rate_kbps": 64}) == replace(tram, rate_bps=64_000)
    slow, lossless = changed(tram, {"delay_ms": 300}), changed(tram, {"loss": 0})
    assert (slow.delay_at(0), slow.loss_at(0)) == (300 * MS, 0.5)
    assert (lossless.delay_at(0), lossless.loss_at(0)) == (5 * MS, 0)


def test_what_is_not_given_stays():
    assert changed(LTE, {"rate_kbps": 64.4, "jitter_ms": 2.5}) == replace(LTE, rate_bps=64_400, jitter_ns=2_500_000)
    assert changed(LTE, {"delay_ms": 0, "loss": 1}) == replace(LTE, delay_ns=0, loss=1.0)
    assert changed(LTE, {"queue_kb": 10}) == replace(LTE, queue_bytes=10_000)
    assert changed(LTE, {}) == LTE


def test_what_is_told_can_be_given_back():
    for name in ("wifi", "very-bad", "gprs"):
        for conditions in (profile(name).down, profile(name).up):
            given = figures(conditions, 0)
            assert figures(changed(LinkConditions(), given), 0) == given


def test_none_lifts_the_limit_and_restores_the_default_queue():
    assert changed(LTE, {"rate_kbps": None}).rate_bps is None
    assert changed(LTE, {"queue_kb": None}).queue_bytes is None


def test_a_rate_below_a_bit_per_second_is_still_a_rate():
    assert changed(LTE, {"rate_kbps": 0.0001}).rate_bps == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rate_kbps": 0}, "rate_kbps must be above 0, or null for no limit; for no traffic at all go offline"),
        ({"rate_kbps": -1}, "rate_kbps must be above 0"),
        ({"queue_kb": 0}, "queue_kb must be above 0, or null"),
        ({"delay_ms": -1}, "delay_ms must be 0 or above, not -1"),
        ({"jitter_ms": -0.5}, "jitter_ms must be 0 or above, not -0.5"),
        ({"loss": 1.01}, "loss is a fraction between 0 and 1, not 1.01: 2 % is 0.02"),
        ({"loss": -0.1}, "loss is a fraction"),
        ({"delay_ms": math.inf}, "delay_ms must be a finite number, not inf"),
        ({"loss": math.nan}, "loss must be a finite number, not nan"),
        ({"rate_kbps": 1e308}, "rate_kbps must be at most 1e+12"),
        ({"delay_ms": 10**400}, "delay_ms must be at most 1e+12"),
        ({"queue_kb": 2e12}, "queue_kb must be at most 1e+12"),
        ({"delay_ms": None}, "delay_ms must be a number, not null"),
        ({"loss": "2 %"}, "loss must be a number, not '2 %'"),
        ({"loss": True}, "loss must be a number, not True"),
        ({"delay": 5}, "there is no 'delay'; there are rate_kbps, delay_ms, jitter_ms, loss, queue_kb"),
    ],
)
def test_a_figure_out_of_its_range_is_refused_by_its_name(wrong, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        changed(LTE, wrong)
