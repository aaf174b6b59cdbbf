"""Test processes that start together install the Node packages once."""

import asyncio
import threading

import pytest

from tests.interop.node_packages import one_at_a_time

pytest.importorskip("fcntl", reason="no file locks here")


async def test_who_comes_second_waits_for_the_first():
    told, may_end = [], threading.Event()

    def first():
        with one_at_a_time():
            told.append("first in")
            entered.set()
            assert may_end.wait(20)
            told.append("first out")

    def second():
        with one_at_a_time():
            told.append("second in")

    entered = threading.Event()
    one = asyncio.create_task(asyncio.to_thread(first))
    assert await asyncio.to_thread(entered.wait, 20)
    two = asyncio.create_task(asyncio.to_thread(second))
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(one, two)
    assert told == ["first in", "first out", "second in"]
