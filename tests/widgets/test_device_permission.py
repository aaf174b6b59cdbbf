"""Permission to notify, as the page's user gives it: asked on the page, answered there, or nobody is there."""

import asyncio

from realtime.notifications.permission import PermissionStatus
from widgets.device_permission import DevicePermission
from widgets.device_report import Sense

UNDETERMINED, GRANTED, DENIED = PermissionStatus.UNDETERMINED, PermissionStatus.GRANTED, PermissionStatus.DENIED


async def asked(permission):
    task = asyncio.get_running_loop().create_task(permission.request())
    await asyncio.sleep(0)
    return task


async def test_without_a_page_nobody_can_be_asked():
    permission = DevicePermission(lambda: None)
    assert permission.status is UNDETERMINED
    assert await permission.request() is UNDETERMINED
    assert not permission.is_asked


async def test_the_question_waits_for_the_press_of_a_button():
    changes = []
    permission = DevicePermission(lambda: changes.append(permission.is_asked))
    permission.told(Sense.OFF)
    task = await asked(permission)
    assert permission.is_asked
    permission.told(Sense.OFF)
    permission.told(Sense.ASKING)
    await asyncio.sleep(0)
    assert not task.done()
    permission.told(Sense.ON)
    assert await task is GRANTED
    assert permission.status is GRANTED
    assert not permission.is_asked
    assert changes == [True, False]


async def test_what_cannot_be_granted_is_a_no():
    for sense in (Sense.DENIED, Sense.INSECURE, Sense.MISSING, Sense.FAILED):
        permission = DevicePermission(lambda: None)
        permission.told(sense)
        assert permission.status is DENIED
        assert await permission.request() is DENIED


async def test_a_question_ends_when_the_page_goes():
    permission = DevicePermission(lambda: None)
    permission.told(Sense.OFF)
    one, other = await asked(permission), await asked(permission)
    permission.gone()
    assert (await one, await other) == (UNDETERMINED, UNDETERMINED)
    assert not permission.is_asked


async def test_a_question_ends_when_the_page_falls_silent_and_what_was_said_stands():
    permission = DevicePermission(lambda: None)
    permission.told(Sense.OFF)
    task = await asked(permission)
    permission.silent()
    assert await task is UNDETERMINED
    permission.told(Sense.ON)
    permission.silent()
    assert permission.status is GRANTED


async def test_a_cancelled_question_is_asked_no_more():
    permission = DevicePermission(lambda: None)
    permission.told(Sense.OFF)
    task = await asked(permission)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not permission.is_asked


async def test_it_may_be_asked_on_another_loop():
    """A cell asks for what a bridge has that lives on the lab's loop."""
    permission = DevicePermission(lambda: None)
    permission.told(Sense.OFF)
    task = await asked(permission)
    await asyncio.to_thread(permission.told, Sense.ON)
    assert await asyncio.wait_for(task, 10) is GRANTED


async def test_an_answer_that_comes_as_it_is_asked_is_not_waited_for():
    permission = DevicePermission(lambda: permission.told(Sense.ON))
    permission.told(Sense.OFF)
    assert await asyncio.wait_for(permission.request(), 10) is GRANTED
