"""Whether the user wants to be notified: asked once, and never after a no."""

import asyncio

from realtime.notifications.permission import Granted, PermissionStatus, ask


class Dialog:
    """The system's question, which the test answers."""

    def __init__(self, status=PermissionStatus.UNDETERMINED):
        self.status = status
        self.asked = 0
        self.answer = asyncio.Event()

    async def request(self):
        self.asked += 1
        await self.answer.wait()
        return self.status


async def test_a_no_is_final():
    dialog = Dialog(PermissionStatus.DENIED)
    assert await ask(dialog) is PermissionStatus.DENIED
    assert dialog.asked == 0


async def test_a_yes_needs_no_question():
    dialog = Dialog(PermissionStatus.GRANTED)
    assert await ask(dialog) is PermissionStatus.GRANTED
    assert dialog.asked == 0
    assert await ask(Granted()) is PermissionStatus.GRANTED


async def test_otherwise_the_user_is_asked():
    dialog = Dialog()
    asking = asyncio.ensure_future(ask(dialog))
    await asyncio.sleep(0)
    dialog.status = PermissionStatus.DENIED
    dialog.answer.set()
    assert await asking is PermissionStatus.DENIED
    assert dialog.asked == 1
