"""Pages that a phone on a bad network can take."""

import msgspec
import pytest

from realtime.server.engine.base import Page, Record
from realtime.server.paging import fitted


def page(*sizes, more=False):
    records = tuple(Record("r", n, "e", b"%d" % n * size, "s") for n, size in enumerate(sizes, start=1))
    return Page("e", len(records), 0, records, more)


@pytest.mark.parametrize("more", [False, True])
def test_a_small_page_is_whole(more):
    messages, is_more = fitted(page(1, 1, 1, more=more), forward=True, max_bytes=10)
    assert messages == [msgspec.Raw(b"1"), msgspec.Raw(b"2"), msgspec.Raw(b"3")]
    assert is_more is more


def test_a_large_page_keeps_the_end_that_is_read_first():
    assert fitted(page(4, 4, 4), forward=True, max_bytes=10) == ([msgspec.Raw(b"1111"), msgspec.Raw(b"2222")], True)
    assert fitted(page(4, 4, 4), forward=False, max_bytes=10) == ([msgspec.Raw(b"2222"), msgspec.Raw(b"3333")], True)


def test_one_message_is_always_given():
    assert fitted(page(100, 1), forward=True, max_bytes=10) == ([msgspec.Raw(b"1" * 100)], True)
    assert fitted(page(100), forward=False, max_bytes=10) == ([msgspec.Raw(b"1" * 100)], False)
    assert fitted(page(), forward=True) == ([], False)
