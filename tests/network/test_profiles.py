"""Profiles: data with sources, checked when they are read."""

import math

import pytest

from realtime.network.link import LossBursts
from realtime.network.profiles import Profile, ProfileError, load_profiles, profile
from realtime.network.radio import Interruptions, Promotion, RadioConditions
from realtime.network.units import MS, NS
from realtime.utils.share import share_path

FIRST_TEN = ["wifi", "lte", "4g", "fast-4g", "slow-4g", "3g", "edge", "2g", "very-bad", "gprs"]
PRESETS = [
    *FIRST_TEN,
    *("devtools-3g", "webpagetest-2g", "webpagetest-edge", "webpagetest-lte"),
    *("atc-2g-rural", "atc-3g", "atc-edge-good", "atc-edge-lossy", "comcast-edge", "comcast-3g"),
]
OWN = [
    *("tmobile-4g", "verizon-4g", "tmobile-5g-nsa", "tmobile-5g-sa", "verizon-5g-nsa", "verizon-5g-mmwave"),
    *("3g-commute", "lte-commute", "5g-driving", "highway", "train", "subway", "lift", "stadium"),
    *("sleeping-phone", "wifi-to-lte"),
]

GOOD = """
[lift]
title = "A lift"
source = "invented for this test"
down = { rate_kbps = 100, delay_ms = 30.5, jitter_ms = 4, loss = 0.25, queue_kb = 20 }
up = { delay_ms = 10, jitter_memory = 0.5, bursts = { good_s = 9, bad_s = 1, loss = 0.5 } }
[lift.radio]
promotions = [{ idle_s = 5, delay_ms = 270, spread = 0.1, cycle_ms = 1280, settle_s = 2 }]
outages = { every_s = 60, median_s = 1, p90_s = 3, max_s = 16 }
handovers = { every_s = 40, median_s = 2, p90_s = 2.5, max_s = 21 }
address_changes = { every_s = 90 }
nat_idle_s = 30
"""


@pytest.fixture
def file(tmp_path):
    """Writes a profile file and returns its path."""

    def write(text):
        path = tmp_path / "profiles.toml"
        path.write_text(text)
        return path

    return write


def test_they_come_in_the_order_of_the_file():
    assert list(load_profiles()) == PRESETS + OWN


@pytest.mark.clause("RT-NET-4")
@pytest.mark.parametrize("name", PRESETS + OWN)
def test_every_profile_says_what_it_is_and_where_its_figures_come_from(name):
    found = profile(name)
    assert found.name == name
    assert found.title
    assert len(found.source) > 20
    assert found.down.rate_bps
    assert found.up.rate_bps
    assert found.down.queue_bytes
    assert found.up.queue_bytes


@pytest.mark.clause("RT-NET-4")
@pytest.mark.parametrize(
    ("name", "down_kbps", "up_kbps", "down_ms", "up_ms", "loss"),
    [
        ("wifi", 30_000, 30_000, 20, 20, 0.002),  # comcast, a round trip of 40 ms
        ("lte", 50_000, 10_000, 50, 65, 0),  # Apple
        ("4g", 9_000, 9_000, 85, 85, 0),  # WebPageTest, a round trip of 170 ms
        ("fast-4g", 9_000, 1_500, 30, 30, 0),  # DevTools, 60 ms
        ("slow-4g", 1_600, 750, 75, 75, 0),  # DevTools, 150 ms
        ("3g", 1_600, 768, 150, 150, 0),  # WebPageTest, 300 ms
        ("edge", 240, 200, 400, 440, 0),  # ATC average
        ("2g", 35, 32, 650, 650, 0),  # ATC urban
        ("very-bad", 1_000, 1_000, 500, 500, 0.1),  # Apple
        ("gprs", 50, 50, 250, 250, 0.02),  # comcast, 500 ms
        ("devtools-3g", 500, 500, 200, 200, 0),  # 400 ms
        ("webpagetest-2g", 280, 256, 400, 400, 0),  # 800 ms
        ("webpagetest-edge", 240, 200, 420, 420, 0),  # 840 ms
        ("webpagetest-lte", 12_000, 12_000, 35, 35, 0),  # 70 ms
        ("atc-2g-rural", 20, 18, 650, 650, 0.02),
        ("atc-3g", 780, 330, 100, 100, 0),
        ("atc-edge-good", 250, 200, 350, 370, 0),
        ("atc-edge-lossy", 240, 200, 400, 440, 0.01),
        ("comcast-edge", 250, 250, 150, 150, 0.015),  # 300 ms
        ("comcast-3g", 750, 750, 125, 125, 0.015),  # 250 ms
    ],
)
def test_figures_are_those_of_the_source(name, down_kbps, up_kbps, down_ms, up_ms, loss):
    found = profile(name)
    assert (found.down.rate_bps, found.up.rate_bps) == (down_kbps * 1000, up_kbps * 1000)
    assert (found.down.delay_ns, found.up.delay_ns) == (down_ms * MS, up_ms * MS)
    assert found.down.loss == found.up.loss == loss
    assert found.rtt_s == pytest.approx((down_ms + up_ms) / 1000)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_neither_bursts_nor_a_radio(name):
    assert profile(name).radio == RadioConditions()
    assert profile(name).down.bursts is profile(name).up.bursts is None


