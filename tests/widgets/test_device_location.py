"""The page's position as a source: in order, bounded, and begun with where the phone is."""

import asyncio

from realtime.location.sources import LocationSource
from tests.server.waiting import until
from tests.widgets.fakes import fix
from widgets.device_location import MAX_WAITING, DeviceLocation


def reading(source, heard):
    async def read():
        async for each in source:
            heard.append(each)

    return asyncio.get_running_loop().create_task(read())


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def ended(*tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_it_is_a_source_of_fixes():
    source = DeviceLocation(lambda: None)
    assert isinstance(source, LocationSource)
    assert repr(source) == "<DeviceLocation>"
    one, other = [], []
    tasks = reading(source, one), reading(source, other)
    await settle()
    source.put([fix(1), fix(2)])
    await settle()
    source.put([fix(3)])
    await settle()
    assert one == other == [fix(1), fix(2), fix(3)]
    await ended(*tasks)


async def test_who_begins_to_read_starts_with_the_present_position():
    """A phone that lies still measures nothing new for a long time."""
    source = DeviceLocation(lambda: fix(7))
    heard = []
    task = reading(source, heard)
    await settle()
    assert heard == [fix(7)]
    source.put([fix(8)])
    await settle()
    assert heard == [fix(7), fix(8)]
    await ended(task)


async def test_nothing_is_kept_for_those_who_do_not_read():
    source = DeviceLocation(lambda: None)
    heard = []
    task = reading(source, heard)
    await settle()
    await ended(task)
    source.put([fix(1)])
    task = reading(source, heard)
    await settle()
    assert heard == []
    await ended(task)


async def test_a_reader_that_does_not_come_along_loses_the_oldest():
    source = DeviceLocation(lambda: None)
    reader = aiter(source)
    first = asyncio.get_running_loop().create_task(anext(reader))
    await settle()
    source.put([fix(0)])
    await first
    source.put([fix(n) for n in range(1, MAX_WAITING + 11)])
    assert await anext(reader) == fix(11)
    await reader.aclose()


async def test_it_may_be_read_on_another_loop():
    """A cell reads the position of a bridge that lives on the lab's loop."""
    source = DeviceLocation(lambda: fix(1))
    heard = []
    task = reading(source, heard)
    await settle()
    await asyncio.to_thread(source.put, [fix(2)])
    await until(lambda: heard == [fix(1), fix(2)])
    await ended(task)


def test_a_reader_whose_loop_has_ended_keeps_nobody_from_reading():
    source = DeviceLocation(lambda: fix(1))
    reader = aiter(source)
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(anext(reader)) == fix(1)
    loop.close()
    source.put([fix(2)])


async def test_what_comes_as_somebody_begins_to_read_is_read_once():
    """Where the page measures between the two, on another thread, it is the present position and news."""
    newest = fix(1)

    def present():
        source.put([newest])
        return newest

    source, heard = DeviceLocation(present), []
    task = reading(source, heard)
    await settle()
    source.put([fix(2)])
    await settle()
    assert heard == [fix(1), fix(2)]
    await ended(task)
