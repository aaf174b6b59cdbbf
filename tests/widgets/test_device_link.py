"""Which page is the phone, what is news of it, and when its silence means that it is gone: with times by hand."""

from tests.widgets.device_page import report
from widgets.device_link import DeviceLink, PageState, Verdict
from widgets.device_report import read_report

NEWS, KNOWN, NOT_YOU = Verdict(True, True), Verdict(True, False), Verdict(False, False)


def said(**changes):
    return read_report(report(**changes))


def until(link, end_s, *, deaf=False):
    """Let its timers ring up to this time; returns when it was noticed that nobody is there."""
    while (due := link.next_timer()) is not None and due <= end_s:
        if link.handle_timer(due, deaf=deaf):
            return due
    return None


def test_no_page_is_the_phone_before_one_is_started():
    link = DeviceLink(silence_s=15)
    assert (link.page, link.state, link.reason) == (None, PageState.NO_PAGE, "no page was started")
    assert link.next_timer() is None


def test_the_page_whose_button_was_pressed_is_the_phone():
    link = DeviceLink(silence_s=15)
    assert link.heard(said(page="a"), now=0) == NEWS
    assert (link.page, link.state, link.reason) == ("a", PageState.HERE, "")


def test_a_report_that_comes_again_or_late_is_no_news():
    """What was sent again because the answer was late may come twice, and in any order."""
    link = DeviceLink(silence_s=15)
    link.heard(said(seq=1), now=0)
    assert link.heard(said(seq=3), now=1) == NEWS
    assert link.heard(said(seq=3), now=2) == KNOWN
    assert link.heard(said(seq=2), now=3) == KNOWN
    assert link.heard(said(seq=4), now=4) == NEWS


def test_of_several_pages_the_last_that_was_started_is_the_phone():
    link = DeviceLink(silence_s=15)
    link.heard(said(page="a", seq=1), now=0)
    assert link.heard(said(page="b", seq=1), now=1) == NEWS
    assert link.page == "b"
    assert link.heard(said(page="a", seq=2), now=2) == NOT_YOU
    assert link.heard(said(page="a", run=2, seq=3), now=3) == NEWS  # its button was pressed again
    assert link.page == "a"
    assert link.heard(said(page="b", seq=2), now=4) == NOT_YOU


def test_a_page_that_is_stopped_is_the_phone_no_more():
    link = DeviceLink(silence_s=15)
    link.heard(said(seq=1), now=0)
    assert link.heard(said(seq=2, phase="stop"), now=1) == Verdict(False, True)
    assert (link.page, link.state, link.reason) == (None, PageState.NO_PAGE, "stopped on the page")
    assert link.heard(said(seq=3), now=2) == NOT_YOU
    assert link.heard(said(run=2, seq=4), now=3) == NEWS


def test_a_page_that_says_goodbye_is_gone():
    link = DeviceLink(silence_s=15)
    link.heard(said(seq=1), now=0)
    link.heard(said(seq=2, phase="bye"), now=1)
    assert (link.page, link.state, link.reason) == (None, PageState.NO_PAGE, "the page was closed")


def test_a_stop_that_comes_late_does_not_stop_another_page():
    link = DeviceLink(silence_s=15)
    link.heard(said(page="a", seq=1), now=0)
    link.heard(said(page="b", seq=1), now=1)
    assert link.heard(said(page="a", seq=2, phase="stop"), now=2) == NOT_YOU
    assert link.heard(said(page="c", seq=1, phase="bye"), now=2) == NOT_YOU  # its start was never heard
    assert link.page == "b"


def test_python_may_end_it_too():
    link = DeviceLink(silence_s=15)
    link.heard(said(seq=1), now=0)
    link.release("stopped in Python")
    assert (link.state, link.reason) == (PageState.NO_PAGE, "stopped in Python")
    assert link.heard(said(seq=2), now=1) == NOT_YOU


def test_a_page_that_is_silent_is_gone_until_it_is_heard_again():
    link = DeviceLink(silence_s=15)
    link.heard(said(seq=1), now=0)
    assert until(link, 100) == 15
    assert (link.state, link.reason) == (PageState.NO_PAGE, "nothing was heard of the page for 15 s")
    assert link.page == "p1"
    assert link.next_timer() is None
    assert link.heard(said(seq=2), now=300) == NEWS
    assert link.state is PageState.HERE
    assert until(link, 400) == 315


def test_heartbeats_keep_it_alive():
    link = DeviceLink(silence_s=15)
    for n in range(20):
        link.heard(said(seq=n + 1), now=5.0 * n)
        assert until(link, 5.0 * n + 4.9) is None


def test_a_page_out_of_sight_may_be_silent_for_longer():
    """Browsers let timers of hidden pages run once a minute."""
    link = DeviceLink(silence_s=15)
    link.heard(said(visible=False), now=0)
    assert until(link, 1000) == 150


def test_a_frozen_page_sleeps_for_as_long_as_it_likes():
    link = DeviceLink(silence_s=15)
    link.heard(said(seq=1), now=0)
    link.heard(said(seq=2, visible=False, frozen=True), now=1)
    assert (link.state, link.next_timer()) == (PageState.ASLEEP, None)
    link.heard(said(seq=3), now=5000)
    assert link.state is PageState.HERE


def test_while_the_kernel_is_deaf_silence_means_nothing():
    """A cell that computes for an hour keeps what the page says waiting."""
    link = DeviceLink(silence_s=15)
    link.heard(said(seq=1), now=0)
    assert until(link, 3600, deaf=True) is None
    assert until(link, 4000) == 3600 + 15


def test_a_clock_that_jumps_counts_as_one_tick():
    """The kernel's machine was asleep, or its loop was blocked: what the page said waits to be read."""
    link = DeviceLink(silence_s=15)
    link.heard(said(seq=1), now=0)
    assert link.handle_timer(10_000, deaf=False) is False
    assert until(link, 10_100) is not None


def test_pages_that_nobody_remembers_do_not_pile_up():
    link = DeviceLink(silence_s=15)
    for n in range(1000):
        link.heard(said(page=f"p{n}"), now=n)
    assert link.page == "p999"
    assert len(link._runs) <= 64
