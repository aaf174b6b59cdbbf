"""Profiles: data with sources, checked when they are read."""

import math

import pytest

from realtime.network.profiles import Profile, ProfileError, load_profiles, profile
from realtime.network.tcp import HEADER_BYTES, MSS_BYTES, WINDOW_BYTES
from realtime.utils.share import share_path

FIRST_TEN = ["wifi", "lte", "4g", "fast-4g", "slow-4g", "3g", "edge", "2g", "very-bad", "gprs"]
MS = 1_000_000

GOOD = """
[lift]
title = "A lift"
source = "invented for this test"
down = { rate_kbps = 100, delay_ms = 30.5, jitter_ms = 4, loss = 0.25, queue_kb = 20 }
up = { delay_ms = 10 }
"""


@pytest.fixture
def file(tmp_path):
    """Writes a profile file and returns its path."""

    def write(text):
        path = tmp_path / "profiles.toml"
        path.write_text(text)
        return path

    return write


def test_the_first_ten_come_in_the_order_of_the_file():
    assert list(load_profiles())[:10] == FIRST_TEN


@pytest.mark.parametrize("name", FIRST_TEN)
def test_every_profile_says_what_it_is_and_where_its_figures_come_from(name):
    found = profile(name)
    assert found.name == name
    assert found.title
    assert len(found.source) > 20
    assert found.down.rate_bps
    assert found.up.rate_bps
    assert found.down.queue_bytes
    assert found.up.queue_bytes


@pytest.mark.parametrize(
    ("name", "down_kbps", "up_kbps", "rtt_ms", "loss"),
    [
        ("wifi", 30_000, 30_000, 40, 0.002),  # comcast
        ("lte", 50_000, 10_000, 115, 0),  # Apple
        ("4g", 9_000, 9_000, 170, 0),  # WebPageTest
        ("fast-4g", 9_000, 1_500, 60, 0),  # DevTools
        ("slow-4g", 1_600, 750, 150, 0),  # DevTools
        ("3g", 1_600, 768, 300, 0),  # WebPageTest
        ("edge", 240, 200, 840, 0),  # WebPageTest and ATC
        ("2g", 35, 32, 1_300, 0),  # ATC
        ("very-bad", 1_000, 1_000, 1_000, 0.1),  # Apple
        ("gprs", 50, 50, 500, 0.02),  # comcast
    ],
)
def test_figures_are_those_of_the_source(name, down_kbps, up_kbps, rtt_ms, loss):
    found = profile(name)
    assert found.down.rate_bps == down_kbps * 1000
    assert found.up.rate_bps == up_kbps * 1000
    assert found.rtt_s == pytest.approx(rtt_ms / 1000)
    assert found.down.loss == found.up.loss == loss


def test_the_queue_holds_half_a_second_and_never_less_than_one_connection_has_in_flight():
    for found in load_profiles().values():
        for conditions in (found.down, found.up):
            assert conditions.queue_bytes > WINDOW_BYTES * (MSS_BYTES + HEADER_BYTES) / MSS_BYTES
            assert conditions.queue_bytes == max(300_000, conditions.rate_bps // 16), found.name


def test_units_of_the_file_become_units_of_the_link(file):
    lift = load_profiles(file(GOOD))["lift"]
    assert isinstance(lift, Profile)
    assert (lift.down.rate_bps, lift.down.queue_bytes) == (100_000, 20_000)
    assert (lift.down.delay_ns, lift.down.jitter_ns) == (30_500_000, 4 * MS)
    assert lift.down.loss == 0.25
    assert lift.up.rate_bps is None
    assert lift.up.loss == 0
    assert lift.rtt_s == pytest.approx(0.0405)


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
        ("up = { delay_ms = 10 }", "", "up"),
        ("up = { delay_ms = 10 }", "up = 10", "up"),
    ],
)
def test_a_bad_figure_is_refused_with_file_profile_and_key(file, old, new, words):
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
