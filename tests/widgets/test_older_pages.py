"""Older pages are fetched beside the kernel's threads, one at a time, and a failure is told."""

import threading

import pytest

from tests.widgets.waiting import eventually
from widgets.older_pages import OlderPages


def test_one_page_at_a_time_and_never_on_the_callers_thread():
    go_on, loaded, changed = threading.Event(), [], []

    def load():
        loaded.append(threading.current_thread())
        assert go_on.wait(30)

    pages = OlderPages(load, done=lambda error: changed.append(error))
    pages.fetch()
    pages.fetch()
    assert pages.loading
    go_on.set()
    eventually(lambda: changed)
    assert changed == [None]
    assert not pages.loading
    assert len(loaded) == 1
    assert loaded[0] is not threading.current_thread()


@pytest.mark.parametrize("error", [ConnectionError("there is no connection"), TimeoutError()])
def test_a_failure_is_told_and_the_next_try_is_a_new_one(error):
    told = []

    def load():
        raise error

    pages = OlderPages(load, done=told.append)
    pages.fetch()
    eventually(lambda: told)
    pages.fetch()
    eventually(lambda: len(told) == 2)
    assert told == [error, error]