@pytest.mark.parametrize("name", [name for name in PRESETS + OWN if name != "stadium"])
def test_a_queue_holds_a_second_and_never_less_than_ten_full_packets(name):
    for conditions in (profile(name).down, profile(name).up):
        assert conditions.queue_bytes == max(15_000, conditions.rate_bps // 8)


def test_a_congested_queue_holds_four_seconds():
    for conditions in (profile("stadium").down, profile("stadium").up):
        assert conditions.queue_bytes == conditions.rate_bps // 2


@pytest.mark.parametrize("name", OWN)
def test_what_the_lab_made_up_says_so(name):
    assert profile(name).source.startswith("Lab's own")
    assert profile(name).radio != RadioConditions() or profile(name).down.bursts


def test_units_of_the_file_become_units_of_the_link(file):
    lift = load_profiles(file(GOOD))["lift"]
    assert isinstance(lift, Profile)
    assert (lift.down.rate_bps, lift.down.queue_bytes) == (100_000, 20_000)
    assert (lift.down.delay_ns, lift.down.jitter_ns) == (30_500_000, 4 * MS)
    assert lift.down.loss == 0.25
    assert lift.up.rate_bps is None
    assert lift.up.loss == 0
    assert lift.rtt_s == pytest.approx(0.0405)
    assert lift.up.jitter_memory == 0.5
    assert lift.up.bursts == LossBursts(9 * NS, 1 * NS, 0.5)
    assert lift.radio == RadioConditions(
        promotions=(Promotion(5 * NS, 270 * MS, 0.1, 1280 * MS, 2 * NS),),
        outages=Interruptions(60 * NS, 1 * NS, 3 * NS, 16 * NS),
        handovers=Interruptions(40 * NS, 2 * NS, 2500 * MS, 21 * NS),
        address_changes=Interruptions(90 * NS),
        nat_idle_ns=30 * NS,
    )


def test_what_is_above_zero_is_a_nanosecond_at_least(file):
    tiny = load_profiles(file(GOOD.replace("every_s = 90", "every_s = 1e-12")))["lift"]
    assert tiny.radio.address_changes == Interruptions(1)


def test_a_profile_without_a_radio_is_always_on(file):
    head, _, _ = GOOD.partition("[lift.radio]")
    assert load_profiles(file(head))["lift"].radio == RadioConditions()


def test_an_unknown_name_is_refused_with_the_nearest_and_the_list():
    with pytest.raises(ProfileError, match=r"slow4g.*did you mean 'slow-4g'.*wifi, lte, 4g") as caught:
        profile("slow4g")
    assert isinstance(caught.value, ValueError)


def test_a_name_like_nothing_is_refused_with_the_list():
    with pytest.raises(ProfileError, match=r"^no profile 'zzzzzz'; there are wifi, lte"):
        profile("zzzzzz")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("delay_ms = 30.5", "delai_ms = 30.5", "delai_ms"),
        ("delay_ms = 30.5", "rate_bps = 30", "rate_bps"),
        ("delay_ms = 30.5", "delay_ms = -1", "delay_ms"),
        ("delay_ms = 30.5", "delay_ms = nan", "delay_ms"),
        ("delay_ms = 30.5", "delay_ms = inf", "delay_ms"),
        ("delay_ms = 30.5", "delay_ms = '30'", "delay_ms"),
        ("delay_ms = 30.5,", "", "delay_ms"),
        ("rate_kbps = 100", "rate_kbps = 0", "rate_kbps"),
        ("rate_kbps = 100", "rate_kbps = true", "rate_kbps"),
        ("loss = 0.25", "loss = 25", "loss"),
        ("queue_kb = 20", "queue_kb = 0", "queue_kb"),
        ('title = "A lift"', "", "title"),
        ('source = "invented for this test"', 'source = ""', "source"),
        ("up = {", "op = {", "op"),
        ("up = {", "updown = {", "updown"),
        ("jitter_memory = 0.5", "jitter_memory = 1", "jitter_memory"),
        ("jitter_memory = 0.5", "jitter_memory = -0.1", "jitter_memory"),
        ("good_s = 9", "good_s = 0", "`up.bursts.good_s`"),
        ("good_s = 9, ", "", "good_s"),
        ("bad_s = 1", "bad_s = inf", "bad_s"),
        ("loss = 0.5 }", "loss = 1.5 }", "bursts.loss"),
        ("loss = 0.5 }", "lost = 0.5 }", "lost"),
        ("idle_s = 5", "idle_s = -5", "`radio.promotions[0].idle_s`"),
        ("delay_ms = 270, ", "", "delay_ms"),
        ("spread = 0.1", "spread = nan", "spread"),
        ("cycle_ms = 1280", "cycle_s = 1.28", "cycle_s"),
        ("settle_s = 2", "settle_s = '2'", "settle_s"),
        ("promotions = [{", "promotions = [4, {", "promotions"),
        ("every_s = 60", "every_s = 0", "outages.every_s"),
        ("median_s = 1", "median_s = 4", "median_s, p90_s and max_s must ascend, not 4.0, 3.0, 16.0"),
        ("p90_s = 2.5", "p90_s = 22", "handovers"),
        ("max_s = 16", "max_s = inf", "max_s"),
        (", max_s = 21", "", "max_s"),
        ("every_s = 90", "mean_s = 90", "mean_s"),
        ("nat_idle_s = 30", "nat_idle_s = 0", "nat_idle_s"),
        ("nat_idle_s = 30", "nat_idle_ms = 30", "nat_idle_ms"),
    ],
)
def test_a_bad_figure_is_refused_with_file_profile_and_key(file, old, new, words):
    assert old in GOOD
    path = file(GOOD.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        load_profiles(path)
    assert str(path) in str(caught.value)
    assert "'lift'" in str(caught.value)
    assert words in str(caught.value)


def test_a_file_that_is_no_toml_is_refused_with_its_name(file):
    path = file("[lift")
    with pytest.raises(ProfileError, match=r"profiles\.toml"):
        load_profiles(path)


def test_a_file_in_another_encoding_is_refused_with_its_name(file):
    path = file("")
    path.write_bytes(GOOD.replace("A lift", "Fahrstühle").encode("latin-1"))
    with pytest.raises(ProfileError, match=r"profiles\.toml is not UTF-8"):
        load_profiles(path)


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path):
    with pytest.raises(ProfileError, match=r"nowhere\.toml cannot be read: No such file"):
        load_profiles(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("name", ["Lift", "lift_2", "'-lift'", "'a lift'", "lift-"])
def test_a_name_is_small_letters_digits_and_hyphens(file, name):
    with pytest.raises(ProfileError, match="small letters"):
        load_profiles(file(GOOD.replace("[lift", f"[{name}")))


def test_a_profile_that_is_no_table_is_refused(file):
    with pytest.raises(ProfileError, match="'lift'"):
        load_profiles(file("lift = 3"))


def test_what_is_returned_may_be_changed_without_harm():
    load_profiles().clear()
    assert list(load_profiles())[:10] == FIRST_TEN


def test_the_file_comes_with_the_installation():
    assert (share_path("data") / "profiles.toml").is_file()


def test_delays_are_whole_nanoseconds():
    for found in load_profiles().values():
        for conditions in (found.down, found.up):
            assert isinstance(conditions.delay_ns, int)
            assert math.isfinite(conditions.loss)
